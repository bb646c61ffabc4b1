import ast
import difflib
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from django.test import SimpleTestCase
from generator.merge import CannotMerge, merged, with_call, with_entry, with_field

URLS = """\
from django.urls import include, path

from . import views

router = SimpleRouter()
router.register("items", views.ItemViewSet)

urlpatterns = [
    path("items/", views.items),  # the list
    path("api/v1/", include(router.urls)),
    # path("old/", views.old),
]
"""

MODEL = """\
class Device(models.Model):
    name = models.CharField(max_length=200)  # é

    # Who lends it.
    owner = models.ForeignKey("users.User", on_delete=models.CASCADE)

    class Meta:
        ordering = ["name"]
"""

# What another resource adds, as the generator writes it.
MODELS_TO_ADD = """\
from __future__ import annotations

from django.db import models
from django.core.validators import MinValueValidator


class Tag(models.Model):
    weight = models.IntegerField(validators=[MinValueValidator(1)])
"""
URLS_TO_ADD = """\
from django.urls import include, path
from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter()
router.register("tags", views.TagViewSet, basename="api-tag")

urlpatterns = [
    path("tags/", views.TagListView.as_view(), name="tag_list"),
    path("tags/add/", views.TagCreateView.as_view(), name="tag_add"),  # type: ignore[arg-type]
    path("api/v1/", include(router.urls)),
]
"""
VIEWS_TO_ADD = """\
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .models import Tag


# Everybody sees tags.
class TagListView:
    model = Tag
    text = _("Tags")
"""

BY_HAND = '''\
# Ours, all of it.
"""The urls."""
from __future__ import annotations

__all__ = ["urlpatterns"]

from typing import TYPE_CHECKING
from django.urls import include, path
from rest_framework.routers import SimpleRouter

if TYPE_CHECKING:
    from django.http import HttpRequest

from . import views

@staticmethod
def page(request: HttpRequest): ...

router = SimpleRouter(); router.register("items", views.ItemViewSet)
urlpatterns = [
    # The first page.
    path("", page),

    # The API.
    path("api/v1/", include(router.urls))  # last
]
urlpatterns += [path("tags/", views.TagListView.as_view(), name="tag_list")]
'''


