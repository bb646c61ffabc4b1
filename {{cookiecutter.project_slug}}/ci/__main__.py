"""Run the checks of the CI at once: `pipenv run ci` runs all of them, `pipenv run ci types tests` runs these two."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple


class Check(NamedTuple):
    """Commands, each of which runs if the one before has succeeded, and what to do if one fails."""

    commands: Sequence[str]
    remedy: str
    environment: Mapping[str, str] = {}


# A server in production. Nothing listens there.
PRODUCTION = {
    "DEBUG": "False",
    "SECRET_KEY": "0123456789" * 5,
    "ALLOWED_HOSTS": "www.example.com",
    "DATABASE_URL": "postgres://127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1",
    "TRUSTED_PROXIES": "1",
}

CHECKS = {
    "code": Check(["ruff check"], "pipenv run fix"),
    "format": Check(["ruff format --check"], "pipenv run fix"),
    "templates": Check(["djlint . --lint --quiet"], "pipenv run ci templates"),
    "types": Check(["mypy ."], "pipenv run ci types"),
    "migrations": Check(["python manage.py makemigrations --check"], "pipenv run python manage.py makemigrations"),
    "safe-migrations": Check(
        ["python manage.py lintmigrations --quiet ok ignore"], "see docs/checks.md", {"LOG_LEVEL": "ERROR"}
    ),
    "deploy": Check(["python manage.py check --deploy --fail-level WARNING"], "pipenv run ci deploy", PRODUCTION),
    "api": Check(["python -m ci.api_changes"], "see docs/checks.md"),
    "tests": Check(
        [
            "coverage erase",
            "coverage run --parallel-mode --concurrency=multiprocessing,thread manage.py test --parallel",
            "coverage combine --quiet",
            "coverage report",
        ],
        "pipenv run test",
    ),
}


class Run:
    """A check that runs: whether it has succeeded, its output and how many seconds it took."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.process: subprocess.Popen[str] | None = None
        self.is_stopped = False
        self.output = ""
        self.seconds = 0.0

    def finish(self) -> bool:
        start = time.monotonic()
        for command in self.check.commands:
            self.process = subprocess.Popen(
                command.split(),
                env={**os.environ, **self.check.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            # Ctrl-C came while no command or the one before ran.
            if self.is_stopped:
                self.stop()
            self.output += self.process.communicate()[0]
            if self.process.returncode:
                break
        self.seconds = time.monotonic() - start
        return not self.process.returncode if self.process else True

    def stop(self) -> None:
        self.is_stopped = True
        if self.process:
            self.process.send_signal(signal.SIGINT)


def run(checks: Mapping[str, Check]) -> int:
    """Run these checks at once, print the output of those that fail and a line for each; return the exit code."""
    runs = {name: Run(check) for name, check in checks.items()}
    with ThreadPoolExecutor(len(runs)) as pool:
        try:
            futures = {name: pool.submit(each.finish) for name, each in runs.items()}
            succeeded = {name: future.result() for name, future in futures.items()}
        except KeyboardInterrupt:
            for each in runs.values():
                each.stop()
            return 130
    for name, ok in succeeded.items():
        if not ok:
            print(f"----- {name} -----\n{runs[name].output}")
    for name, ok in succeeded.items():
        result = "ok" if ok else f"failed: {checks[name].remedy}"
        print(f"{name:16}{runs[name].seconds:5.1f} s  {result}")
    return 0 if all(succeeded.values()) else 1


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(CHECKS)
    if unknown:
        sys.exit(f"There is no check {', '.join(sorted(unknown))}. The checks are: {', '.join(CHECKS)}.")
    sys.exit(run({name: check for name, check in CHECKS.items() if name in (sys.argv[1:] or CHECKS)}))
