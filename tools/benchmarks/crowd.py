"""Slow clients, and the memory of a server while it is under load."""

import asyncio
import contextlib
import re
import socket
import threading
from pathlib import Path

from tests.support.load import request
from tests.support.proxies import tls_context

PIECES = 10
TIMEOUT = 60
SAMPLE = 0.5


def memory(process):
    """Return the megabytes of each process below this one that has none below it, with its part of what is shared."""
    below = " ".join(file.read_text() for file in Path(f"/proc/{process}/task").glob("*/children")).split()
    if below:
        return [megabytes for child in below for megabytes in memory(child)]
    # Uvicorn has one beside its workers.
    if "resource_tracker" in Path(f"/proc/{process}/cmdline").read_text():
        return []
    return [int(re.search(r"Pss: +(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text())[1]) / 1024]


class Memory:
    """Looks at the memory of all workers of a server until the block ends: `before` and at `most`, in megabytes."""

    def __init__(self, process):
        self.process = process
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.before = self.most = sum(memory(self.process))
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.ending.set()
        self.thread.join()
        self.look()

    def run(self):
        while not self.ending.wait(SAMPLE):
            self.look()

    def look(self):
        self.most = max(self.most, sum(memory(self.process)))


def complete(answer):
    """Return whether these bytes are all of an answer with status 200."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return head.startswith(b"HTTP/1.1 200 ") and bool(length) and len(body) == int(length[1])


async def slow_client(port, path, session, seconds):
    """Send a request in pieces within a third of these seconds, and read the answer as slowly; return it."""
    connection = socket.socket()
    # The client's system accepts no more than the client has read.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    options = {"ssl": tls_context(), "server_hostname": "127.0.0.1", "limit": 256}
    reader, writer = await asyncio.open_connection(sock=connection, **options)
    sent, answer = request("GET", path, session, Connection="close"), b""
    size = len(sent) // PIECES + 1
    try:
        for start in range(0, len(sent), size):
            writer.write(sent[start : start + size])
            await asyncio.sleep(seconds / 3 / PIECES)
        while piece := await reader.read(1024):
            answer += piece
            await asyncio.sleep(seconds / 3 / PIECES)
    finally:
        writer.close()
    return answer


class SlowClients:
    """Starts a slow client for each session; when the block ends, `answered` says how many had a full answer."""

    def __init__(self, port, path, sessions, seconds):
        self.answered = 0
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run(port, path, sessions, seconds)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.thread.join()

    async def run(self, port, path, sessions, seconds):
        await asyncio.gather(*(self.ask(port, path, session, seconds) for session in sessions))

    async def ask(self, *arguments):
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            answer = await asyncio.wait_for(slow_client(*arguments), TIMEOUT)
            self.answered += complete(answer)
