"""Run a project's service under systemd, sign users in, and send requests at a constant rate."""

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import re
import resource
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import websockets.asyncio.client

from tests.support.machine import free_port, program
from tests.support.production import Deployment
from tests.support.project import Server
from tests.support.proxies import LIMIT, memory, tls_context

TOKEN = "a" * 32

# LISTEN_PID must be the server's own process id. `exec` keeps the id of this process.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
if int(sys.argv[1]) != 3:
    os.close(int(sys.argv[1]))
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""

USERS = """
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
for number in range({count}):
    user = get_user_model().objects.create_user(username=f"user-{{number}}", email=f"user-{{number}}@example.com")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print("session", session.session_key)
"""


def sessions(manage, count):
    """Create users; return one session key per user. `manage` runs manage.py and returns its output."""
    return re.findall("^session (.+)$", manage("shell", "-c", USERS.format(count=count)), re.MULTILINE)


@contextlib.contextmanager
def deployments_with(users, installed, postgres, redis_port):
    """Yield a function that returns the Deployment of an interface; its `sessions` has one session key per user."""
    made = {}
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        # The proxy may run as another user, which needs access.
        os.chmod(name, 0o755)

        def deployment(interface):
            if interface not in made:
                settings = {"REDIS_URL": f"redis://127.0.0.1:{redis_port}/0", "WEB_CONCURRENCY": 2}
                folder = Path(name, interface)
                made[interface] = Deployment(installed(interface), folder, postgres.database(), **settings).prepare()
                made[interface].sessions = sessions(lambda *words: made[interface].run(*words).stdout, users)
            return made[interface]

        yield deployment


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("127.0.0.1", timeout=LIMIT)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Service(Server):
    """The service of deploy/ as systemd runs it: its socket is open before the server starts and during restarts."""

    numbers = itertools.count(1)

    def __init__(self, deployment, folder, **settings):
        name = f"service-{next(self.numbers)}"
        self.path = Path(folder, f"{name}.sock")
        super().__init__(None, None, Path(folder, f"{name}.log"))
        self.deployment = deployment
        self.settings = settings
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        # The proxy may run as another user.
        self.path.chmod(0o666)
        self.listener.listen(4096)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error):
        self.end()
        self.listener.close()

    def start(self):
        project = self.deployment.project
        unit = (project.path / "deploy" / f"{project.path.name}.service").read_text()
        (command,) = re.findall("^ExecStart=/usr/bin/env (.+)$", unit, re.MULTILINE)
        program, *arguments = shlex.split(command)
        number = self.listener.fileno()
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", HAND_OVER, str(number), project.path / program, *arguments],
                cwd=project.path,
                env=project.environment(**{**self.deployment.environment, "PYTHONUNBUFFERED": 1, **self.settings}),
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_until_ready("/readyz", {})
        return self

    def stop(self):
        """Stop the server as systemd does."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(LIMIT) == 0, self.log

    def restart(self):
        self.stop()
        self.start()

    def answer(self, path):
        """Return the status and text of a response that comes directly from this server, not from a proxy."""
        with contextlib.closing(UnixConnection(self.path)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def status(self, path, headers):
        try:
            return self.answer(path)[0]
        except (OSError, http.client.HTTPException) as error:
            return repr(error)

    def memory(self):
        return memory(self.process.pid)


class Redis:
    """A Redis server that a test stops and starts; it loses its data when it stops, unless it `saves`."""

    def __init__(self, folder, saves=False):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        save = "3600 1" if saves else ""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", save, "--dir", str(folder)]
        self.command = [program("redis-server"), *options, "--logfile", "redis.log"]
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def start(self):
        self.process = subprocess.Popen(self.command)
        limit = time.monotonic() + LIMIT
        while True:
            assert self.process.poll() is None, "redis-server exited"
            with contextlib.suppress(ConnectionError):
                with socket.create_connection(("127.0.0.1", self.port), LIMIT) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(100) == b"+PONG\r\n":
                        return
            assert time.monotonic() < limit, "redis-server does not answer"
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(LIMIT)


def cookies(session):
    return f"sessionid={session}; csrftoken={TOKEN}"


def request(method, path, session="", body=b"", **headers):
    """Return the bytes of a request like those from the page of a signed-in user."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Referer: https://127.0.0.1/", f"X-CSRFToken: {TOKEN}"]
    if session:
        lines.append(f"Cookie: {cookies(session)}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def read_answer(reader):
    """Return the status, headers and body of one response."""
    head = await reader.readuntil(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(status_line.split()[1]), headers, body


class Answer(NamedTuple):
    """The result of a request: its status, or the error; the times are from time.monotonic()."""

    method: str
    name: str
    status: object
    asked: float
    answered: float


class Load:
    """
    Sends `rate` requests per second through a proxy until the block ends, even if earlier ones are not answered yet.

    The users take turns. Every third request creates an item with a unique name, the others list items.
    """

    def __init__(self, front, users, rate, paths=("/api/v1/items/",)):
        self.front = front
        self.users = users
        self.rate = rate
        self.paths = itertools.cycle(paths)
        self.name = secrets.token_hex(8)
        self.answers = []
        # The requests without an answer: number -> when it was sent.
        self.waiting = {}
        self.idle = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.ending.set()
        self.thread.join()

    async def run(self):
        context, tasks, start = tls_context(), [], time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(start + number / self.rate - time.monotonic())
            if self.ending.is_set():
                break
            tasks.append(asyncio.create_task(self.ask(number, context)))
        await asyncio.gather(*tasks)
        for _, writer in self.idle:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def ask(self, number, context):
        session, asked = self.users[number % len(self.users)], time.monotonic()
        self.waiting[number] = asked
        method, path, name, body = "GET", next(self.paths), "", b""
        if number % 3 == 0:
            method, path, name = "POST", "/api/v1/items/", f"{self.name}-{number}"
            body = json.dumps({"name": name}).encode()
        try:
            status = await asyncio.wait_for(self.exchange(request(method, path, session, body), context), LIMIT)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            status = repr(error)
        self.answers.append(Answer(method, name, status, asked, time.monotonic()))
        del self.waiting[number]

    async def exchange(self, sent, context):
        # The proxy closes connections that were idle for some seconds.
        while self.idle and self.idle[-1][0].at_eof():
            self.idle.pop()[1].close()
        if self.idle:
            reader, writer = self.idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.front.https, ssl=context)
        kept = False
        try:
            writer.write(sent)
            status, headers, _ = await read_answer(reader)
            kept = headers.get("connection") != "close"
            return status
        finally:
            if kept:
                self.idle.append((reader, writer))
            else:
                writer.close()

    def failures(self):
        """Return the answers that are neither 200 for a GET nor 201 for a POST."""
        return [answer for answer in self.answers if answer.status != (201 if answer.method == "POST" else 200)]

    def check_items(self, postgres, database):
        """Check that the database has each item whose creation was acknowledged, and has no item twice."""
        found = postgres.sql("SELECT name FROM items_item", database).splitlines()
        ours = [name for name in found if name.startswith(f"{self.name}-")]
        assert len(ours) == len(set(ours)), "some were created twice"
        acknowledged = {answer.name for answer in self.answers if answer.status == 201}
        assert acknowledged
        assert acknowledged <= set(ours), f"lost: {acknowledged - set(ours)}"

    def numbers(self):
        seconds = sorted(answer.answered - answer.asked for answer in self.answers)
        length = max(answer.answered for answer in self.answers) - min(answer.asked for answer in self.answers)
        count = len(seconds)
        return f"{count} requests in {length:.0f} s, slowest {seconds[-1]:.2f} s, median {seconds[count // 2]:.3f} s"


def live(front, session, context=None, **options):
    """Open the WebSocket of a user's page through a proxy."""
    return websockets.asyncio.client.connect(
        f"wss://127.0.0.1:{front.https}/ws/items/",
        ssl=context or tls_context(),
        origin="https://127.0.0.1",
        additional_headers={"Cookie": cookies(session)},
        proxy=None,
        open_timeout=LIMIT,
        **options,
    )


async def ask(front, sent):
    """Send these bytes on a new connection; return the status and JSON of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", front.https, ssl=tls_context())
    try:
        writer.write(sent)
        status, _, body = await asyncio.wait_for(read_answer(reader), LIMIT)
        return status, json.loads(body or "null")
    finally:
        writer.close()


async def create(front, session, name):
    """Create an item; return its id."""
    body = json.dumps({"name": name}).encode()
    status, item = await ask(front, request("POST", "/api/v1/items/", session, body))
    assert status == 201, item
    return item["id"]


def many_files():
    """Raise the limit of open files of this process and its children as far as allowed; return the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def report(*words):
    print("\nload:", *words, flush=True)
