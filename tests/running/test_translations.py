"""A project in German: its pages, its tests, and what makemessages and compilemessages change."""

import gettext
import html
import re
import shutil

import pytest

from tests.support.changes import edit
from tests.support.client import PASSWORD, Client
from tests.support.machine import PRESENT, program
from tests.support.mail import message_to, text_of
from tests.support.production import OIDC
from tests.support.translations import messages_of, texts_of_page, words_of

COLLECT = ["makemessages", "--all", "--no-location"]
COMPILE = ["compilemessages", "--ignore", ".venv"]
FILES = "*/locale/de/LC_MESSAGES/django.po"
DJANGO = "lib/*/site-packages/django/**/locale/en/LC_MESSAGES/django.po"
TESTS = "my_project.tests.test_translations"
OLDEST, NEWEST = PRESENT[0], PRESENT[-1]
CELERY = {"background_tasks": "Celery"}
# What our pages in both languages have in common.
SAME = {"My Project", "A web application and its API", "API", "Map", "Made of paper", "root", "clerk", "Name"}
SAME |= {"Company account", "Laptop", "Key ring", "ada example com", "Browser python requests", "Authenticator App"}
SAME_IN_ADMIN = {*SAME, "Export"}
# Messages that no page shows, or none that this visits.
UNSEEN = {
    "%(count)d %(name)s are deleted too.",
    "%(count)d %(name)s is deleted too.",
    "%(count)d %(name)s no longer refer to it.",
    "%(count)d %(name)s no longer refers to it.",
    "English",
    "German",
    "Important dates",
    "It cannot be deleted while %(count)d %(name)s refer to it.",
    "It cannot be deleted while %(count)d %(name)s refers to it.",
    "JSON parse error - The value is nested too deeply.",
    "Last seen at",
    "Other objects refer to this one.",
    "Permissions",
    "Personal info",
    "The export has started.",
    "The file is larger than %(size)s.",
    "The file is not an image of the type that its name says.",
    "The image has too many pixels.",
    "The request has too many fields.",
    "The request has too many files.",
    "The request is too large.",
    "This cannot be deleted because something else refers to it.",
    "This site is still empty.",
    "User with this Email address already exists.",
    "Your account cannot be deleted because of its %(kinds)s.",
}
WITH_LOGIN_BY_EMAIL = [
    "Important dates",
    "Permissions",
    "Personal info",
    "User with this Email address already exists.",
    "email address",
    "users",
]
ADD = f"""
from exports.models import Export, State
from items.models import Item
from users.models import User
root = User.objects.create_superuser("root", "root@example.com", "{PASSWORD}")
User.objects.create_user("clerk", "clerk@example.com", "{PASSWORD}", is_staff=True).vouch_for_email()
for state in State.values:
    Export.objects.create(owner=root, state=state, done=1, total=1)
for number in range(45):
    Item.objects.create(owner=root, name="Map", description="Made of paper")
"""


class Pages:
    """The same pages in English and German."""

    def __init__(self, server):
        self.visitors = {}
        for language in "en", "de":
            visitor = self.visitors[language] = Client(server, https=True)
            visitor.headers["Accept-Language"] = f"{language}-AT,{language};q=0.9"
        self.german = ""
        self.same = {}

    def sign_in(self, *names):
        """Sign in as this user, or as one in English and another in German."""
        for visitor, name in zip(self.visitors.values(), names * 2):
            visitor.cookies.clear()
            assert "/accounts/logout/" in visitor.sign_in(name).text
            visitor.submit("/accounts/reauthenticate/", password=PASSWORD, next="/")

    def submit(self, name, path, /, *arguments, **fields):
        self.visit(name, lambda visitor: visitor.submit(path, *arguments, **fields))

    def visit(self, name, ask):
        """Ask for a page in both languages: `ask(visitor)`. Note the texts that the two have in common."""
        texts = {}
        for language, visitor in self.visitors.items():
            answer = ask(visitor)
            assert answer.headers["Content-Language"] == language, name
            assert "accept-language" in answer.headers["Vary"].lower(), name
            if answer.headers["Content-Type"].startswith("text/html"):
                assert f'<html lang="{language}"' in answer.text, name
                texts[language] = texts_of_page(answer.text)
            else:
                errors = answer.json().get("errors", [])
                texts[language] = {error["detail"] for error in errors} or {answer.json()["detail"]}
        self.german += html.unescape(answer.text)
        assert texts["en"], name
        self.same[name] = texts["en"] & texts["de"]


def message_is_in(translations, text):
    patterns = [re.sub(r"%\\\(\w+\\\)s", ".+?", re.escape(translation)) for translation in translations]
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)


