from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

# Any number, if all machines use the same.
LOCK = 20_413


class Command(migrate.Command):
    """Django's own command, but only one process at a time migrates a PostgreSQL database. The others wait."""

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        # The lock ends with its transaction, which works through a pooler too.
        lock = connection.copy()
        try:
            lock.set_autocommit(False)
            with lock.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")
                cursor.execute("SET LOCAL lock_timeout = 0")
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            super().handle(*args, **options)
        finally:
            lock.close()
