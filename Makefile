# The targets install what they need into ignored folders of this clone: .venv, .cache and demo.
#
#   make demo                        generates a project and serves it on http://127.0.0.1:8000/
#   make demo interface=WSGI port=8001 project_name="Corner Shop"
#                                    answers questions of cookiecutter.json; the project is regenerated only when the
#                                    answers or the template have changed
#   make test                        ruff, mypy and the tests
#   make matrix                      the wide end-to-end tests: every pair of answers, every Python of this machine,
#                                    every failure of the set-up, every way to run it, updates with cruft
#   make test-all                    both
#   make mutations                   breaks the template in many ways, one at a time: a test must notice each
#   make timings                     writes the seconds of the last run of .ci/run into CONTRIBUTING.md
#   make load                        the heavy runs: thousands of sockets, restarts under load, hostile clients
#   make hosts                       several machines under 200 requests a second, which are updated and cut off
#   make docs                        refreshes README.md: the questions, a transcript and a picture
#   make versions                    updates the packages of generated projects, in template_code/versions/
#   make requirements                updates the pinned tools of this repository
#   make release                     makes a version: CHANGELOG.md, cookiecutter.json and a tag; says what to push
#   make benchmark                   the time from the command to the first page, compared with doing it by hand, the
#                                    rendering alone, and the start of commands and servers; into
#                                    tools/benchmarks/README.md
#   make benchmark-servers           requests per second and memory of each server, compared with queries by hand, with
#                                    FastAPI and with a bare project; into the same page
#   make benchmark-compare BASE=main compares the speed of the project with that of another commit; fails if a request
#                                    has become slower by more than 5 %
#   make benchmark-scaling           which limit a deployed project reaches first, and what each step of growth gives;
#                                    into deploy/SCALING.md of the project
#   make ... PYTHON=python3.12       uses another Python than python3

PYTHON ?= python3
TOOLS = "$(PYTHON)" -m tools.prepare requirements-test.txt
TEST = git chromium msgfmt openssl redis-server
MATRIX = $(TEST) apache2 buildah curl debootstrap ip iptables java nginx node npm pgbouncer podman prometheus \
	rabbitmq-server runc slirp4netns unshare wrk
LOAD = $(MATRIX)
PYTEST = .venv/bin/python -m pytest --numprocesses logical --dist loadfile --no-loadscope-reorder
COMPILE = .venv/bin/uv pip compile --no-config --quiet --upgrade --universal --python-version 3.9 \
	--generate-hashes --no-build --custom-compile-command "make requirements"

.PHONY: help demo tools test matrix test-all mutations timings load hosts docs versions requirements release \
	benchmark benchmark-servers benchmark-compare benchmark-scaling
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
	.venv/bin/mypy
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

hosts:
	@$(TOOLS) $(LOAD)
	.venv/bin/python -m pytest -m load -s tests/load/test_several_hosts.py

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
	@$(TOOLS) $(LOAD)
	.venv/bin/python -m tools.benchmarks.servers

benchmark-compare:
	@$(TOOLS) $(TEST)
	.venv/bin/python -m tools.benchmarks.compare "$(BASE)"

benchmark-scaling:
	@$(TOOLS) $(LOAD)
	.venv/bin/python -m tools.benchmarks.scaling