def visit_all(pages):
    pages.visit("not found", lambda visitor: visitor.get("/no/such/page/"))
    pages.visit("no token", lambda visitor: visitor.post("/accounts/login/"))
    pages.sign_in("clerk")
    pages.visit("not allowed", lambda visitor: visitor.get("/admin/items/item/"))
    pages.visit("no items", lambda visitor: visitor.get("/items/"))
    pages.visit("no exports", lambda visitor: visitor.get("/exports/"))
    pages.sign_in("root")
    item = pages.visitors["en"].api("GET", "/api/v1/items/")["results"][0]["id"]
    for path in [
        *("/", "/items/", "/items/add/", f"/items/{item}/", f"/items/{item}/delete/", "/exports/"),
        *("/admin/items/", "/admin/items/item/", f"/admin/items/item/{item}/change/"),
        *("/admin/exports/", "/admin/exports/export/", "/admin/exports/export/1/change/"),
        *("/api/v1/items/?nmae=Map", "/api/v1/items/?ordering=nmae", "/api/v1/items/?ordering=name,-created_at"),
        *("/api/v1/exports/1/file/", "/api/v1/exports/3/file/"),
    ]:
        pages.visit(path, lambda visitor, path=path: visitor.get(path))
    second = html.unescape(re.search('href="([^"]+)" rel="next"', pages.visitors["en"].get("/items/").text)[1])
    pages.visit("second page", lambda visitor: visitor.get(second))
    pages.submit("invalid", "/items/add/", name="")
    pages.submit("added", "/items/add/", name="Map")
    pages.submit("saved", f"/items/{item}/", name="Map")
    items, exports = iter([item, item - 1]), iter([1, 2])
    pages.visit("item deleted", lambda visitor: visitor.submit(f"/items/{next(items)}/delete/"))
    pages.visit("export deleted", lambda visitor: visitor.submit("/exports/", f"/exports/{next(exports)}/delete/"))
    pages.submit("exported", "/exports/", "/exports/add/")
    pages.visitors["en"].submit("/exports/", "/exports/add/")
    pages.submit("too many exports", "/exports/", "/exports/add/")


