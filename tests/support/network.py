"""A network of machines: a bridge in a network namespace of its own, which also leads to the internet."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

from tests.support.machine import program

GATEWAY = "10.0.0.254"
# The address of this machine's 127.0.0.1 for the machines of the network.
OUTSIDE = "10.0.2.2"
CLONE_NEWNET = 0x40000000


def ip(*words):
    subprocess.run([program("ip"), *words], check=True)


def enter(namespace):
    """Move the calling thread into a network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")


def remove_the_dead():
    """Remove the network namespaces of runs that were killed."""
    for path in Path("/run/netns").glob("tests-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            ip("netns", "delete", path.name)


class Network:
    """The network 10.0.0.0/24; `add` connects a machine, `cut` pulls its cable, `join` plugs it in again."""

    def __init__(self):
        # remove_the_dead reads this name.
        self.name = f"tests-{os.getpid()}"
        self.names = []

    def __enter__(self):
        remove_the_dead()
        self.outer = self.namespace("gateway")
        self.inside(self.outer, "ip", "link", "add", "bridge", "type", "bridge")
        self.inside(self.outer, "ip", "address", "add", f"{GATEWAY}/24", "dev", "bridge")
        self.inside(self.outer, "ip", "link", "set", "bridge", "up")
        ready, write = os.pipe()
        # It ends too if these tests are killed.
        command = ["setpriv", "--pdeathsig", "KILL"]
        command += [program("slirp4netns"), "--configure", "--mtu=65520", "--netns-type=path", f"--ready-fd={write}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(
            [*command, f"/run/netns/{self.outer}", "tap0"], pass_fds=[write], start_new_session=True, **quiet
        )
        os.close(write)
        assert os.read(ready, 1) == b"1", "slirp4netns did not start"
        os.close(ready)
        self.inside(self.outer, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        rule = "iptables --table nat --append POSTROUTING --source 10.0.0.0/24 --out-interface tap0 --jump MASQUERADE"
        self.inside(self.outer, *rule.split())
        self.client = self.add("client", "10.0.0.200")
        return self

    def __exit__(self, *error):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for name in reversed(self.names):
            ip("netns", "delete", name)

    def namespace(self, name):
        name = f"{self.name}-{name}"
        ip("netns", "add", name)
        self.names.append(name)
        self.inside(name, "ip", "link", "set", "lo", "up")
        return name

    def inside(self, namespace, *words):
        command = ["nsenter", f"--net=/run/netns/{namespace}", program(words[0]), *words[1:]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def add(self, name, address):
        """Connect a machine; return the name of its namespace."""
        inner = self.namespace(name)
        ends = "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", inner
        self.inside(self.outer, *ends)
        self.inside(self.outer, "ip", "link", "set", name, "master", "bridge", "up")
        self.inside(inner, "ip", "address", "add", f"{address}/24", "dev", "eth0")
        self.inside(inner, "ip", "link", "set", "eth0", "up")
        self.inside(inner, "ip", "route", "add", "default", "via", GATEWAY)
        return inner

    def cut(self, name):
        self.inside(self.outer, "ip", "link", "set", name, "down")

    def join(self, name):
        self.inside(self.outer, "ip", "link", "set", name, "up")

    @contextlib.contextmanager
    def forwarded(self, address, port):
        """Yield a port of 127.0.0.1 whose connections are passed on to a machine of the network."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        ended = threading.Event()

        async def copy(reader, writer):
            try:
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
            except OSError:
                pass
            finally:
                writer.close()

        async def forward(reader, writer):
            try:
                inner = await asyncio.open_connection(address, port)
                await asyncio.gather(copy(reader, inner[1]), copy(inner[0], writer))
            # At the end, this task is cancelled.
            except (OSError, asyncio.CancelledError):
                pass
            finally:
                writer.close()

        async def serve():
            server = await asyncio.start_server(forward, sock=listener)
            while not ended.is_set():
                await asyncio.sleep(0.1)
            server.close()

        def run():
            # The listener stays outside; what this thread opens is inside.
            enter(self.client)
            asyncio.run(serve())

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()
