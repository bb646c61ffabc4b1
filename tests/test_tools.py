"""What make does before it runs anything: the machine's programs, and the tools in .venv; and the benchmarks."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from template_code.questions import ROOT
from tests.mutations import FEWEST, read_rows
from tests.support import report
from tools import prepare
from tools.benchmarks import compare, crowd, loop, profiles, servers


def test_a_python_without_venv_is_told_the_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else name)
    monkeypatch.setattr("tools.prepare.install_with_apt", lambda *packages: False)
    assert "sudo apt-get install python3." in prepare.problem()


def test_the_venv_is_made_once(tmp_path, monkeypatch, capfd):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "none.txt").write_text("")
    monkeypatch.setattr(prepare, "ROOT", tmp_path)
    monkeypatch.setattr(prepare, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(prepare, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    installed = []
    monkeypatch.setattr(prepare, "install_tools", installed.append)

    def make_venv(command, **options):
        assert command[1:] == ["-m", "venv", "--clear", str(prepare.VENV)]
        prepare.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        prepare.PYTHON.touch()

    monkeypatch.setattr(prepare.subprocess, "run", make_venv)
    prepare.install("none.txt")
    assert "Creating .venv" in capfd.readouterr().out
    prepare.install("none.txt")
    assert capfd.readouterr().out == ""
    (tmp_path / "tools" / "none.txt").write_text("# another one\n")
    prepare.install("none.txt")
    assert "Creating .venv" not in capfd.readouterr().out
    assert installed == [tmp_path / "tools" / "none.txt"] * 2
    (tmp_path / ".venv" / "made-by").write_text("another Python")
    prepare.install("none.txt")
    assert "Creating .venv" in capfd.readouterr().out


@pytest.fixture
def bare(tmp_path):
    """The environment of a machine that has Python, make and git, and no way to install more."""
    for name in "python3", "make", "git", "sh", "env", "sed":
        path = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True).stdout
        (tmp_path / name).symlink_to(os.path.realpath(path.strip()))
    return {"PATH": str(tmp_path)}


@pytest.mark.parametrize(
    ("target", "absent"),
    [
        ("test", ["chromium", "redis-server"]),
        ("matrix", ["chromium", "redis-server", "curl", "openssl"]),
    ],
)
def test_all_that_the_machine_lacks_is_named_before_anything_is_installed(tmp_path, bare, target, absent):
    clone = tmp_path / "clone"
    (clone / "tools").mkdir(parents=True)
    for name in "Makefile", "tools/prepare.py", "tools/requirements-test.txt":
        (clone / name).write_text((ROOT / name).read_text())
    command = ["make", target, f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=clone, env=bare, capture_output=True, text=True)
    assert done.returncode == 2
    line, *_ = done.stderr.splitlines()
    names, command = re.fullmatch(
        "make: (.*) are missing; install all with: sudo apt-get install --yes (.*)", line
    ).groups()
    assert set(absent) <= set(names.split(", "))
    assert set(absent) <= set(command.split())
    assert not (clone / ".venv").exists()


def test_packages_are_installed_all_at_once(monkeypatch):
    asked = []

    def install(*packages):
        asked.append(packages)
        monkeypatch.setattr(prepare, "find", lambda program: f"/usr/bin/{program}")
        return True

    monkeypatch.setattr(prepare, "find", lambda program: None)
    monkeypatch.setattr(prepare, "install_with_apt", install)
    assert prepare.problem_with_programs(["one", "unshare"]) is None
    assert asked == [("one", "util-linux")]


def test_an_apt_get_that_fails_is_no_remedy(monkeypatch):
    monkeypatch.setattr(prepare, "install_with_apt", lambda *packages: False)
    told = prepare.problem_with_programs(["no-such-program", "sh"])
    assert told == "no-such-program is missing; install all with: sudo apt-get install --yes no-such-program"


@pytest.fixture
def commands(monkeypatch):
    """The commands that prepare.py would run; uv fails."""
    commands = []

    def run(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, int(command[0].endswith("/uv")))

    monkeypatch.setattr(prepare.subprocess, "run", run)
    return commands


def test_the_tools_are_installed_by_uv_which_is_pinned_and_by_pip_where_uv_fails(commands):
    prepare.install_tools(ROOT / "tools" / "requirements.txt")
    first, second, third = commands
    assert (first[1:4], Path(first[-1]).name) == (["-m", "pip", "install"], "uv.txt")
    assert (second[0], second[-1]) == (str(prepare.VENV / "bin" / "uv"), str(ROOT / "tools" / "requirements.txt"))
    assert (third[1:4], third[-1]) == (["-m", "pip", "install"], str(ROOT / "tools" / "requirements.txt"))
    assert all("--require-hashes" in command for command in commands)


def test_the_timings_of_the_last_run_are_written_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "REPORTS", tmp_path)
    monkeypatch.setattr(report, "FILE", tmp_path / "CONTRIBUTING.md")
    (tmp_path / "phases").write_text("test 20\nmatrix 30\nall 51\n")
    case = '<testcase classname="tests.setup.test_x" name="test_{}" time="{}"/>'
    for target, seconds in ("test", [1, 3]), ("matrix", [2]):
        cases = "".join(case.format(f"{target}_{number}", number) for number in seconds)
        (tmp_path / f"{target}.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    report.FILE.write_text("Before\n<!-- timings -->\nold\n<!-- end of timings -->\nAfter\n")
    report.main("--write")
    written = report.FILE.read_text()
    assert written.startswith("Before\n<!-- timings -->\n| Phase |")
    assert written.endswith("\n<!-- end of timings -->\nAfter\n")
    for row in "| `make test` | 2 | 20 |", "| `make matrix` | 1 | 30 |", "| `.ci/run` | 3 | 51 |":
        assert row in written
    slowest = [line for line in written.splitlines() if "test_x::" in line]
    assert slowest == [f"| `test_x::test_{name}` | {name[-1]} |" for name in ("test_3", "matrix_2", "test_1")]


def test_each_mutation_can_be_applied_and_names_tests():
    # Otherwise it exits with what is wrong.
    assert len(read_rows()) >= FEWEST


WRK = """Running 1s test @ http://127.0.0.1:8000/
  Latency Distribution
     50%    3.01ms
     99%    {}
  12 requests in 1.00s, 4.10KB read
{}Requests/sec:     12.50
"""


@pytest.mark.parametrize(
    ("written", "milliseconds"), [("250.00us", 0.25), ("7.50ms", 7.5), ("1.05s", 1050), ("2.00m", 120_000)]
)
def test_the_benchmark_reads_each_unit_of_wrk(written, milliseconds):
    assert servers.parse(WRK.format(written, ""))[:3] == (12.5, milliseconds, "")


def test_the_benchmark_reads_the_errors_of_wrk():
    lines = ["Socket errors: connect 0, read 1, write 0, timeout 2", "Non-2xx or 3xx responses: 3"]
    said = WRK.format("1.00s", "".join(f"  {line}\n" for line in lines))
    assert servers.parse(said).errors == "; ".join(lines)


def test_a_ratio_of_the_benchmark_is_of_the_same_round():
    slow, fast = ([servers.Answers(rate, 1, "") for rate in rates] for rates in ([50, 20, 10], [100, 40, 40]))
    assert servers.ratio(slow, fast) == 0.5


@pytest.mark.parametrize(
    ("answer", "is_complete"),
    [
        (b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 3\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 3\r\n\r\nab", False),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nabc", False),
        (b"", False),
    ],
)
def test_a_slow_client_counts_as_answered_with_all_of_its_answer(answer, is_complete):
    assert crowd.complete(answer) == is_complete


def test_all_slow_clients_that_are_answered_count(monkeypatch):
    async def slow_client(port, path, session, seconds):
        await asyncio.sleep(0)
        if session == "lost":
            raise ConnectionResetError
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    monkeypatch.setattr(crowd, "slow_client", slow_client)
    with crowd.SlowClients(1, "/", ["one", "two", "lost"], 1) as clients:
        pass
    assert clients.answered == 2


@pytest.mark.parametrize(("milliseconds", "mark"), [(1.04, ""), (1.06, "slower")])
def test_a_request_is_slower_if_it_takes_more_than_5_percent_longer(milliseconds, mark):
    rounds = {"base": [1.0, 2.0, 1.0], "working tree": [milliseconds, 2 * milliseconds, 9.0]}
    rows, slower = compare.compare({("GET", "/"): rounds, ("GET", "/b"): {"base": [2.0], "working tree": [1.0]}})
    assert [row[-1] for row in rows] == [mark, ""]
    assert slower == bool(mark)


@pytest.mark.parametrize("base", ["", "no-such-commit", "--help"])
def test_without_a_base_there_is_one_sentence(base):
    with pytest.raises(SystemExit, match=r"^[A-Z][^\n]+$"):
        compare.main(base)


CLOCK = [0.0]


def slowly(milliseconds, inner=None):
    CLOCK[0] += milliseconds / 1000
    if inner:
        inner()


class Timed:
    """What the stopwatch measures."""

    @property
    def row(self):
        return slowly(20)

    def page(self):
        slowly(40, lambda: self.row)

    def user(self):
        slowly(80, lambda: self.row)


@pytest.fixture
def timed(monkeypatch):
    """Return a function that measures what it is given; parts end with the test."""
    for name, member in list(vars(Timed).items()):
        if not name.startswith("__"):
            monkeypatch.setattr(Timed, name, member)
    monkeypatch.setattr(loop.time, "process_time", lambda: CLOCK[0])

    def timed(parts, request):
        stopwatch = loop.Stopwatch({name: [f"{__name__}.Timed.{path}"] for name, path in parts.items()})
        stopwatch.start()
        stopwatch.request(request)
        return {name: round(milliseconds) for name, milliseconds in stopwatch.found(1).items()}

    return timed


def test_the_time_of_a_part_within_another_counts_for_the_first_one_of_the_list(timed):
    parts = {"user": "user", "rows": "row", "page": "page"}
    one = Timed()
    assert timed(parts, lambda: slowly(30, one.page)) == {"rows": 20, "page": 40, "": 30}
    assert timed(parts, lambda: one.user()) == {"user": 100, "": 0}


def test_a_part_that_has_been_renamed_ends_the_benchmark(timed):
    with pytest.raises(KeyError, match="users"):
        timed({"user": "users"}, None)


def test_a_part_that_is_not_called_ends_the_benchmark():
    request = ("GET", "/items/")
    found = dict.fromkeys(profiles.EXPECTED[request], 1.0)
    profiles.check("ours", request, found)
    for wrong in {name: 1.0 for name in found if name != "template"}, {**found, "throttles": 1.0}:
        with pytest.raises(SystemExit, match=r"GET /items/ of ours has .+\. Correct .+profiles\.py\.$"):
            profiles.check("ours", request, wrong)
