"""The channel layer in Redis, which passes the messages of sockets between processes."""
{% if cookiecutter.__django < "6" %}

from __future__ import annotations

import asyncio
from typing import Any
{% endif %}

from channels_redis.core import RedisChannelLayer
from redis.asyncio import BlockingConnectionPool


class ChannelLayer(RedisChannelLayer):  # type: ignore[misc]
    """Makes sockets wait for a free connection to Redis; the default pool raises an error."""

    def create_pool(self, index: int) -> BlockingConnectionPool:
        # Longer than the 5 seconds for which a socket waits for a message; the default is as long.
        address = self.hosts[index]["address"]
        return BlockingConnectionPool.from_url(address, socket_timeout=10, socket_connect_timeout=1)
{% if cookiecutter.__django < "6" %}

    async def receive(self, channel: str) -> Any:
        """Return the next message of a channel."""
        message = asyncio.ensure_future(super().receive(channel))
        try:
            return await asyncio.shield(message)
        finally:
            # Before Python 3.12, a cancellation can get lost. The server would wait for this task when it stops.
            while not message.done():
                message.cancel()
                await asyncio.wait([message], timeout=0.1)
{% endif %}
