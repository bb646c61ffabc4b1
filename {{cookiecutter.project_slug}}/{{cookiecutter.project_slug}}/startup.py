"""Prepare a server process; management commands do not need this."""

from __future__ import annotations

import gc
import logging
import select
import sys
import time
from typing import Any

from django.conf import settings
from psycopg2 import OperationalError, extensions

logger = logging.getLogger(__name__)

# In seconds. PostgreSQL itself cancels a statement after 30.
CONNECT_LIMIT, STATEMENT_LIMIT = 5, 35


def wait(connection: Any) -> None:
    """Wait until PostgreSQL has answered, or raise OperationalError after the time limit."""
    connecting = connection.status == extensions.STATUS_SETUP
    limit = time.monotonic() + (CONNECT_LIMIT if connecting else STATEMENT_LIMIT)
    while True:
        state = connection.poll()
        if state == extensions.POLL_OK:
            return
        # select() is limited to 1024 open files.
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        if not poll.poll(max(0, limit - time.monotonic()) * 1000):
            raise OperationalError("PostgreSQL does not answer.")


def prepare() -> None:
    """Limit how long a request waits for PostgreSQL, speed up garbage collection, and warn if DEBUG is on."""
    # The garbage collector ignores the objects that exist now: they stay until the process ends.
    gc.freeze()
    # Windows has no poll().
    if sys.platform != "win32":
        extensions.set_wait_callback(wait)
    if settings.DEBUG and not "".join(sys.argv[1:2]).startswith("runserver"):
        logger.warning("DEBUG is on: anyone who causes an error can see the code and settings of this site.")
