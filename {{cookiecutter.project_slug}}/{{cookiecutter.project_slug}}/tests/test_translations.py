from ast import literal_eval
from gettext import GNUTranslations
from re import MULTILINE, findall

from django.conf import settings
from django.test import SimpleTestCase
from django.utils import translation


class TranslationTests(SimpleTestCase):
    def test_a_page_has_the_language_of_the_browser(self):
        for code, name in settings.LANGUAGES:
            # Restores the language that the request replaces.
            with self.subTest(language=name), translation.override(settings.LANGUAGE_CODE):
                response = self.client.get("/no/such/page/", headers={"accept-language": code})
                self.assertContains(response, f'<html lang="{code}">', status_code=404)
                self.assertEqual(response.headers["Content-Language"], code)
                self.assertIn("Accept-Language", response.headers["Vary"])

    def test_every_message_is_translated_and_compiled(self):
        for path in settings.BASE_DIR.glob("*/locale/*/LC_MESSAGES/django.po"):
            with self.subTest(path=path), path.with_suffix(".mo").open("rb") as file:
                # Compiled files leave out messages without a translation, and those marked as fuzzy.
                compiled = GNUTranslations(file)._catalog
                compiled.pop("")
                header, *found = findall(r"^msgstr.*? ((?:\".*\"\n)+)", path.read_text(encoding="utf-8"), MULTILINE)
                translations = {"".join(map(literal_eval, lines.splitlines())) for lines in found}
                self.assertEqual(translations, set(compiled.values()), "see docs/translations.md")
