import tempfile
from pathlib import Path

{% if cookiecutter.interface == "ASGI" %}
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
{% endif %}
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import SimpleTestCase


class IsolationTests(SimpleTestCase):
    def start_from_zero(self):
        """Check that no other test has left these traces, and leave them."""
        self.assertTrue(cache.add("key", "value"))
        self.assertEqual(default_storage.save("file.txt", ContentFile(b"text")), "file.txt")
        self.assertEqual(mail.outbox, [])
        mail.send_mail("Subject", "Text", None, ["ada@example.com"])
{% if cookiecutter.interface == "ASGI" %}
        layer = get_channel_layer()
        self.assertEqual(layer.groups, {})
        async_to_sync(layer.group_add)("group", "channel")
{% endif %}

    def test_a_test_starts_from_zero(self):
        self.start_from_zero()

    def test_another_test_starts_from_zero(self):
        self.start_from_zero()

    def test_uploads_and_static_files_are_in_a_temporary_folder(self):
        for path in settings.MEDIA_ROOT, settings.STATIC_ROOT, default_storage.path("file.txt"):
            with self.subTest(path=path):
                self.assertIn(Path(tempfile.gettempdir()), Path(path).parents)
