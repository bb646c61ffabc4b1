"""Hostile clients at a deployed project: behind nginx or Apache, in Apache, and directly at the servers."""

import asyncio
import contextlib
import json
import os
import re
import socket
import tempfile
import threading
import time

import pytest

from tests.support.deployed import DEBIANS_PYTHON, FOLDER, WAIT, deployed_on_debian
from tests.support.load import (
    Service,
    create,
    deployments_with,
    live,
    many_files,
    read_answer,
    report,
    request,
    sessions,
)
from tests.support.production import INTERFACES
from tests.support.proxies import LIMIT, PROXIES, Front, family, memory, tls_context

pytestmark = pytest.mark.load

FRONTS = [("nginx", "ASGI"), ("nginx", "WSGI"), ("Apache", "ASGI"), ("mod_wsgi in Apache", "WSGI")]
# MiB of memory that an attack may cost the server, and the proxy.
CAP = 200
TOO_LARGE = 10 * 1024 * 1024 + 1
# The proxy may keep each body up to the allowed size.
BODIES = 30


@pytest.fixture(scope="module")
def deployments(installed, postgres, redis_port):
    with deployments_with(2, installed, postgres, redis_port) as deployments:
        yield deployments


class Site:
    """A server and, unless requests go to it directly, the proxy in front of it."""

    def __init__(self, name, session, service, front=None):
        self.name = name
        self.session = session
        self.service = service
        self.front = front

    def connect(self):
        """Return a new connection; the caller closes it."""
        if self.front:
            return self.front.connect()
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(LIMIT)
        connection.connect(str(self.service.path))
        return connection

    def says(self, sent, patience=2):
        """Send these bytes; return the response until the connection closes or is silent for `patience` seconds."""
        answer = b""
        with contextlib.closing(self.connect()) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(sent)
                connection.settimeout(patience)
                while received := connection.recv(65536):
                    answer += received
        return answer

    def logged(self):
        """Return the paths of the requests that the application has logged."""
        return re.findall(r'"path": "([^"]*)"', self.service.log)

    @contextlib.contextmanager
    def attacked(self, what):
        """Check that an ordinary client gets its responses during the block, and that memory stays below the limit."""
        ordinary = Ordinary(self)
        with ordinary:
            yield
        assert ordinary.failures == []
        assert ordinary.seconds, f"the ordinary client got no response during {what}"
        parts = []
        for name, before, most in zip(("server", "proxy"), ordinary.before, ordinary.most):
            assert most - before < CAP, f"{name}: {before} -> {most} MiB"
            parts.append(f"{name} {before} -> {most} MiB")
        count, slowest = len(ordinary.seconds), max(ordinary.seconds)
        files = f"temporary files {ordinary.files / 2**20:.0f} MiB"
        report(f"{self.name}, {what}: {', '.join(parts)}, {files}; {count} other answers, slowest {slowest:.2f} s")
        assert ordinary.files < BODIES * 1.1 * TOO_LARGE


class Ordinary(threading.Thread):
    """An ordinary client that sends requests in a loop, and measures the memory of server and proxy."""

    def __init__(self, site):
        super().__init__()
        self.site = site
        self.ending = threading.Event()
        self.before = self.most = self.memory()
        self.seconds, self.failures, self.files = [], [], 0

    def memory(self):
        return self.site.service.memory(), memory(self.site.front.process.pid)

    def __enter__(self):
        self.start()

    def __exit__(self, *error):
        self.ending.set()
        self.join()

    def run(self):
        while True:
            start = time.monotonic()
            answer = self.site.says(request("GET", "/api/v1/items/", self.site.session, Connection="close"), LIMIT)
            self.seconds.append(time.monotonic() - start)
            if not answer.startswith(b"HTTP/1.1 200 "):
                self.failures.append(answer)
            self.most = tuple(map(max, self.most, self.memory()))
            self.files = max(self.files, self.site.front.temporary_bytes())
            if self.ending.wait(0.2):
                return


class ModWSGI(Front):
    """The Apache of a Debian machine, which is also the server."""

    temporary = ("-request_body-",)

    def __init__(self, debian):
        super().__init__("/", 80, 443)
        self.debian = debian
        self.process = next(process for process in family(debian.process.pid) if process.name() == "apache2")

    @property
    def log(self):
        return self.debian.run("cat /var/log/apache2/error.log")

    @property
    def requests(self):
        return self.debian.run("cat /var/log/apache2/other_vhosts_access.log")

    def memory(self):
        return memory(self.process.pid)


