# Both commands make all that they need in ignored folders of this clone: .venv, .cache and demo.
#
#   make demo                        a project from this template, served on http://127.0.0.1:8000/
#   make demo interface=WSGI port=8001 project_name="Corner Shop"
#                                    every question of cookiecutter.json can be answered like this; the next
#                                    `make demo` with the same answers serves the same project again, other
#                                    answers (or a changed template) make demo/ anew
#   make test                        ruff and the tests
#   make matrix                      the wide end-to-end tests: every pair of answers on every Python present, every
#                                    failure of the set-up, every place and way to run it, updates with cruft
#   make test-all                    both
#   make mutations                   breaks the template in many ways, one at a time: a test must notice each
#   make timings                     the seconds of the last run of .ci/run, in CONTRIBUTING.md
#   make load                        the heavy runs: thousands of sockets, restarts under load, hostile clients
#   make docs                        what README.md shows: the questions, a transcript and a picture
#   make versions                    newer versions of all that a project installs, in template_code/versions/
#   make requirements                newer pinned tools
#   make release                     a new version, in CHANGELOG.md and as a tag; says what to push
#   make benchmark                   the time from the command to the first page, beside that of doing it by hand
#   make benchmark-servers           requests a second and memory of each server, beside a bare project on the same
#                                    one, and the cost of long lists; into tools/benchmarks/README.md
#   make ... PYTHON=python3.12       with another Python than python3

PYTHON ?= python3
TOOLS = "$(PYTHON)" -m tools.prepare requirements-test.txt
TEST = git chromium redis-server
MATRIX = $(TEST) apache2 curl debootstrap java nginx node npm openssl pgbouncer unshare
LOAD = $(MATRIX)
PYTEST = .venv/bin/python -m pytest --numprocesses logical --dist loadfile --no-loadscope-reorder
COMPILE = .venv/bin/uv pip compile --no-config --quiet --upgrade --universal --python-version 3.9 \
	--generate-hashes --no-build --custom-compile-command "make requirements"

.PHONY: help demo tools test matrix test-all mutations timings load docs versions requirements release \
	benchmark benchmark-servers
.NOTPARALLEL:

help:
	@sed -n 's/^# \{0,1\}//p' Makefile

demo:
	@"$(PYTHON)" -m tools.demo

tools:
	@$(TOOLS)

test:
	@$(TOOLS) $(TEST)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(PYTEST) --junitxml=.cache/reports/test.xml

matrix:
	@$(TOOLS) $(MATRIX)
	$(PYTEST) --junitxml=.cache/reports/matrix.xml -m matrix

test-all: test matrix

mutations:
	@$(TOOLS) $(MATRIX)
	.venv/bin/python -m tests.mutations

timings: tools
	.venv/bin/python -m tests.support.report --write

load:
	@$(TOOLS) $(LOAD)
	.venv/bin/python -m pytest -m load -s

docs:
	@$(TOOLS) $(TEST)
	.venv/bin/python -m tools.docs

versions: tools
	.venv/bin/python -m tools.versions

requirements: tools
	$(COMPILE) tools/requirements.in --output-file tools/requirements.txt
	$(COMPILE) tools/requirements-test.in --output-file tools/requirements-test.txt

release:
	@"$(PYTHON)" -m tools.release

benchmark: tools
	.venv/bin/python -m tools.benchmarks.generation

benchmark-servers:
	@$(TOOLS) $(LOAD) wrk
	.venv/bin/python -m tools.benchmarks.servers
