import sys
from types import SimpleNamespace
from unittest import mock

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db.migrations.writer import MigrationWriter
from django.test import SimpleTestCase, override_settings

from {{ cookiecutter.project_slug }}.uploads import RandomName, validate_image, validate_size


class UploadTests(SimpleTestCase):
    def refused(self, validate, file):
        try:
            validate(file)
        except ValidationError as error:
            return error.code

    def test_only_the_extension_of_a_name_is_kept(self):
        for name, extension in (
            ("Map of Ada.PNG", ".png"),
            ("../../map.tar.gz", ".gz"),
            ("map", ""),
            (".htaccess", ""),
            ("map.p\0g", ""),
            ("map." + "x" * 300, ""),
        ):
            with self.subTest(name=name):
                self.assertRegex(RandomName("maps")(None, name), f"^maps/[0-9a-f]+{extension}$")

    def test_a_migration_can_contain_it(self):
        self.assertIn("RandomName('maps')", MigrationWriter.serialize(RandomName("maps"))[0])

    @override_settings(UPLOAD_MAX_SIZE=5)
    def test_a_large_file_is_refused(self):
        for content, code in ("North", None), ("Norths", "max_size"):
            with self.subTest(content=content):
                self.assertEqual(self.refused(validate_size, ContentFile(content)), code)

    def test_a_file_is_checked_once(self):
        for validate in validate_size, validate_image:
            with self.subTest(validate=validate):
                # It has no name and no size.
                self.assertIsNone(validate(SimpleNamespace(_committed=True)))

    def test_an_image_has_the_format_of_its_extension(self):
        # Pillow comes with the first model that has an image.
        pillow = SimpleNamespace(Image=mock.Mock())
        pillow.Image.open.return_value.size = 10, 10
        with mock.patch.dict(sys.modules, PIL=pillow):
            self.assertIsNone(self.refused(validate_image, ContentFile(b"", "map.JPG")))
            self.assertEqual(pillow.Image.open.call_args.kwargs, {"formats": ["JPEG"]})
            pillow.Image.open.return_value.size = 10_000, 10_000
            self.assertEqual(self.refused(validate_image, ContentFile(b"", "map.png")), "max_pixels")
            pillow.Image.open.side_effect = OSError
            self.assertEqual(self.refused(validate_image, ContentFile(b"", "map.gif")), "wrong_format")

    def test_any_other_extension_is_refused(self):
        for name in "map.svg", "map.png.html", "map":
            with self.subTest(name=name):
                self.assertEqual(self.refused(validate_image, ContentFile(b"", name)), "invalid_extension")