def visit_accounts(pages, bob):
    """Visit the pages of accounts as somebody without one, as a clerk, and as the only superuser, who is signed in."""
    pages.submit("only superuser", "/accounts/delete/")
    pages.sign_in("clerk")
    for path in "data", "delete", "email", "password/change", "sessions", "tokens", "2fa", "2fa/webauthn":
        pages.visit(path, lambda visitor, path=path: visitor.get(f"/accounts/{path}/"))
    pages.submit("email pending", "/accounts/email/", email="clerk@example.org", action_add="")
    pages.submit("token", "/accounts/tokens/", name="Laptop")
    text = re.search("<code>(.+)</code>", pages.visitors["en"].submit("/accounts/tokens/", name="Laptop").text)[1]
    pages.visitors["en"].get("/api/v1/users/me/", headers={"Authorization": f"Token {text}"})
    pages.visit("tokens used", lambda visitor: visitor.get("/accounts/tokens/"))
    tokens = iter([1, 2])
    pages.visit(
        "revoked", lambda visitor: visitor.submit("/accounts/tokens/", f"/accounts/tokens/{next(tokens)}/revoke/")
    )

    pages.sign_in("ada", bob)
    pages.submit("deleted", "/accounts/delete/")
    mail = message_to(f"{bob}@example.com", "gelöscht")
    pages.german += f"{mail['Subject']}\n{text_of(mail)}"

    pages.visit("bad token", lambda visitor: visitor.get("/api/v1/items/", headers={"Authorization": "Token bad"}))
    for path in "login", "signup", "password/reset":
        pages.visit(path, lambda visitor, path=path: visitor.get(f"/accounts/{path}/"))
    account = {"username": "eve", "password": PASSWORD}
    fields = {"username": "eve", "email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD}
    pages.visitors["en"].submit("/accounts/signup/", **fields)
    pages.submit("taken", "/accounts/signup/", **fields)
    pages.visit("unverified", lambda visitor: visitor.post("/api/v1/token/", json=account))
    for _ in range(5):
        pages.visitors["en"].sign_in("eve", "wrong")
    pages.visit("locked", lambda visitor: visitor.sign_in("eve", "wrong", expect=429))
    pages.sign_in("root")
    taken = {"username": "new", "email": "clerk@example.com"}
    path = "/admin/users/user/add/"
    pages.submit(path, path, **taken, password1=PASSWORD, password2=PASSWORD, usable_password="true")


def visit_connections(pages):
    """Visit the pages that a superuser with second factors and an account at another site sees."""
    tokens = "/admin/users/token/"
    for path in "/accounts/3rdparty/", "/accounts/2fa/webauthn/", tokens, f"{tokens}3/change/":
        pages.visit(path, lambda visitor, path=path: visitor.get(path))
    account = {"username": "root", "password": PASSWORD}
    pages.visit("no code", lambda visitor: visitor.post("/api/v1/token/", json=account))


@pytest.mark.matrix
@pytest.mark.parametrize("python_version", [OLDEST, NEWEST])
def test_no_page_in_german_shows_an_english_text(deploy, python_version):
    deployment = deploy("ASGI", python_version, CELERY, **OIDC)
    deployment.run("shell", "-c", ADD)
    # The tests share one mail server.
    bob = f"bob-{python_version}"
    deployment.add_users("ada", bob)
    with deployment.serve() as server:
        pages = Pages(server)
        visit_all(pages)
        visit_accounts(pages, bob)
        deployment.add_connections("root", "Map")
        visit_connections(pages)
        schemas = [visitor.get("/api/schema/").text for visitor in pages.visitors.values()]
    # Django translates some of its texts later.
    files = deployment.project.venv.resolve().glob(DJANGO)
    in_admin = {words_of(message) for path in files for message in messages_of(path)} | SAME_IN_ADMIN
    left = {name: same - (in_admin if "/admin/" in name else SAME) for name, same in pages.same.items()}
    assert not any(left.values()), {name: texts for name, texts in left.items() if texts}
    messages = {}
    for found in catalogues(deployment.project).values():
        messages.update(found)
    unseen = {message for message, words in messages.items() if not message_is_in(words, pages.german)}
    assert unseen == UNSEEN, unseen ^ UNSEEN
    assert schemas[0] == schemas[1]


def catalogues(project):
    """Return app -> its messages and their translations."""
    program("msgfmt")
    return {path.relative_to(project.path).parts[0]: messages_of(path) for path in project.path.glob(FILES)}


def compiled(project):
    found = {}
    for path in project.path.glob(FILES):
        with path.with_suffix(".mo").open("rb") as file:
            found[path] = gettext.GNUTranslations(file)._catalog
            # Some versions of gettext leave out a date of the header.
            del found[path][""]
    return found


def test_the_shipped_files_are_what_makemessages_and_compilemessages_write(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    shipped = catalogues(project), compiled(project)
    assert all(text for found in shipped[0].values() for texts in found.values() for text in texts)
    for path in project.path.glob(FILES):
        path.with_suffix(".mo").unlink()
    project.run(*COMPILE)
    assert compiled(project) == shipped[1]
    project.run(*COLLECT)
    for message in WITH_LOGIN_BY_EMAIL:
        del shipped[0]["users"][message]
    assert catalogues(project) == shipped[0]
    project.run("makemessages", "--locale", "fr", "--no-location")
    french = {path.parts[-5] for path in project.path.glob(FILES.replace("/de/", "/fr/"))}
    assert french == shipped[0].keys()


@pytest.mark.matrix
def test_with_celery_and_login_by_email_makemessages_changes_nothing(installed, tmp_path):
    project = installed("ASGI", login="email", **CELERY).copy(tmp_path)
    shipped = catalogues(project)
    project.run(*COLLECT)
    assert catalogues(project) == shipped


@pytest.mark.matrix
def test_the_messages_of_new_apps_are_collected_and_must_be_translated(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    shipped = catalogues(project)
    project.run("startapp", "shop")
    project.run("startapp", "blog", "Post", "title:str", "price:decimal")
    (project.path / "shop" / "locale").mkdir()
    project.run(*COLLECT)
    found = catalogues(project)
    new = {message: found["my_project"].pop(message) for message in found["my_project"].keys() - shipped["my_project"]}
    assert found["my_project"] == shipped["my_project"]
    assert found["shop"] == {"Shop": [""]}
    assert "blog" not in found
    assert {"Add a post", "Price: %(value)s", "The post was deleted.", "No posts yet.", "price", "posts"} <= new.keys()
    assert set(map(tuple, new.values())) == {("",)}
    assert "FAILED" in project.run("test", TESTS, check=False).stderr
    for path in project.path.glob(FILES):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r'^msgid (".+")\nmsgstr ""\n(?!")', r"msgid \1\nmsgstr \1\n", text, flags=re.MULTILINE))
    assert "FAILED" in project.run("test", TESTS, check=False).stderr
    project.run(*COMPILE)
    assert "\nOK\n" in project.run("test", TESTS).stderr


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("interface", "python_version", "login"), [("ASGI", OLDEST, "username"), ("WSGI", NEWEST, "email")]
)
def test_the_tests_pass_in_german(installed, tmp_path, interface, python_version, login):
    project = installed(interface, python_version, login=login, **CELERY).copy(tmp_path)
    edit(project, "my_project/settings.py", 'LANGUAGE_CODE = "en-us"', 'LANGUAGE_CODE = "de"')
    project.run("startapp", "shop")
    project.run("startapp", "blog", "Post", "title:str", "due:date", "price:decimal", "item:items.Item?")
    assert "\nOK\n" in project.run("test").stderr


@pytest.mark.matrix
def test_german_can_be_removed(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    edit(project, "my_project/settings.py", '    ("de", _("German")),\n', "")
    for folder in project.path.glob("*/locale/de"):
        shutil.rmtree(folder)
    project.run("check", "--fail-level", "WARNING")
    assert "\nOK\n" in project.run("test").stderr
