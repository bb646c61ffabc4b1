{% if cookiecutter.interface == "ASGI" %}
from asgiref.sync import sync_to_async
from channels.routing import get_default_application
from channels.testing import WebsocketCommunicator
from django.contrib.auth import get_user_model
from django.test import TransactionTestCase

from . import make_item


class LiveItemTests(TransactionTestCase):
    def setUp(self):
        self.ada = get_user_model().objects.create_user("ada@example.com")
        self.bob = get_user_model().objects.create_user("bob@example.com")
        self.client.force_login(self.ada)
        cookies = self.client.cookies.output(header="", attrs=[], sep=";").strip()
        headers = [(b"origin", b"http://testserver"), (b"cookie", cookies.encode())]
        self.socket = WebsocketCommunicator(get_default_application(), "/ws/items/", headers=headers)

    async def test_a_page_receives_changes_of_own_items(self):
        self.assertTrue((await self.socket.connect())[0])
        mine = await sync_to_async(make_item)(self.ada)
        key = mine.pk
        self.assertEqual(await self.socket.receive_json_from(), {"event": "saved", "id": key})
        await mine.adelete()
        self.assertEqual(await self.socket.receive_json_from(), {"event": "deleted", "id": key})
        await self.socket.disconnect()

    async def test_a_page_receives_no_changes_of_the_items_of_others(self):
        await self.socket.connect()
        await sync_to_async(make_item)(self.bob)
        self.assertTrue(await self.socket.receive_nothing())
        await self.socket.disconnect()
{% endif %}