class MergedTests(SimpleTestCase):
    def test_adds_what_is_missing(self):
        cases = [
            # Nothing.
            ("", "", ""),
            ("x = 1\n", "x = 1\n", "x = 1\n"),
            ("x = 1\n", '"""Text."""\n', "x = 1\n"),
            # Imports.
            ("", "import a\n", "import a\n"),
            ("# ours\n\nx = 1\n", "import a\n", "# ours\nimport a\n\nx = 1\n"),
            ('"""Text."""\nx = 1\n', "import a\n", '"""Text."""\nimport a\nx = 1\n'),
            ("import a\nx = 1\nimport b\n", "import c\n", "import a\nimport c\nx = 1\nimport b\n"),
            ("x = 1\nimport a\n", "import b\n", "import b\nx = 1\nimport a\n"),
            (
                "__all__ = []\nif x:\n    import a\nimport b\nx = 1\n",
                "import c\nc()\n",
                "__all__ = []\nif x:\n    import a\nimport b\nimport c\nc()\nx = 1\n",
            ),
            ("from a import b\n", "from a import b, c\n", "from a import b\nfrom a import c\n"),
            ("from . import b\n", "from .b import c as d\n", "from . import b\nfrom .b import c as d\n"),
            ("import a.b\n", "import a.c\n", "import a.b\nimport a.c\n"),
            ("import a, b\n", "import b\n", "import a, b\n"),
            (
                '# ours\n"""Text."""\nimport a\n',
                "from __future__ import annotations\n",
                '# ours\n"""Text."""\nfrom __future__ import annotations\nimport a\n',
            ),
            # Lists.
            ("x = []\n", "x = [1, 2]\n", "x = [1, 2]\n"),
            ("x = [1, 2]\n", "x = [2, 3]\n", "x = [1, 2, 3]\n"),
            ("x = [\n    1,\n]\n", "x = [2]\n", "x = [\n    1,\n2,]\n"),
            ("x = [\n    1  # a, b\n]\n", "x = [2]\n", "x = [\n    1  # a, b\n, 2]\n"),
            ("x = [\n    1,  # é\n    # more\n]\n", "x = [2]\n", "x = [\n    1,  # é\n    # more\n2,]\n"),
            ("x = [(1)]\n", "x = [2]\n", "x = [(1), 2]\n"),
            ("x: list[int] = ['é']\n", "x = ['ü']\n", "x: list[int] = ['é', 'ü']\n"),
            ("x = [1]\n", "x = [\n    2,  # note\n]\n", "x = [1, 2  # note\n]\n"),
            ("x = [1]\nx += [2]\nx += y\n", "x = [2]\n", "x = [1]\nx += [2]\nx += y\n"),
            # Calls stand behind what they read, and behind calls on the same name.
            ("import a\n\nx = 1\n", "a(2)\n", "import a\na(2)\n\nx = 1\n"),
            ("a(1)\nx = 1\n", "a(2)\n", "a(1)\na(2)\nx = 1\n"),
            ("x = 1\n", "a(2)\n", "a(2)\nx = 1\n"),
            ("import a\nr = a()\nx = 1\n", "r.b(2)\n", "import a\nr = a()\nr.b(2)\nx = 1\n"),
            ("r = 1; x = '''\n'''\n", "r.b(2)\n", "r = 1; x = '''\n'''\nr.b(2)\n"),
            # Other assignments.
            ("import a\nz = 1\n", "x = 1\n", "import a\nx = 1\nz = 1\n"),
            ("import a\nz = 1\nz.b()\ny = 2\n", "x = [z]\n", "import a\nz = 1\nz.b()\nx = [z]\ny = 2\n"),
            # Classes and functions, with the comments above them.
            ("x = 1", "# Text.\n@a\nclass A:\n    pass\n", "x = 1\n\n\n# Text.\n@a\nclass A:\n    pass\n"),
            ("\n", "def a(): ...\n", "\n\n\ndef a(): ...\n"),
            # A name within a comprehension is not one of the module.
            ("x = [a for a in b]\n", "import a\n", "import a\nx = [a for a in b]\n"),
            # Ends of lines, and tabs.
            ("x = 1\r\n", "def a():\r\n\treturn 1\r\n", "x = 1\r\n\r\n\r\ndef a():\r\n\treturn 1\r\n"),
            ("if x:\n\ty = '\u2028\x0c'\nx = [1]", "x = [2]", "if x:\n\ty = '\u2028\x0c'\nx = [1, 2]"),
        ]
        for old, new, expected in cases:
            with self.subTest(old=old, new=new):
                self.assertEqual(merged(old, new), expected)

    def test_adds_to_urls(self):
        new = URLS.replace("item", "tag").replace("Item", "Tag")

        expected = URLS.replace(
            "\n\nurlpatterns", '\nrouter.register("tags", views.TagViewSet)\n\nurlpatterns'
        ).replace("\n]", '\npath("tags/", views.tags)  # the list\n,]')
        self.assertEqual(merged(URLS, new), expected)

    def test_says_why_it_cannot(self):
        cases = [
            ("x = 1\nfor\n", "y = 1\n", "line 2 is not valid Python"),
            ("class Device: ...\n", "class Device:\n    x = 1\n", "it already has a name 'Device'"),
            ("from a import Device\n", "class Device: ...\n", "it already has a name 'Device'"),
            ("from a import b\n", "from c import b\n", "it already has a name 'b'"),
            ("import a as b\n", "import b\n", "it already has a name 'b'"),
            ("from a import b\n", "import b\n", "it already has a name 'b'"),
            ("a = 1\n", "import a\n", "it already has a name 'a'"),
            ("if x:\n    from a import b\n", "from a import b\n", "it already has a name 'b'"),
            ("x = 1\n", "x = 2\n", "it already has a name 'x'"),
            ("x = f([])\n", "x = [1]\n", "'x' is not a plain list or dict"),
            ("x = {}\n", "x = [1]\n", "'x' is not a plain list"),
            ("x = []\nx = f(x)\n", "x = [1]\n", "'x' is not a plain list or dict"),
            ("x = []\ny = 1\n", "x = [f(y)]\n", "'x' comes before 'y'"),
            ("", "if x:\n    y()\n", "there is no safe place for 'if x:'"),
            ("", "a.b = 1\n", "there is no safe place for 'a.b = 1'"),
            ("", "await_\n", "there is no safe place for 'await_'"),
        ]
        for old, new, message in cases:
            with self.subTest(old=old, new=new), self.assertRaises(CannotMerge) as caught:
                merged(old, new)
            self.assertEqual(str(caught.exception), message)


class WithFieldTests(SimpleTestCase):
    code = "weight = models.DecimalField()"

    def test_adds_a_field(self):
        cases = [
            (["owner"], "# é\n    weight = models.DecimalField()\n\n    # Who"),
            (["created_at", "owner"], "# é\n    weight = models.DecimalField()\n\n    # Who"),
            (["name"], "Model):\n    weight = models.DecimalField()\n    name"),
            ([], "CASCADE)\n    weight = models.DecimalField()\n\n    class Meta"),
        ]
        for before, expected in cases:
            with self.subTest(before=before):
                self.assertIn(expected, with_field(MODEL, "Device", self.code, before))

    def test_keeps_what_is_there(self):
        source = with_field(MODEL, "Device", self.code)

        self.assertEqual(with_field(source, "Device", self.code), source)

    def test_keeps_tabs_and_ends_of_lines(self):
        source = "class A:\r\n\tname = Field()"

        self.assertEqual(
            with_field(source, "A", "b = (\n\t1\n)\n"),
            f"{source}\r\n\tb = (\r\n\t\t1\r\n\t)\r\n".replace("\r\n\r\n", "\r\n"),
        )

    def test_says_why_it_cannot(self):
        cases = [
            ("", "it does not have exactly one class 'Device'"),
            (MODEL * 2, "it does not have exactly one class 'Device'"),
            (MODEL.replace("name =", "weight ="), "'Device' already has a name 'weight'"),
            ("class Device:\n    x = 1\n    y: int\n    z = f()\n", "'Device' has no field"),
            ("class Device: x = Field()\n", "'Device' has several statements on line 1"),
        ]
        for source, message in cases:
            with self.subTest(source=source), self.assertRaises(CannotMerge) as caught:
                with_field(source, "Device", self.code)
            self.assertEqual(str(caught.exception), message)


