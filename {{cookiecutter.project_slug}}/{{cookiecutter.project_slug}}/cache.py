from __future__ import annotations

import time
from typing import Any

import redis


class ConnectionPool(redis.ConnectionPool):
    """Opens no connection for 5 seconds after Redis has failed to answer, so that few requests wait for it."""

    closed_until = 0.0

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() < ConnectionPool.closed_until:
            raise redis.ConnectionError("Redis did not answer a moment ago.")
        try:
            return super().get_connection(*args, **kwargs)
        except redis.RedisError:
            # Each thread has a pool of its own.
            ConnectionPool.closed_until = time.monotonic() + 5
            raise
