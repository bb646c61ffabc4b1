from unittest import mock

import redis
from django.test import SimpleTestCase

from {{ cookiecutter.project_slug }}.cache import ConnectionPool


class ConnectionPoolTests(SimpleTestCase):
    def setUp(self):
        self.addCleanup(setattr, ConnectionPool, "closed_until", 0.0)

    def connect(self, answer):
        """Get a connection from a new pool, with this side effect. Return whether Redis was asked."""
        with mock.patch.object(redis.ConnectionPool, "get_connection", side_effect=answer) as get_connection:
            try:
                ConnectionPool().get_connection()
            except redis.RedisError:
                pass
        return get_connection.called

    def test_redis_is_not_asked_for_a_while_after_it_failed(self):
        self.assertTrue(self.connect([mock.Mock()]))
        self.assertTrue(self.connect(redis.TimeoutError))
        self.assertFalse(self.connect([mock.Mock()]))
        ConnectionPool.closed_until -= 5
        self.assertTrue(self.connect([mock.Mock()]))

    def test_a_command_is_tried_twice_without_a_delay(self):
        command = mock.Mock(side_effect=redis.ConnectionError)
        with mock.patch("time.sleep") as sleep, self.assertRaises(redis.ConnectionError):
            ConnectionPool().connection_kwargs["retry"].call_with_retry(command, mock.Mock())
        self.assertEqual((command.call_count, sleep.call_count), (2, 0))
