"""PgBouncer in transaction mode, in front of the PostgreSQL server of the tests."""

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support import machine
from tests.support.postgres import PASSWORD

CONFIG = """
[databases]
* = host=127.0.0.1 port={server} user=postgres password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
unix_socket_dir =
logfile = {folder}/log
pidfile = {folder}/pid
"""


@contextlib.contextmanager
def running_pooler(url, connections):
    """Yield the DATABASE_URL of a pooler in front of a database; it opens at most this many connections to it."""
    address, _, name = url.rpartition("/")
    # PgBouncer refuses to run as root.
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pooler-") as folder:
        port = machine.free_port()
        config = Path(folder, "pgbouncer.ini")
        server = address.rpartition(":")[2]
        config.write_text(
            CONFIG.format(server=server, password=PASSWORD, port=port, connections=connections, folder=folder)
        )
        if user:
            os.chmod(folder, 0o777)
        process = subprocess.Popen([machine.program("pgbouncer"), "--quiet", config], **user)
        try:
            limit = time.monotonic() + 20
            while True:
                with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
                    break
                assert process.poll() is None, Path(folder, "log").read_text()
                assert time.monotonic() < limit, "pgbouncer does not answer"
                time.sleep(0.05)
            yield f"postgres://postgres@127.0.0.1:{port}/{name}"
        finally:
            process.terminate()
            process.wait(20)
