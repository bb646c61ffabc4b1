"""The channel layer in Redis, which passes the messages of sockets between processes."""

from channels_redis.core import RedisChannelLayer
from redis.asyncio import BlockingConnectionPool


class ChannelLayer(RedisChannelLayer):  # type: ignore[misc]
    """Makes sockets wait for a free connection to Redis; the default pool raises an error."""

    def create_pool(self, index: int) -> BlockingConnectionPool:
        # Longer than the 5 seconds for which a socket waits for a message; the default is as long.
        address = self.hosts[index]["address"]
        return BlockingConnectionPool.from_url(address, socket_timeout=10, socket_connect_timeout=1)
