from typing import Any

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite as newer Django can be told to use it: with a write-ahead log and immediate transactions."""

    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA journal_mode = WAL")
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        # A transaction that turns from reading to writing would fail at once where another one writes.
        self.cursor().execute("BEGIN IMMEDIATE")
