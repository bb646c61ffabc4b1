import os
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from unittest import mock

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import SimpleTestCase
from generator import changes, fields, plan
from generator.management.commands.startapp import REFERENCE, Command

# Names that the project does not use.
APP, MODEL = "tried_app", "TriedModel"


class StartAppTests(SimpleTestCase):
    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        shutil.copy(settings.BASE_DIR / "pyproject.toml", self.folder)
        for path, (_, below) in plan.LINES.items():
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_text(f"names = [\n{below}]\n")
        self.before = self.files()
        self.commands = []

    def files(self):
        paths = [path for path in self.folder.rglob("*.*") if path.is_file() and ".git" not in path.parts]
        return {str(path.relative_to(self.folder)): path.read_text(encoding="utf-8") for path in paths}

    def git(self, *words):
        author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        subprocess.run(["git", *author, *words], cwd=self.folder, check=True, capture_output=True)

    def startapp(self, *arguments):
        """Write an app to the folder without the commands of manage.py, and return the output."""
        output = StringIO()

        def run(*command, answers=""):
            self.commands.append(" ".join(command[1:]) + answers)
            self.hook()

        with self.settings(BASE_DIR=self.folder), mock.patch.object(changes, "run", run):
            call_command(Command(), *arguments, stdout=output)
        return output.getvalue()

    def hook(self):
        pass

    def add_to(self, model):
        """Write a resource, and make it known to Django."""
        self.startapp(APP, model, "name:str", "due:date")
        package, owner = SimpleNamespace(name=APP), mock.Mock(related_model=get_user_model())
        owner.name = "owner"
        meta = mock.Mock(app_config=package, label=f"{APP}.{model}", fields=[owner], model_name=model.lower())
        meta.get_fields = lambda: []
        found = mock.Mock(__name__=model, _meta=meta)
        for patch in [
            mock.patch.dict(apps.app_configs, {APP: package}),
            mock.patch.object(plan, "apps", mock.Mock(get_model=mock.Mock(return_value=found))),
        ]:
            patch.start()
            self.addCleanup(patch.stop)

    def relate_to(self, maker):
        """Make fields able to refer to a model, whose objects `maker` makes in tests."""
        meta = SimpleNamespace(label="things.Thing", app_config=SimpleNamespace(name="things"))
        model = SimpleNamespace(__name__="Thing", _meta=meta, objects=SimpleNamespace(visible_to=None))
        maker.__name__ = "make_thing"
        for patch in [
            mock.patch.object(fields, "apps", SimpleNamespace(get_model=lambda label: model)),
            mock.patch.object(fields, "import_module", return_value=SimpleNamespace(make_thing=maker)),
        ]:
            patch.start()
            self.addCleanup(patch.stop)

    def test_writes_the_layout_of_an_app(self):
        self.startapp(APP)
        for name in "admin", "apps", "models", "serializers", "urls", "views", "migrations/__init__", "tests/__init__":
            with self.subTest(name=name):
                self.assertIn(f"{APP}/{name}.py", self.files())
        self.assertIn("Tried app", self.files()[f"{APP}/templates/{APP}/index.html"])
        self.assertEqual(self.commands, ["manage.py check"])

    def test_puts_it_into_the_project(self):
        self.startapp(APP)
        for path, (line, below) in plan.LINES.items():
            with self.subTest(path=path):
                self.assertIn(line.format(APP) + below, self.files()[path])

    def test_says_what_it_wrote_and_changed(self):
        output = self.startapp(APP, MODEL, "title:str")
        for line in f"wrote    {APP}/models.py", "changed  schema.yml", "  python manage.py migrate":
            with self.subTest(line=line):
                self.assertIn(f"{line}\n", f"{output}\n")
        commands = [f"manage.py makemigrations --no-header {APP}", "manage.py spectacular --file schema.yml"]
        self.assertEqual(self.commands, commands)

    def test_a_second_resource_is_added_to_the_modules_of_the_first(self):
        self.add_to("TriedThing")
        output = self.startapp(APP, MODEL, "title:str", "--shared")
        for name, text in [
            ("models", "class TriedThing(models.Model):"),
            ("models", "class TriedModel(models.Model):"),
            ("urls", 'router.register("tried-models", views.TriedModelViewSet'),
            ("urls", 'Link("triedthing_list", _("Tried things")), Link("triedmodel_list", _("Tried models"))]'),
            ("tests/__init__", "def make_triedmodel(**fields):"),
        ]:
            with self.subTest(text=text):
                self.assertIn(text, self.files()[f"{APP}/{name}.py"])
        self.assertIn(f"changed  {APP}/models.py\n", output)

    def test_relations(self):
        self.relate_to(lambda owner, **fields: None)
        self.startapp(APP, MODEL, "thing:things.Thing", "other:things.Thing?", "things:many:things.Thing")
        files = self.files()
        for name, text in [
            ("models", 'verbose_name=_("thing"), on_delete=models.PROTECT, related_name="thing_tried_models"'),
            ("models", "on_delete=models.SET_NULL,\n        null=True,\n        blank=True,"),
            ("models", "models.ManyToManyField("),
            ("models", "return str(self.thing)"),
            ("views", '.select_related("thing", "other").prefetch_related("things")'),
            ("tests/test_api", '("things", make_thing(self.bob), status.HTTP_400_BAD_REQUEST),'),
            ("tests/test_pages", '("thing", make_thing(self.bob)),'),
        ]:
            with self.subTest(text=text):
                self.assertIn(text, files[f"{APP}/{name}.py"])
        self.assertIn("Things: ", files[f"{APP}/templates/{APP}/triedmodel_list.html"])

    def test_a_relation_to_what_all_see(self):
        self.relate_to(lambda **fields: None)
        self.startapp(APP, MODEL, "name:str?", "thing:things.Thing:cascade")
        files = self.files()
        self.assertIn('related_name="tried_models"', files[f"{APP}/models.py"])
        self.assertIn("return str(self.name or self.pk)", files[f"{APP}/models.py"])
        self.assertIn('("thing", make_thing(), status.HTTP_200_OK)', files[f"{APP}/tests/test_api.py"])
        self.assertNotIn("make_thing", files[f"{APP}/tests/test_pages.py"])

    def test_titles(self):
        for text, code in [
            ("body:text", "self.body[:60]"),
            ("state:choice:new:old", "self.get_state_display()"),
            ("due:date", "str(self.due)"),
        ]:
            with self.subTest(text=text):
                self.startapp(APP, MODEL, "extra:json", text)
                self.assertIn(f"return {code}\n", self.files()[f"{APP}/models.py"])
                shutil.rmtree(self.folder / APP)

    def test_the_list_shows_each_field(self):
        self.startapp(
            APP, MODEL, "name:str", "lent:bool", "state:choice:new:old", "note:str?", "due:date?", "body:text"
        )
        page = self.files()[f"{APP}/templates/{APP}/triedmodel_list.html"]
        for value in [
            "triedmodel.lent|yesno",
            "triedmodel.get_state_display",
            'triedmodel.note|default:"\N{EN DASH}"',
            'triedmodel.due|default_if_none:"\N{EN DASH}"',
        ]:
            with self.subTest(value=value):
                self.assertIn(f"with value={value} ", page)
        self.assertIn("triedmodel.body|truncatewords:30", page)

    def test_options_leave_out_files(self):
        self.startapp(APP, MODEL, "--no-pages", "title:str", "--public", "--plural", "tried equipment")
        files = self.files()
        self.assertNotIn(f"{APP}/forms.py", files)
        self.assertNotIn("ListView", files[f"{APP}/urls.py"])
        self.assertIn('router.register("tried-equipment"', files[f"{APP}/urls.py"])
        self.assertIn("permission_classes = [IsStaffOrReadOnly]", files[f"{APP}/views.py"])

    def test_a_model_without_an_api(self):
        self.startapp(APP, MODEL, "--no-api", "photo:image", "extra:json")
        files = self.files()
        self.assertNotIn(f"{APP}/serializers.py", files)
        self.assertNotIn("ViewSet", files[f"{APP}/views.py"])
        self.assertIn('return f"{self._meta.verbose_name} {self.pk}"', files[f"{APP}/models.py"])

    def is_left(self, text, reason):
        """Check that views.py with this text is left as it is, and that the user is told what to do."""
        self.add_to("TriedThing")
        self.commands.clear()
        views = self.folder / APP / "views.py"
        views.write_text(text)
        output = self.startapp(APP, MODEL, "title:str")
        self.assertEqual(views.read_text(), text)
        self.assertIn(f"startapp did not change {APP}/views.py, because {reason}", output)
        self.assertIn("class TriedModelDeleteView(", output)
        self.assertIn(f"  python manage.py makemigrations --no-header {APP}", output)
        self.assertEqual(self.commands, [])

    def test_a_module_that_ruff_would_change_is_left(self):
        self.is_left("x = {  'a':1 }\n", "ruff would format")

    def test_a_module_with_the_same_names_is_left(self):
        self.is_left("class TriedModelViewSet:\n    pass\n", "it already has a name 'TriedModelViewSet'")

    def test_prints_the_lines_to_add_if_it_finds_no_place_for_them(self):
        urls = self.folder / list(plan.LINES)[1]
        urls.write_text("from accounts.urls import urlpatterns\n")
        output = self.startapp(APP)
        self.assertIn("urls.py, because it has no line", output)
        self.assertIn('    path("", include("tried_app.urls")),\n', output)
        self.assertIn("python manage.py check", output)
        self.assertEqual(urls.read_text(), "from accounts.urls import urlpatterns\n")

    def test_only_committed_or_new_files_are_changed(self):
        self.add_to("TriedThing")
        self.git("init")
        self.startapp(APP, MODEL, "title:str")
        self.git("add", ".")
        self.startapp(APP, f"{MODEL}s", "title:str")
        self.git("add", ".")
        self.git("commit", "-m", "All")
        models = self.folder / APP / "models.py"
        models.write_text(models.read_text() + "\n\n# Mine\n")
        before = self.files()
        with self.assertRaisesMessage(CommandError, f"Commit {APP}/models.py first, or use --force"):
            self.startapp(APP, "Other", "title:str")
        self.assertEqual(self.files(), before)
        self.startapp(APP, "Other", "title:str", "--force")
        self.assertIn("# Mine", models.read_text())

    def test_without_git_all_files_are_changed(self):
        with mock.patch.object(changes.subprocess, "run", side_effect=FileNotFoundError):
            self.assertEqual(changes.uncommitted(["models.py"]), [])

    def test_runs_programs_in_the_project(self):
        changes.run("python", "-c", "assert input() == '1'", answers="1\n")
        with self.assertRaisesMessage(CommandError, "python -c raise SystemExit('no')\nno"):
            changes.run("python", "-c", "raise SystemExit('no')")
        # Pipenv installs into this virtual environment, whatever other one is active.
        with mock.patch.dict(os.environ, VIRTUAL_ENV="/other"), self.assertRaisesMessage(CommandError, sys.prefix):
            changes.run("python", "-c", "import os, sys; sys.exit(os.environ['VIRTUAL_ENV'])")
        with self.assertRaisesMessage(CommandError, "no-such-program is not there"):
            changes.run("no-such-program", "install")

    def test_leaves_nothing_behind_when_a_command_fails(self):
        for error in KeyboardInterrupt, CommandError:
            with self.subTest(error=error):

                def fail(error=error):
                    (self.folder / APP / "migrations" / "0001_initial.py").touch()
                    raise error

                self.hook = fail
                with self.assertRaises(error):
                    self.startapp(APP, MODEL, "title:str")
                self.assertEqual(self.files(), self.before)

    def test_a_second_resource_that_fails_leaves_the_first(self):
        self.add_to("TriedThing")
        before = self.files()

        def interrupt():
            (self.folder / APP / "migrations" / "0002_triedmodel.py").touch()
            raise KeyboardInterrupt

        self.hook = interrupt
        with self.assertRaises(KeyboardInterrupt):
            self.startapp(APP, MODEL, "title:str")
        self.assertEqual(self.files(), before)

    def test_the_first_image_brings_pillow(self):
        with mock.patch("generator.management.commands.startapp.find_spec", return_value=None):
            output = self.startapp(APP, MODEL, "photo:image")
        self.assertIn("Installing Pillow", output)
        self.assertIn("pipenv install pillow", f"pipenv {self.commands[0]}")

    def test_fields_are_added_to_a_model(self):
        self.add_to(MODEL)
        output = self.startapp(
            APP, MODEL, "--add", "weight:decimal:default=0", "note:str", "state:choice:new:old", "at:time?"
        )
        files = self.files()
        for name, text in [
            ("models", 'default=Decimal("0")'),
            ("models", "    class State(models.TextChoices):\n"),
            ("forms", '"weight", "note", "state", "at"]'),
            ("forms", '"at": forms.TimeInput('),
            ("serializers", '"weight", "note", "state", "at", "created_at"'),
            ("admin", '"weight", "note", "state", "at", "owner", "created_at"'),
            ("views", 'search_fields = ["name", "note"]'),
            ("views", '"weight": ["gte", "lte"],'),
        ]:
            with self.subTest(text=text):
                self.assertIn(text, files[f"{APP}/{name}.py"])
        self.assertIn("Weight: ", files[f"{APP}/templates/{APP}/triedmodel_list.html"])
        self.assertIn('Objects that exist get "" in note.', output)
        self.assertIn('1\n""\n', self.commands[-2])

    def test_the_database_fills_fields_that_are_added(self):
        self.add_to(MODEL)
        for version, code in ((4, 2), 'blank=True, default="")'), ((5, 0), 'blank=True, default="", db_default="")'):
            with self.subTest(version=version), mock.patch.object(plan, "VERSION", version):
                name = f"note{version[0]}"
                output = self.startapp(APP, MODEL, "--add", f"{name}:str:optional", f"at{version[0]}:datetime?")
                self.assertIn(code, self.files()[f"{APP}/models.py"])
                self.assertEqual(f"because it leaves {name} empty" in output, version[0] == 4)

    def test_relations_are_added_to_a_model(self):
        self.add_to(MODEL)
        (self.folder / APP / "serializers.py").unlink()
        self.relate_to(lambda **fields: None)
        output = self.startapp(APP, MODEL, "--add", "thing:things.Thing?", "things:many:things.Thing")
        self.assertIn('.select_related("thing").prefetch_related("things")', self.files()[f"{APP}/views.py"])
        self.assertIn('related_name="thing_tried_models"', self.files()[f"{APP}/models.py"])
        self.assertIn('autocomplete_fields = ["thing", "things", "owner"]', self.files()[f"{APP}/admin.py"])
        self.assertNotIn("Objects that exist", output)

    def test_fields_that_cannot_be_added_are_refused(self):
        self.add_to(MODEL)
        before = self.files()
        for words, message in [
            (["key:slug:unique"], "'key' has to be optional"),
            (["weight:str", "weight:int"], "only one field of each name"),
            (["weight:int", "--shared"], "--add adds fields to a model, and goes with no other option"),
        ]:
            with self.subTest(words=words):
                with self.assertRaisesMessage(CommandError, message):
                    self.startapp(APP, MODEL, "--add", *words)
                self.assertEqual(self.files(), before)

    def test_fields_that_cannot_be_added_to_a_real_model_are_refused(self):
        (self.folder / "users" / "migrations").mkdir(parents=True)
        with self.assertRaisesMessage(CommandError, "There is no model 'Other' in the app 'users'"):
            self.startapp("users", "Other", "--add", "weight:int")
        with self.assertRaisesMessage(CommandError, "User has a field 'email' already"):
            self.startapp("users", "User", "--add", "email:str")

    def test_refuses_impossible_names(self):
        (self.folder / "users" / "migrations").mkdir(parents=True)
        (self.folder / "schema.yml").write_text("components:\n  schemas:\n    Problem:\n")
        self.before = self.files()
        for message, *arguments in [
            ("An app cannot be called 'Blog'", "Blog"),
            ("An app cannot be called 'class'", "class"),
            ("The app 'users' exists", "users"),
            ("An app cannot be called 'auth'", "auth", MODEL, "title:str"),
            ("An app cannot be called 'json'", "json"),
            ("A model cannot be called 'post'", APP, "post", "title:str"),
            ("A model cannot be called 'None'", APP, "None", "title:str"),
            ("A model cannot be called 'User'", APP, "User", "title:str"),
            ("A model cannot be called 'Token'", APP, "Token", "title:str"),
            ("A model cannot be called 'Problem': the description of the API has a Problem", APP, "Problem", "a:str"),
            ("A model cannot be called 'Exception'", APP, "Exception", "title:str"),
            ("A model cannot be called 'Model': its modules use the name", APP, "Model", "title:str"),
            ("the path /admin/ is taken", APP, MODEL, "title:str", "--plural", "admin"),
            ("'Two' is no plural", APP, MODEL, "title:str", "--plural", "Two"),
            ("A model needs a field", APP, MODEL),
            ("A model needs a field", APP, MODEL, "author:user"),
            ("A model has only one user", APP, MODEL, "title:str", "author:user", "editor:user"),
            ("and only one field of each name", APP, MODEL, "title:str", "title:text"),
        ]:
            with self.subTest(arguments=arguments):
                with self.assertRaisesMessage(CommandError, message):
                    self.startapp(*arguments)
                self.assertEqual(self.files(), self.before)

    def test_the_help_has_an_example_of_each_type(self):
        parser = Command().create_parser("manage.py", "startapp")
        self.assertIn(REFERENCE, parser.format_help())
        for kind in fields.KINDS.values():
            with self.subTest(example=kind.example):
                self.assertIn(kind.example, REFERENCE)