class WithEntryTests(SimpleTestCase):
    def test_adds_an_entry(self):
        cases = [
            ('["a", "b"]', '"w"', [], '["a", "b", "w"]'),
            ('["a", "b"]', '"w"', ["'b'", '"a"'], '["w", "a", "b"]'),
            ('["é", ( ("b"))]', '"w"', ['"b"'], '["é", "w", ( ("b"))]'),
            ('["a", "b"]', '"w"', ['"c"'], '["a", "b", "w"]'),
            ('["a", "w"]', "'w'", ['"a"'], '["a", "w"]'),
            ("[]", '"w"', ['"a"'], '["w"]'),
            ("{}", '"w": [1]', [], '{"w": [1]}'),
            ('{**x, "a": 1}', '"w": [1]', [], '{**x, "a": 1, "w": [1]}'),
            ('{**x, "a": 1,}', '"w": [1]', ['"a"'], '{**x, "w": [1], "a": 1,}'),
            ('{"w": 1}', '"w": [1]', [], '{"w": 1}'),
            ('"__all__"', '"w"', [], '"__all__"'),
        ]
        for literal, element, before, expected in cases:
            with self.subTest(literal=literal, element=element, before=before):
                source = "class A:\n    class Meta:\n        fields = %s\n"
                result = with_entry(source % literal, ["A", "Meta", "fields"], element, before)
                self.assertEqual(result, source % expected)

    def test_says_why_it_cannot(self):
        for source in ["", "class A:\n    pass\n", "class A:\n    fields = a + b\n", "class A:\n    fields: list\n"]:
            with self.subTest(source=source), self.assertRaises(CannotMerge):
                with_entry(source, ["A", "fields"], '"w"')

    def test_a_class_gets_the_list_that_it_lacks(self):
        for element, literal in ('"w"', '["w"]'), ('"w": [1]', '{"w": [1]}'):
            with self.subTest(element=element):
                result = with_entry("class A:\n    x = 1\n\n    y()\n", ["A", "fields"], element)
                self.assertEqual(result, f"class A:\n    x = 1\n    fields = {literal}\n\n    y()\n")


class WithCallTests(SimpleTestCase):
    source = "".join(
        f"class {name}:\n    def get(self):\n        return Device.objects.visible_to(user).all()\n\n"
        for name in ("DeviceListView", "DeviceViewSet")
    )

    def test_adds_a_call(self):
        for in_api, count in (False, 1), (True, 2):
            with self.subTest(in_api=in_api):
                result = with_call(self.source, "Device", ".first()", in_api)
                self.assertEqual(result.count("visible_to(user).all().first()"), count)

    def test_says_why_it_cannot(self):
        with self.assertRaisesMessage(CannotMerge, "it returns no Item.objects.visible_to(...)"):
            with_call(self.source, "Item", ".first()", in_api=True)


class ModulesTests(SimpleTestCase):
    def test_adds_nothing_twice_to_the_modules_of_this_project(self):
        paths = sorted(Path(__file__).parents[2].glob("*/*.py"))
        self.assertTrue(paths)
        for path in paths:
            with self.subTest(path=path):
                source = path.read_text(encoding="utf-8")
                self.assertEqual(merged(source, source), source)

    def test_keeps_every_line(self):
        cases = []
        for new in [MODELS_TO_ADD, URLS_TO_ADD, VIEWS_TO_ADD]:
            old = new.replace("tag", "item").replace("Tag", "Item")
            cases += [(old, new), (BY_HAND, new), (BY_HAND.partition("@")[0], new)]
        sources = formatted([old for old, _ in cases])
        results = formatted([merged(sources[index], new) for index, (_, new) in enumerate(cases)])
        for index, (_, new) in enumerate(cases):
            source, result = sources[index], results[index]
            with self.subTest(source=source, new=new):
                ast.parse(result)
                difference = difflib.ndiff(source.splitlines(), result.splitlines())
                self.assertEqual([line for line in difference if line[0] == "-" and "import" not in line], [])
                for line in new.splitlines():
                    self.assertIn(line.split("import")[-1].strip(" ,"), result)


def formatted(sources):
    """Return the sources as ruff sorts and formats them."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{index}.py") for index in range(len(sources))]
        for index, path in enumerate(paths):
            path.write_text(sources[index], encoding="utf-8")
        for arguments in [["check", "--select=I,F", "--fix", "--exit-zero", "--silent"], ["format", "--silent"]]:
            subprocess.run([sys.executable, "-m", "ruff", *arguments, "--no-cache", folder], check=True, timeout=60)
        return [path.read_text(encoding="utf-8") for path in paths]
