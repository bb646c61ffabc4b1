{% if cookiecutter.interface == "ASGI" %}
import asyncio
{% if cookiecutter.__django < "6" %}
import contextlib
{% endif %}
from importlib import import_module
from unittest import mock

from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter, get_default_application
from channels.testing import WebsocketCommunicator
{% if cookiecutter.__django < "6" %}
from channels_redis.core import RedisChannelLayer
{% endif %}
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models.signals import ModelSignal
from django.test import Client, SimpleTestCase, TransactionTestCase
from django.urls import reverse
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from {{ cookiecutter.project_slug }} import consumers
from {{ cookiecutter.project_slug }}.consumers import SIGNED_OUT, LiveConsumer, announce
from {{ cookiecutter.project_slug }}.handlers import Sockets
from {{ cookiecutter.project_slug }}.layers import ChannelLayer


class LiveConsumerTests(TransactionTestCase):
    def setUp(self):
        self.ada = get_user_model().objects.create_user("ada@example.com")
        self.group = Group.objects.create(name="Navigators")

        self.client.force_login(self.ada)

    def open_socket(self, client):
        """Return a socket with the cookies of this client."""
        cookies = client.cookies.output(header="", attrs=[], sep=";").strip()
        application = AuthMiddlewareStack(LiveConsumer.as_asgi(model=Group))
        return WebsocketCommunicator(application, "/", headers=[(b"cookie", cookies.encode())])

    def announce(self, user, rollback=False):
        with transaction.atomic():
            announce("saved", self.group, user.pk)
            transaction.set_rollback(rollback)

    async def test_sends_a_change_to_its_owner(self):
        socket = self.open_socket(self.client)
        self.assertTrue((await socket.connect())[0])
        await sync_to_async(self.announce)(self.ada)
        self.assertEqual(await socket.receive_json_from(), {"event": "saved", "id": self.group.pk})
        await socket.disconnect()

    async def test_sends_nothing_after_a_rollback(self):
        socket = self.open_socket(self.client)
        await socket.connect()
        await sync_to_async(self.announce)(self.ada, rollback=True)
        self.assertTrue(await socket.receive_nothing())
        await socket.disconnect()

    def test_a_change_is_saved_when_the_channel_layer_is_down(self):
        layer = mock.Mock(group_send=mock.AsyncMock(side_effect=RedisError))
        with mock.patch.object(consumers, "get_channel_layer", return_value=layer), self.assertLogs(consumers.logger):
            self.announce(self.ada)
        layer.group_send.assert_called_once()

    async def test_a_request_does_not_wait_for_the_channel_layer(self):
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        layer = mock.Mock(**{"group_send.return_value": answer})
        patched = {"get_channel_layer": lambda: layer, "server_loop": mock.Mock(**{"get.return_value": loop})}
        with mock.patch.multiple(consumers, **patched):
            await sync_to_async(self.announce)(self.ada)
            layer.group_send.assert_called_once()
            self.assertFalse(answer.done())
        answer.set_result(None)

    def test_a_change_is_sent_when_the_event_loop_of_the_server_has_ended(self):
        layer = mock.Mock(group_send=mock.AsyncMock())
        ended = asyncio.new_event_loop()
        ended.close()
        patched = {"get_channel_layer": lambda: layer, "server_loop": mock.Mock(**{"get.return_value": ended})}
        with mock.patch.multiple(consumers, **patched):
            self.announce(self.ada)
        layer.group_send.assert_called_once()

    async def test_closes_when_its_session_is_signed_out(self):
        other = Client()
        await sync_to_async(other.force_login)(self.ada)
        sockets = [self.open_socket(self.client), self.open_socket(other)]
        for socket in sockets:
            await socket.connect()
        await sync_to_async(self.client.post)(reverse("account_logout"))
        self.assertEqual(await sockets[0].receive_output(), {"type": "websocket.close", "code": SIGNED_OUT})
        self.assertTrue(await sockets[1].receive_nothing())
        await sockets[1].disconnect()

    async def test_closes_without_a_message_after_the_password_was_changed(self):
        socket = self.open_socket(self.client)
        await socket.connect()
        self.ada.set_password("a different horse altogether")
        await self.ada.asave()
        await sync_to_async(self.announce)(self.ada)
        self.assertEqual(await socket.receive_output(), {"type": "websocket.close", "code": SIGNED_OUT})

    def test_signing_out_without_a_session_sends_nothing(self):
        with mock.patch.object(consumers, "tell") as tell:
            Client().post(reverse("account_logout"))
        tell.assert_not_called()

    async def test_ignores_what_a_client_sends(self):
        socket = self.open_socket(self.client)
        await socket.connect()
        await socket.send_to(text_data="not JSON")
        self.assertTrue(await socket.receive_nothing())
        await socket.disconnect()

    async def test_refuses_anonymous_users(self):
        self.assertFalse((await self.open_socket(Client()).connect())[0])

    async def test_refuses_an_unknown_path(self):
        # Imported here, because the import configures logging again.
        routes = import_module("{{ cookiecutter.project_slug }}.asgi").routes
        for path in "/", "/ws/", "/nowhere/":
            with self.subTest(path=path):
                self.assertFalse((await WebsocketCommunicator(routes, path).connect())[0])

    async def test_refuses_a_malformed_handshake(self):
        async def accept(scope, receive, send):
            await send({"type": "websocket.accept"})

        for path, name, value, is_refused in (
            ("/", b"origin", b"http://[", True),
            ("/", b"cookie", rb'sessionid="\000"', True),
            ("/?next=%00", b"origin", b"http://localhost", True),
            ("/", b"origin", b"http://localhost", False),
        ):
            with self.subTest(path=path, name=name, value=value):
                socket = WebsocketCommunicator(Sockets(accept), path, headers=[(name, value)])
                self.assertEqual((await socket.connect())[0], not is_refused)

    async def test_refuses_a_foreign_page(self):
        socket = WebsocketCommunicator(get_default_application(), "/", headers=[(b"origin", b"http://evil.example")])
        # A path without a route would be refused too.
        with mock.patch.object(URLRouter, "__call__") as route:
            self.assertFalse((await socket.connect())[0])
        route.assert_not_called()


class ChannelLayerTests(SimpleTestCase):
    async def test_sockets_wait_for_a_free_connection_and_for_each_answer(self):
        layer = ChannelLayer(hosts=["redis://localhost"])
        pool = layer.create_pool(0)
        self.assertIsInstance(pool, BlockingConnectionPool)
        self.assertGreater(pool.connection_kwargs["socket_timeout"], layer.brpop_timeout)
{% if cookiecutter.__django < "6" %}

    async def test_a_lost_cancellation_is_repeated(self):
        async def receive(layer, channel):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await asyncio.Event().wait()

        with mock.patch.object(RedisChannelLayer, "receive", receive):
            waiting = asyncio.create_task(ChannelLayer(hosts=["redis://localhost"]).receive("channel"))
            await asyncio.sleep(0)
            waiting.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiting
{% endif %}


class AnnounceChangesTests(SimpleTestCase):
    def test_an_owner_gets_an_event_for_each_object_saved_or_deleted(self):
        thing = mock.Mock(owner_id=7)
        signals = {"post_save": ModelSignal(), "post_delete": ModelSignal()}
        with mock.patch.multiple(consumers, **signals), mock.patch.object(consumers, "announce") as announced:
            consumers.announce_changes(Group, "owner")
            for name, event in ("post_save", "saved"), ("post_delete", "deleted"):
                signals[name].send(sender=Group, instance=thing)
                announced.assert_called_with(event, thing, 7)
{% endif %}
