"""The connections of Django's cache to Redis."""

from __future__ import annotations

import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class ConnectionPool(redis.ConnectionPool):
    """Refuses connections for 5 seconds after Redis has failed, so that few requests wait for Redis in vain."""

    closed_until = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Retries once, without delay; by default, redis-py waits for seconds.
        kwargs.setdefault("retry", Retry(NoBackoff(), 1, (redis.ConnectionError,)))
        super().__init__(*args, **kwargs)

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() < ConnectionPool.closed_until:
            raise redis.ConnectionError("Redis failed a few seconds ago.")
        try:
            return super().get_connection(*args, **kwargs)
        except redis.RedisError:
            # Set on the class, because each thread has its own pool.
            ConnectionPool.closed_until = time.monotonic() + 5
            raise
