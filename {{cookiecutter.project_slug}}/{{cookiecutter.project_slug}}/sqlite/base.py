from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite with a write-ahead log and immediate transactions, which newer versions of Django have settings for."""

    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA journal_mode = WAL")
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        # A transaction that first reads and then writes would fail at once while another one writes.
        self.cursor().execute("BEGIN IMMEDIATE")
