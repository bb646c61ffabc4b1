from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase
from django.urls import reverse

from {{ cookiecutter.project_slug }}.management.commands import startapp

# Names that the project does not use.
APP, MODEL = "tried_app", "TriedModel"


class StartAppTests(SimpleTestCase):
    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for path, (_, before) in startapp.LINES.items():
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_text(f"[\n{before}]\n")
        self.before = self.files()

    def files(self):
        return {str(path.relative_to(self.folder)): path.read_text() for path in self.folder.rglob("*.*")}

    def startapp(self, *arguments, run=None):
        """Write an app to the folder without running commands, and return the output."""
        output = StringIO()
        with self.settings(BASE_DIR=self.folder), mock.patch.object(startapp, "run", side_effect=run):
            call_command("startapp", *arguments, stdout=output)
        return output.getvalue()

    def test_writes_the_layout_of_an_app(self):
        self.startapp(APP)
        for name in "admin", "apps", "models", "serializers", "urls", "views", "migrations/__init__", "tests/__init__":
            with self.subTest(name=name):
                self.assertIn(f"{APP}/{name}.py", self.files())
        self.assertIn("Tried app", self.files()[f"{APP}/templates/{APP}/index.html"])

    def test_puts_it_into_the_project(self):
        self.startapp(APP)
        for path, (line, before) in startapp.LINES.items():
            with self.subTest(path=path):
                self.assertIn(line.format(APP) + before, self.files()[path])

    def test_says_what_it_wrote_and_changed(self):
        output = self.startapp(APP, MODEL, "title:str")
        for line in f"wrote    {APP}/models.py", "changed  schema.yml":
            with self.subTest(line=line):
                self.assertIn(f"{line}\n", output)

    def test_writes_each_type_of_field(self):
        fields = [f"a_{kind}:{kind}" for kind in startapp.KINDS]
        self.startapp(APP, MODEL, *fields, *(f"{field.replace('a_', 'no_')}?" for field in fields), "author:user")
        models = self.files()[f"{APP}/models.py"]
        for text in [
            'a_str = models.CharField(_("a str"), max_length=200)',
            'no_str = models.CharField(_("no str"), max_length=200, blank=True)',
            'a_text = models.TextField(_("a text"), blank=True)',
            'no_text = models.TextField(_("no text"), blank=True)',
            'a_bool = models.BooleanField(_("a bool"), default=False)',
            'a_date = models.DateField(_("a date"))',
            'no_date = models.DateField(_("no date"), null=True, blank=True)',
            "author = models.ForeignKey(settings.AUTH_USER_MODEL",
        ]:
            with self.subTest(text=text):
                self.assertIn(text, models)

    def test_relates_only_to_the_users_own_objects(self):
        related = mock.Mock(__name__="Thing")
        related._meta = mock.Mock(label="things.Thing", model_name="thing", app_config=mock.Mock())
        with mock.patch.object(startapp.apps, "get_model", return_value=related):
            with mock.patch.object(startapp, "import_module"):
                self.startapp(APP, MODEL, "title:str", "thing:things.Thing", "other:things.Thing?")
        relation = 'models.ForeignKey("things.Thing", verbose_name=_("thing"), on_delete=models.CASCADE)'
        self.assertIn(relation, self.files()[f"{APP}/models.py"])
        for name in "forms", "serializers":
            with self.subTest(name=name):
                self.assertIn('["thing"].queryset = Thing.objects.owned_by(user)', self.files()[f"{APP}/{name}.py"])

    def test_refuses_impossible_names_and_fields(self):
        for message, *arguments in [
            ("An app cannot be called 'Blog'", "Blog"),
            ("An app cannot be called 'class'", "class"),
            ("An app cannot be called 'users'", "users"),
            ("An app cannot be called 'json'", "json"),
            ("A model cannot be called 'post'", APP, "post", "title:str"),
            ("A model cannot be called 'None'", APP, "None", "title:str"),
            ("A model cannot be called 'User'", APP, "User", "title:str"),
            ("The first field is the title of tried models", APP, MODEL),
            ("The first field is the title of tried models", APP, MODEL, "body:text"),
            ("The first field is the title of tried models", APP, MODEL, "title:str?"),
            ("'title' is not a field", APP, MODEL, "title"),
            ("'Body:text' is not a field", APP, MODEL, "title:str", "Body:text"),
            ("A field cannot be called 'class'", APP, MODEL, "title:str", "class:str"),
            ("A field cannot be called 'save'", APP, MODEL, "title:str", "save:bool"),
            ("'html' is not a type of field", APP, MODEL, "title:str", "body:html"),
            ("'auth.Group' is not a type of field", APP, MODEL, "title:str", "group:auth.Group"),
            ("'tried_app.TriedModel' is not a type of field", APP, MODEL, "title:str", "parent:tried_app.TriedModel"),
            ("A model has only one user", APP, MODEL, "title:str", "author:user", "editor:user"),
            ("and only one field of each name", APP, MODEL, "title:str", "title:text"),
        ]:
            with self.subTest(arguments=arguments):
                with self.assertRaisesMessage(CommandError, message):
                    self.startapp(*arguments)
                self.assertEqual(self.files(), self.before)

    def test_leaves_nothing_behind_when_a_command_fails(self):
        with self.assertRaises(KeyboardInterrupt):
            self.startapp(APP, run=[None, None, KeyboardInterrupt])
        self.assertEqual(self.files(), self.before)

    def test_prints_the_lines_to_add_if_it_finds_no_place_for_them(self):
        urls = self.folder / list(startapp.LINES)[1]
        urls.write_text("from accounts.urls import urlpatterns\n")
        output = self.startapp(APP)
        self.assertIn('urls.py: path("", include("tried_app.urls")),\n', output)
        self.assertIn('settings.py: "tried_app",\n', output)
        self.assertIn("python manage.py check", output)
        self.assertEqual(urls.read_text(), "from accounts.urls import urlpatterns\n")

    def test_runs_commands_in_the_project(self):
        startapp.run("manage.py", "version")
        with self.assertRaisesMessage(CommandError, "python -c raise SystemExit('no')\nno"):
            startapp.run("-c", "raise SystemExit('no')")

    def test_a_path_is_free_or_taken(self):
        self.assertTrue(startapp.is_free("/no/such/page/"))
        self.assertFalse(startapp.is_free(reverse("account_login")))

    def test_plurals(self):
        for word, expected in ("post", "posts"), ("entry", "entries"), ("day", "days"), ("box", "boxes"):
            with self.subTest(word=word):
                self.assertEqual(startapp.plural(word), expected)