@pytest.fixture(scope="module", params=FRONTS, ids="-".join)
def site(request, installed, deployments, tmp_path_factory):
    """A Site with a proxy."""
    many_files()
    proxy, interface = request.param
    if "mod_wsgi" in proxy:
        project = installed(interface, DEBIANS_PYTHON).copy(tmp_path_factory.mktemp("deployed"))
        with deployed_on_debian(project) as deployed:
            deployed.put_in_front("Apache")
            deployed.debian.run(
                f"cd {FOLDER}\nsed -i 's/^ALLOWED_HOSTS=.*/&,127.0.0.1/' .env\n"
                f"touch current/my_project/wsgi.py\n{WAIT}"
            )
            apache = ModWSGI(deployed.debian)
            yield Site(f"{proxy} and {interface}", sessions(deployed.manage, 1)[0], apache, apache)
        return
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        os.chmod(name, 0o755)
        deployment = deployments(interface)
        with Service(deployment, name) as service, PROXIES[proxy](deployment, name, [service.path]) as front:
            yield Site(f"{proxy} and {interface}", deployment.sessions[0], service, front)


@pytest.fixture(scope="module", params=INTERFACES)
def server(request, deployments):
    """A Site without a proxy."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        deployment = deployments(request.param)
        with Service(deployment, name) as service:
            yield Site(request.param, deployment.sessions[0], service)


async def connections(site, count, tls, use):
    """Open many connections, a few at a time, and use each; return the results."""
    context = tls_context() if tls else None
    port = site.front.https if tls else site.front.http
    opening = asyncio.Semaphore(100)

    async def one():
        async with opening:
            reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port, ssl=context), LIMIT)
        try:
            return await use(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    return await asyncio.gather(*[one() for _ in range(count)], return_exceptions=True)


async def drip(reader, writer, seconds):
    """Send one byte per second; return the response so far."""
    answer = asyncio.create_task(reader.read(100))
    for _ in range(seconds):
        with contextlib.suppress(OSError):
            writer.write(b"x")
            await writer.drain()
        await asyncio.wait([answer], timeout=1)
        if answer.done():
            break
    answer.cancel()
    return answer.result() if answer.done() and not answer.cancelled() else b""


def test_ten_thousand_idle_connections(site):
    async def idle(reader, writer):
        await asyncio.sleep(5)
        return "idle"

    with site.attacked("10,000 idle connections"):
        ended = asyncio.run(connections(site, 10_000, False, idle))
    assert ended.count("idle") == 10_000, [error for error in ended if error != "idle"][:3]


def test_slow_headers(site):
    async def slow(reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        return await drip(reader, writer, 20)

    with site.attacked("300 connections that send a byte a second of a header"):
        ended = asyncio.run(connections(site, 300, True, slow))
    assert [error for error in ended if isinstance(error, Exception)] == []


def test_slow_bodies(site):
    head = request("POST", "/api/v1/items/", site.session, Content_Type="application/json", Content_Length=10**6)

    async def slow(reader, writer):
        writer.write(head)
        return await drip(reader, writer, 20)

    with site.attacked("300 connections that send a byte a second of a body"):
        ended = asyncio.run(connections(site, 300, True, slow))
    assert [error for error in ended if isinstance(error, Exception)] == []


CHUNK = b"%x\r\n%b\r\n" % (2**16, b"x" * 2**16)


async def status_of(reader):
    """Return the status of the response, or "closed" if there is none."""
    try:
        return (await asyncio.wait_for(read_answer(reader), LIMIT))[0]
    except (OSError, EOFError):
        return "closed"


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_large_bodies(site, chunked):
    length = {"Transfer_Encoding": "chunked"} if chunked else {"Content_Length": 5 * TOO_LARGE}
    head = request("POST", "/api/v1/items/", site.session, Content_Type="application/json", **length)

    async def large(reader, writer):
        writer.write(head)
        answer = asyncio.create_task(status_of(reader))
        with contextlib.suppress(OSError):
            for _ in range(5 * TOO_LARGE // 2**16):
                if answer.done():
                    break
                writer.write(CHUNK)
                await asyncio.wait_for(writer.drain(), LIMIT)
            writer.write(b"0\r\n\r\n")
        return await answer

    with site.attacked(f"{BODIES} bodies of 50 MiB, {'in chunks' if chunked else 'with their length'}"):
        statuses = asyncio.run(connections(site, BODIES, True, large))
    # A client that keeps sending may find the connection closed before it reads the response.
    assert set(statuses) <= {413, "closed"}
    assert 413 in statuses


def test_large_headers(site):
    async def large(reader, writer):
        answer = asyncio.create_task(status_of(reader))
        with contextlib.suppress(OSError):
            writer.write(request("GET", "/", X_Large="x" * 2**20))
            await writer.drain()
        return await answer

    with site.attacked("100 headers of 1 MiB"):
        statuses = asyncio.run(connections(site, 100, True, large))
    assert set(statuses) <= {400, 414, 431, "closed"}


MALFORMED = [
    b"\r\n\r\n\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"GET /malformed\r\n\r\n",
    b"GET  /malformed  HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /malformed HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /malformed HTTP/1.1\r\n\r\n",
    b"GET /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
    b"GET /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n",
    b"GET /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\nno colon\r\n\r\n",
    b"GET /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\n: no name\r\n\r\n",
    b"GET /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n folded\r\n\r\n",
    b"GET /malformed\0 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"G\xc3\x84T /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /%ff%fe%00malformed HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /static/..%2f..%2fmanage.py HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /media../.env HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET http://evil.example/malformed HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9" + b"9" * 40 + b"\r\n\r\n",
    b"POST /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n\r\n",
    b"POST /malformed HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
]


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


def check_malformed(site):
    """Check that each malformed request is rejected or closed, and that an ordinary client is not affected."""
    told = {sent: statuses(site.says(sent)) for sent in MALFORMED}
    harmed = {
        sent: found
        for sent, found in told.items()
        if not set(found) <= {301, 302, 400, 403, 404, 405, 408, 411, 413, 501, 505}
    }
    assert harmed == {}
    return sum(map(len, told.values()))


def test_malformed_requests(site):
    with site.attacked(f"{len(MALFORMED)} malformed requests"):
        check_malformed(site)


def test_malformed_requests_at_the_server_itself(server):
    count = check_malformed(server)
    assert server.service.answer("/readyz") == (200, "ok")
    report(f"{server.name} itself, {len(MALFORMED)} malformed requests: {count} answered, none served")


SMUGGLED = b"GET /smuggled-%d HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n\r\n"
POST = b"POST /probe HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"
# The headers before the body, and the start of the body. The second request follows.
PROBES = {
    "a length and chunks": (b"Content-Length: %(all)d\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"),
    "chunks and a length": (b"Transfer-Encoding: chunked\r\nContent-Length: %(first)d\r\n\r\n", b"0\r\n\r\n"),
    "chunks and a short length": (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", b"%(chunk)x\r\n"),
    "xchunked": (b"Content-Length: %(all)d\r\nTransfer-Encoding: xchunked\r\n\r\n", b"0\r\n\r\n"),
    "a tab": (b"Content-Length: %(all)d\r\nTransfer-Encoding:\tchunked\r\n\r\n", b"0\r\n\r\n"),
    "a vertical tab": (b"Content-Length: %(all)d\r\nTransfer-Encoding: \x0bchunked\r\n\r\n", b"0\r\n\r\n"),
    "a space before the colon": (b"Content-Length: %(all)d\r\nTransfer-Encoding : chunked\r\n\r\n", b"0\r\n\r\n"),
    "a space before the length's colon": (b"Content-Length : %(all)d\r\n\r\n", b""),
    "a space before the name": (b"Content-Length: %(all)d\r\n Transfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"),
    "a line that ends a line too early": (
        b"X: y\nTransfer-Encoding: chunked\r\nContent-Length: %(all)d\r\n\r\n",
        b"0\r\n\r\n",
    ),
    "a carriage return alone": (b"X: y\rTransfer-Encoding: chunked\r\nContent-Length: %(all)d\r\n\r\n", b"0\r\n\r\n"),
    "two encodings": (
        b"Content-Length: %(all)d\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
        b"0\r\n\r\n",
    ),
    "a list of encodings": (b"Content-Length: %(all)d\r\nTransfer-Encoding: chunked, identity\r\n\r\n", b"0\r\n\r\n"),
    "quotes": (b'Content-Length: %(all)d\r\nTransfer-Encoding: "chunked"\r\n\r\n', b"0\r\n\r\n"),
    "an underscore": (b"Content-Length: %(all)d\r\nTransfer_Encoding: chunked\r\n\r\n", b"0\r\n\r\n"),
    "two lengths": (b"Content-Length: %(all)d\r\nContent-Length: 0\r\n\r\n", b""),
    "two lengths, the other way round": (b"Content-Length: 0\r\nContent-Length: %(all)d\r\n\r\n", b""),
    "a list of lengths": (b"Content-Length: 0, %(all)d\r\n\r\n", b""),
    "a length with a sign": (b"Content-Length: +%(all)d\r\n\r\n", b""),
    "a length in hexadecimal": (b"Content-Length: 0x%(all)x\r\n\r\n", b""),
    "a chunk whose size has a prefix": (b"Transfer-Encoding: chunked\r\n\r\n", b"0x%(chunk)x\r\n"),
    "a chunk whose size has a space": (b"Transfer-Encoding: chunked\r\n\r\n", b"%(chunk)x \n"),
    "an extension with a line's end": (b"Transfer-Encoding: chunked\r\n\r\n", b"1;x\ny\r\nz\r\n0\r\n\r\n"),
    "line feeds alone": (b"Content-Length: %(all)d\nTransfer-Encoding: chunked\n\n", b"0\n\n"),
}


def probe(number, head, begin):
    """Return the bytes of a request whose body contains another request."""
    smuggled = SMUGGLED % number
    begin = begin % {b"chunk": len(smuggled)} if b"%" in begin else begin
    values = {b"all": len(begin + smuggled), b"first": len(begin)}
    ending = b"\r\n0\r\n\r\n" if b"chunked" in head else b""
    return head % values + begin + smuggled + ending


def check_probes(site):
    """Check that no smuggled request reaches the application; return a summary of the responses."""
    ordinary = request("GET", "/api/v1/items/", site.session, Connection="close", X_Forwarded_Proto="https")
    site.says(SMUGGLED % 0)
    found = {}
    for number, (name, parts) in enumerate(PROBES.items(), 1):
        found[name] = statuses(site.says(POST + b"Connection: close\r\n" + probe(number, *parts)))
        if site.front:
            site.says(POST + probe(number + 100, *parts))
        # The next client on a connection to the server must not get the response of the smuggled request.
        assert statuses(site.says(ordinary, LIMIT)) == [200]
    logged = site.logged()
    assert "/smuggled-0" in logged, "the log does not show smuggled requests"
    arrived = {path for path in logged if path.startswith("/smuggled-")} - {"/smuggled-0"}
    # If the connection stays open, the proxy may read two separate requests. Then its log has both.
    known = re.findall(r'"GET (/smuggled-1\d\d) ', site.front.requests if site.front else "")
    assert arrived <= set(known), [list(PROBES)[int(path[10:]) % 100 - 1] for path in arrived]
    told = [status for statuses in found.values() for status in statuses]
    assert set(told) <= {400, 403, 404, 411, 501}, found
    return f"{told.count(400)} of {len(found)} answered 400, no request arrived that the proxy did not log"


def test_smuggled_requests(site):
    with site.attacked(f"{len(PROBES)} smuggled requests"):
        told = check_probes(site)
    report(f"{site.name}, smuggling: {told}")


def test_smuggled_requests_at_the_server_itself(server):
    report(f"{server.name} itself, smuggling: {check_probes(server)}")


MASK = b"\0\0\0\0"
FRAMES = {
    "not masked": b"\x81\x05hello",
    "reserved bits": b"\xf1\x85" + MASK + b"hello",
    "a reserved opcode": b"\x83\x85" + MASK + b"hello",
    "a ping in fragments": b"\x09\x85" + MASK + b"hello",
    "a ping that is too long": b"\x89\xfe\x00\x7e" + MASK + b"x" * 126,
    "a continuation of nothing": b"\x80\x85" + MASK + b"hello",
    "a text that is not UTF-8": b"\x81\x82" + MASK + b"\xff\xfe",
    "a length of 2**63 - 1": b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" + MASK,
    "a length of 2**64 - 1": b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" + MASK,
    "fragments without an end": b"\x01\xfe\x40\x00"
    + MASK
    + b"x" * 2**14
    + (b"\x00\xfe\x40\x00" + MASK + b"x" * 2**14) * 8,
    "a close with half a code": b"\x88\x81" + MASK + b"\x03",
    "a close with a code that is none": b"\x88\x82" + MASK + b"\x00\x05",
}
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    "Origin": "https://127.0.0.1",
}


def test_malformed_frames(site):
    if "WSGI" in site.name:
        pytest.skip("WSGI does not support WebSockets")

    async def run():
        async with live(site.front, site.session) as other:
            for name, frame in FRAMES.items():
                answer = await asyncio.to_thread(
                    site.says, request("GET", "/ws/items/", site.session, **UPGRADE) + frame, LIMIT
                )
                assert statuses(answer) == [101], (name, answer)
                # The close frame says: a protocol error, not UTF-8, or too large.
                code = int.from_bytes(answer[-2:] if answer[-4:-2] == b"\x88\x02" else close_code(answer), "big")
                assert code in {1002, 1007, 1009}, (name, answer)
            number = await create(site.front, site.session, "Compass")
            assert json.loads(await asyncio.wait_for(other.recv(), LIMIT)) == {"event": "saved", "id": number}

    with site.attacked(f"{len(FRAMES)} malformed WebSocket frames"):
        asyncio.run(run())


def close_code(answer):
    """Return the two bytes of the code in the close frame after the headers of a response."""
    frame = answer.partition(b"\r\n\r\n")[2]
    return frame[2:4] if frame[:1] == b"\x88" else b"\0\0"
