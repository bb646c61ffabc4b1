from unittest import mock

from django.contrib.auth import get_user_model
from django.test import TestCase, TransactionTestCase
from django.urls import reverse
from django.utils.translation import gettext

from exports.models import Export
from exports.tasks import MAX_EXPORTS
from exports.tests import make_export, make_file
from exports.views import Download, app, download, too_many


class ExportPageTests(TransactionTestCase):
    def setUp(self):
        self.ada = get_user_model().objects.create_user("ada@example.com")
        self.bob = get_user_model().objects.create_user("bob@example.com")
        self.mine = make_file(self.ada)
        self.client.force_login(self.ada)

    def test_the_page_starts_an_export(self):
        response = self.client.post(reverse("export_add"), follow=True)
        self.assertContains(
            response, gettext("The export is done. Without a broker, it did not run in the background.")
        )
        self.assertEqual(Export.objects.visible_to(self.ada).filter(state="done").count(), 2)

    def test_with_a_broker_it_starts_in_the_background(self):
        self.addCleanup(app.conf.__setitem__, "CELERY_TASK_ALWAYS_EAGER", True)
        app.conf["CELERY_TASK_ALWAYS_EAGER"] = False
        with mock.patch("exports.tasks.write_export"):
            response = self.client.post(reverse("export_add"), follow=True)
        self.assertContains(response, gettext("The export has started."))
        self.assertContains(response, "data-unfinished")

    def test_a_user_has_few_at_a_time(self):
        for _ in range(MAX_EXPORTS - 1):
            make_export(self.ada)
        self.assertContains(self.client.post(reverse("export_add"), follow=True), too_many())
        self.assertEqual(Export.objects.count(), MAX_EXPORTS)

    def test_list_shows_own_exports_and_their_progress(self):
        make_export(self.ada, state="running", done=3, total=7)
        make_export(self.bob, state="running", done=2, total=5)
        response = self.client.get(reverse("export_list"))
        self.assertContains(response, 'value="3" max="7"')
        self.assertNotContains(response, 'value="2" max="5"')

    def test_list_takes_the_same_queries_for_any_length(self):
        for _ in range(2):
            # Queries for the session, the user and the exports.
            with self.assertNumQueries(3):
                self.client.get(reverse("export_list"))
            make_export(self.ada)

    def test_file(self):
        response = self.client.get(reverse("export_file", args=[self.mine.pk]))
        self.assertEqual(response.headers["Content-Disposition"], 'attachment; filename="items.csv"')
        self.assertIn(b"Compass", response.getvalue())

    async def test_over_asgi_the_file_is_sent_in_pieces(self):
        response = download(self.mine)
        self.addCleanup(response.file_to_stream.close)
        content, places = b"", []
        with mock.patch.object(Download, "block_size", 8):
            async for piece in response:
                content += piece
                places.append(response.file_to_stream.tell())
        self.assertEqual(places[:2], [8, 16])
        self.assertIn(b"Compass", content)

    def test_delete(self):
        response = self.client.post(reverse("export_delete", args=[self.mine.pk]), follow=True)
        self.assertContains(response, gettext("The export was deleted."))
        self.assertFalse(Export.objects.exists())

    def test_a_link_starts_and_deletes_nothing(self):
        for path in reverse("export_add"), reverse("export_delete", args=[self.mine.pk]):
            with self.subTest(path=path):
                self.assertEqual(self.client.get(path).status_code, 405)

    def test_every_page_asks_to_sign_in(self):
        self.client.logout()
        for path in reverse("export_list"), reverse("export_file", args=[self.mine.pk]):
            with self.subTest(path=path):
                self.assertRedirects(self.client.get(path), f"{reverse('account_login')}?next={path}")
        for path in reverse("export_add"), reverse("export_delete", args=[self.mine.pk]):
            with self.subTest(path=path):
                self.assertRedirects(self.client.post(path), f"{reverse('account_login')}?next={path}")

    def test_the_exports_of_others_are_not_found(self):
        self.client.force_login(self.bob)
        self.assertEqual(self.client.get(reverse("export_file", args=[self.mine.pk])).status_code, 404)
        self.assertEqual(self.client.post(reverse("export_delete", args=[self.mine.pk])).status_code, 404)
        self.assertTrue(Export.objects.exists())


class ExportAdminTests(TestCase):
    def test_staff_see_the_state_and_change_nothing(self):
        root = get_user_model().objects.create_superuser("root@example.com")
        self.client.force_login(root)
        export = make_export(root, state="failed")
        for path in (
            reverse("admin:exports_export_changelist"),
            reverse("admin:exports_export_change", args=[export.pk]),
        ):
            with self.subTest(path=path):
                response = self.client.get(path)
                self.assertContains(response, gettext("Failed"))
                self.assertNotContains(response, 'name="_save"')
        self.assertEqual(self.client.get(reverse("admin:exports_export_add")).status_code, 403)
