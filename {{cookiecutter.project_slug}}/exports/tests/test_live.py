from asgiref.sync import sync_to_async
from channels.routing import get_default_application
from channels.testing import WebsocketCommunicator
from django.contrib.auth import get_user_model
from django.test import TransactionTestCase

from exports.tests import make_export


class LiveExportTests(TransactionTestCase):
    async def test_a_page_receives_the_progress_of_own_exports(self):
        ada = await sync_to_async(get_user_model().objects.create_user)("ada@example.com")
        await sync_to_async(self.client.force_login)(ada)
        cookies = self.client.cookies.output(header="", attrs=[], sep=";").strip()
        headers = [(b"origin", b"http://testserver"), (b"cookie", cookies.encode())]
        socket = WebsocketCommunicator(get_default_application(), "/ws/exports/", headers=headers)
        self.assertTrue((await socket.connect())[0])
        export = await sync_to_async(make_export)(ada)
        self.assertEqual(await socket.receive_json_from(), {"event": "saved", "id": export.pk})
        await sync_to_async(export.save_if_current)(done=1)
        self.assertEqual(await socket.receive_json_from(), {"event": "saved", "id": export.pk})
        await socket.disconnect()
