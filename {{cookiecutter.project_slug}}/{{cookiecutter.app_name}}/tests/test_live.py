{% if cookiecutter.interface == "ASGI" %}
from asgiref.sync import sync_to_async
from channels.routing import get_default_application
from channels.testing import WebsocketCommunicator
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client, TransactionTestCase

from {{ cookiecutter.app_name }}.models import Item


def open_socket(client, origin="http://testserver"):
    cookies = client.cookies.output(header="", attrs=[], sep=";").strip()
    headers = [(b"origin", origin.encode()), (b"cookie", cookies.encode())]
    return WebsocketCommunicator(get_default_application(), "/ws/items/", headers=headers)


class LiveUpdateTests(TransactionTestCase):
    def setUp(self):
        self.ada = get_user_model().objects.create_user("ada@example.com")
        self.bob = get_user_model().objects.create_user("bob@example.com")
        self.client.force_login(self.ada)

    async def test_tells_the_owner_of_a_change(self):
        socket = open_socket(self.client)
        self.assertTrue((await socket.connect())[0])
        item = await sync_to_async(Item.objects.create)(name="Compass", owner=self.ada)
        item_id = item.pk
        self.assertEqual(await socket.receive_json_from(), {"event": "saved", "id": item_id})
        await sync_to_async(item.delete)()
        self.assertEqual(await socket.receive_json_from(), {"event": "deleted", "id": item_id})
        await socket.disconnect()

    async def test_tells_nobody_else(self):
        other = Client()
        await sync_to_async(other.force_login)(self.bob)
        socket = open_socket(other)
        self.assertTrue((await socket.connect())[0])
        await sync_to_async(Item.objects.create)(name="Compass", owner=self.ada)
        self.assertTrue(await socket.receive_nothing())
        await socket.disconnect()

    async def test_tells_nothing_of_what_was_rolled_back(self):
        socket = open_socket(self.client)
        await socket.connect()
        await sync_to_async(self.create_and_roll_back)()
        self.assertTrue(await socket.receive_nothing())
        await socket.disconnect()

    def create_and_roll_back(self):
        with transaction.atomic():
            Item.objects.create(name="Compass", owner=self.ada)
            transaction.set_rollback(True)

    async def test_ignores_what_a_client_sends(self):
        socket = open_socket(self.client)
        await socket.connect()
        await socket.send_to(text_data="not JSON")
        self.assertTrue(await socket.receive_nothing())
        await socket.disconnect()

    async def test_refuses_who_did_not_sign_in(self):
        self.assertFalse((await open_socket(Client()).connect())[0])

    async def test_refuses_a_foreign_page(self):
        self.assertFalse((await open_socket(self.client, origin="http://evil.example").connect())[0])
{% endif %}
