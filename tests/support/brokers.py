"""Redis and RabbitMQ as brokers, and Celery's workers. Each broker keeps its messages when it is restarted."""

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support import machine

# Debian's own script only runs as the user rabbitmq.
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class Broker:
    """A broker that `command` starts; `url` is its address."""

    def __init__(self, url, command, greeting, environment=None):
        self.url, self.command, self.greeting, self.environment = url, command, greeting, environment
        self.port = int(url.rpartition(":")[2].partition("/")[0])

    def start(self):
        output = subprocess.DEVNULL
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdin=output, stdout=output, stderr=output, start_new_session=True
        )
        limit = time.monotonic() + 60
        while not self.answers():
            assert self.process.poll() is None, f"{self.command} exited"
            assert time.monotonic() < limit, f"{self.command} does not answer"
            time.sleep(0.1)

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(self.greeting)
            return bool(connection.recv(1024))
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def restart(self):
        self.stop()
        self.start()


def redis_broker(folder):
    port = machine.free_port()
    options = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", folder]
    command = [machine.program("redis-server"), *map(str, options)]
    return Broker(f"redis://127.0.0.1:{port}/0", command, b"PING\r\n")


def rabbitmq_broker(folder, epmd_port):
    machine.program("rabbitmq-server")
    port = machine.free_port()
    names = {"MNESIA_BASE": "data", "LOG_BASE": "log", "PID_FILE": "pid", "ENABLED_PLUGINS_FILE": "plugins"}
    names.update({"CONFIG_FILE": "none", "CONF_ENV_FILE": "none", "FEATURE_FLAGS_FILE": "flags"})
    settings = {name: f"{folder}/{file}" for name, file in names.items()}
    settings.update({"NODENAME": f"tests-{port}@localhost", "NODE_IP_ADDRESS": "127.0.0.1", "NODE_PORT": port})
    settings.update({"DIST_PORT": machine.free_port(), "LOGS": "-"})
    environment = machine.clean_environment(
        HOME=folder,
        ERL_EPMD_ADDRESS="127.0.0.1",
        ERL_EPMD_PORT=epmd_port,
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}",
        **{f"RABBITMQ_{name}": value for name, value in settings.items()},
    )
    return Broker(f"amqp://guest:guest@127.0.0.1:{port}//", [RABBITMQ], b"AMQP\0\0\x09\x01", environment)


@contextlib.contextmanager
def running_broker(name):
    """Yield a running broker: Redis or RabbitMQ."""
    with tempfile.TemporaryDirectory(prefix="broker-") as folder, contextlib.ExitStack() as stack:
        if name == "Redis":
            broker = redis_broker(folder)
        else:
            # Without one of its own, RabbitMQ would start a daemon that stays.
            port = machine.free_port()
            epmd = subprocess.Popen(["epmd", "-address", "127.0.0.1", "-port", str(port)])
            stack.callback(epmd.wait, 20)
            stack.callback(epmd.kill)
            broker = rabbitmq_broker(folder, port)
        stack.callback(lambda: broker.stop())
        broker.start()
        yield broker


class Worker:
    """A Celery process of a deployment, by default a worker with two processes, which logs into this file."""

    def __init__(self, deployment, file, words):
        self.deployment = deployment
        self.file = file
        self.words = words or ("worker", "--concurrency", "2")

    def start(self):
        project = self.deployment.project
        command = project.words(("celery", "--quiet", "--app", project.answers["project_slug"], *self.words))
        environment = {**self.deployment.environment, "LOG_FORMAT": "json"}
        with self.file.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=project.path,
                env=project.environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self):
        return self.file.read_text(encoding="utf-8", errors="replace")

    def children(self):
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="utf-8")
        return [int(pid) for pid in listed.split()]

    def memory(self):
        """Return the largest memory in MiB of any of its processes."""
        sizes = []
        for pid in [self.process.pid, *self.children()]:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                pages = Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]
                sizes.append(int(pages) * os.sysconf("SC_PAGE_SIZE") // 1024**2)
        return max(sizes)

    def kill(self):
        """Kill all its processes, as the kernel does when memory runs out."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)

    def end(self):
        """Stop it as systemd does; return its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.kill()


@contextlib.contextmanager
def running_worker(deployment, *words):
    """Yield a running Worker; stop it at the end as systemd does."""
    with tempfile.NamedTemporaryFile(prefix="worker-", suffix=".log") as log:
        worker = Worker(deployment, Path(log.name), words)
        try:
            worker.start()
            yield worker
        finally:
            code = worker.end()
    assert code == 0, f"the worker exited {code}"
