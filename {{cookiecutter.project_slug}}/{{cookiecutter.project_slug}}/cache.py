"""The connections of Django's cache to Redis."""

from __future__ import annotations

import time
from typing import Any

import redis


class ConnectionPool(redis.ConnectionPool):
    """Refuses connections for 5 seconds after Redis has failed, so that few requests wait for Redis in vain."""

    closed_until = 0.0

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() < ConnectionPool.closed_until:
            raise redis.ConnectionError("Redis failed a few seconds ago.")
        try:
            return super().get_connection(*args, **kwargs)
        except redis.RedisError:
            # Set on the class, because each thread has its own pool.
            ConnectionPool.closed_until = time.monotonic() + 5
            raise
