"""Answers requests in one process, without a server, and measures the processor time of each.

`Loop` starts this file with the Python of a project. The file imports nothing of this repository.
"""

import contextlib
import functools
import importlib
import io
import itertools
import json
import os
import pkgutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

TOKEN = "a" * 32
BODY = b'{"name": "Compass", "description": "Points north."}'


class Loop:
    """A process that answers the requests of a project's users, whose session keys are in the file `sessions`."""

    def __init__(self, project, package, environment, sessions, parts=None):
        command = [project.python, __file__, package, sessions, json.dumps(parts or {})]
        # Two processes with the same code order their sets and dicts alike.
        environment = project.environment(PYTHONHASHSEED=0, **environment)
        pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([*map(str, command)], cwd=project.path, env=environment, **pipe)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def ask(self, method, path, count):
        """Return the milliseconds of a processor that each of `count` requests took; with parts, those of each."""
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps([method, path, count]), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{method} {path} failed; the reason is above.")
        return json.loads(line)


class Stopwatch:
    """Adds the processor time up by part: the first part in the list of those that have begun gets it."""

    def __init__(self, parts):
        self.names = list(parts)
        self.current = len(self.names)
        self.seconds = [0.0] * (len(self.names) + 1)
        self.calls = [0] * len(self.names)
        self.last = 0.0
        for number, name in enumerate(self.names):
            for path in parts[name]:
                self.watch(path, number)

    def watch(self, path, number):
        """Replace the function or property at this dotted path by one that is measured."""
        owner_path, name = path.rsplit(".", 1)
        owner = pkgutil.resolve_name(owner_path)
        # A method that is only inherited has another dotted path.
        found = vars(owner)[name]
        if isinstance(found, property):
            measured = property(self.measured(found.fget, number), found.fset)
        else:
            measured = self.measured(found, number)
        setattr(owner, name, measured)

    def measured(self, function, number):
        @functools.wraps(function)
        def run(*args, **kwargs):
            outer = self.current
            self.calls[number] += number <= outer
            self.switch(min(outer, number))
            try:
                return function(*args, **kwargs)
            finally:
                self.switch(outer)

        return run

    def switch(self, number):
        if number != self.current:
            now = time.process_time()
            self.seconds[self.current] += now - self.last
            self.current, self.last = number, now

    def start(self):
        self.seconds = [0.0] * len(self.seconds)
        self.calls = [0] * len(self.calls)

    def request(self, function):
        """Call a function; the time outside of all parts counts too."""
        self.last = time.process_time()
        try:
            return function()
        finally:
            self.seconds[-1] += time.process_time() - self.last

    def found(self, count):
        """Return part -> milliseconds of a request for each part that was called; "" is the rest."""
        called = {name: self.seconds[number] for number, name in enumerate(self.names) if self.calls[number]}
        return {name: seconds / count * 1000 for name, seconds in {**called, "": self.seconds[-1]}.items()}


def answer(application, method, path, session):
    """Return the status and the body of a response."""
    body = BODY if method == "POST" else b""
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json" if body else "",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_COOKIE": f"sessionid={session}; csrftoken={TOKEN}",
        "HTTP_REFERER": "https://127.0.0.1/",
        "HTTP_X_CSRFTOKEN": TOKEN,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    statuses = []
    response = application(environ, lambda status, headers, error=None: statuses.append(status))
    body = b"".join(response)
    response.close()
    return statuses[0], body


def main(package, file, parts):
    # Instead of the folder of this file, where modules have the names of other packages.
    sys.path[0] = os.getcwd()
    # The log of each request goes nowhere, but costs what it costs.
    sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    stopwatch = None
    if json.loads(parts):
        # Before the application, which keeps some of the functions.
        os.environ["DJANGO_SETTINGS_MODULE"] = f"{package}.settings"
        importlib.import_module("django").setup()
        stopwatch = Stopwatch(json.loads(parts))
    application = importlib.import_module(f"{package}.wsgi").application
    sessions = itertools.cycle(Path(file).read_text().split())
    for line in sys.stdin:
        method, path, count = json.loads(line)
        seconds = 0.0
        if stopwatch:
            stopwatch.start()
        for _ in range(count):
            ask = functools.partial(answer, application, method, path, next(sessions))
            started = time.process_time()
            status, body = stopwatch.request(ask) if stopwatch else ask()
            seconds += time.process_time() - started
            if not status.startswith("20"):
                raise RuntimeError(f"{status} {body[:1000]}")
        print(json.dumps(stopwatch.found(count) if stopwatch else seconds / count * 1000), flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception:
        traceback.print_exc(file=sys.__stderr__)
        sys.exit(1)
