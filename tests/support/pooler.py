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
"""


@contextlib.contextmanager
def running_pgbouncer(config, port):
    """Run PgBouncer with this configuration file, which has this port, until the block ends."""
    # PgBouncer refuses to run as root.
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with config.with_name("output").open("w") as output:
        process = subprocess.Popen([machine.program("pgbouncer"), "--quiet", config], stderr=output, **user)
    try:
        limit = time.monotonic() + 20
        while True:
            with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, config.with_name("output").read_text()
            assert time.monotonic() < limit, "pgbouncer does not answer"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def running_pooler(url, connections):
    """Yield the DATABASE_URL of a pooler in front of a database; it opens at most this many connections to it."""
    address, _, name = url.rpartition("/")
    with tempfile.TemporaryDirectory(prefix="pooler-") as folder:
        # It runs as another user, which needs access.
        os.chmod(folder, 0o755)
        port = machine.free_port()
        config = Path(folder, "pgbouncer.ini")
        server = address.rpartition(":")[2]
        config.write_text(CONFIG.format(server=server, password=PASSWORD, port=port, connections=connections))
        with running_pgbouncer(config, port):
            yield f"postgres://postgres@127.0.0.1:{port}/{name}"
