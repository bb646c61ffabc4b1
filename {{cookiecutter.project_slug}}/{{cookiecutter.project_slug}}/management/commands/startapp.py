from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model
from django.template import Context, Engine
from django.urls import Resolver404, resolve
from django.utils.text import camel_case_to_spaces, capfirst

PROJECT = "{{ cookiecutter.project_slug }}"
TEMPLATES = Path(__file__).resolve().parent.parent

# The lines of an app outside its folder, each with the line that it comes before.
LINES = {
    f"{PROJECT}/settings.py": ('    "{}",\n', '    "django.contrib.admin",\n'),
    f"{PROJECT}/urls.py": ('    path("", include("{}.urls")),\n', '    path("", include("users.urls")),\n'),
}

# The class, the arguments, a value for tests, and the lookups to filter by.
KINDS: dict[str, tuple[str, list[str], str, list[str]]] = {
    "str": ("CharField", ["max_length=200"], '"Brass"', []),
    "text": ("TextField", ["blank=True"], '"Points north"', []),
    "int": ("IntegerField", [], "1", ["gte", "lte"]),
    "decimal": ("DecimalField", ["max_digits=12", "decimal_places=2"], '"1.50"', ["gte", "lte"]),
    "bool": ("BooleanField", ["default=False"], "True", ["exact"]),
    "date": ("DateField", [], '"2026-01-01"', ["gte", "lt"]),
    "datetime": ("DateTimeField", [], '"2026-01-01T00:00:00Z"', ["gte", "lt"]),
}

# What the files of a resource, or the addresses of its API, call something else.
RESERVED = {*dir(Model), "id", "created_at", "updated_at", "objects", "models", "settings"}
RESERVED |= {"cursor", "format", "ordering", "search"}

# Pages have braces of their own, so in their templates [[ ]] and [% %] are the generator's.
SWAP = str.maketrans("{}[]", "[]{}")


def plural(word: str) -> str:
    """Return the plural of an English word that has a regular one."""
    return re.sub("(s|x|z|ch|sh)$", r"\1e", re.sub("(?<=[^aeiou])y$", "ie", word)) + "s"


def is_free(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return True
    return False


def field_of(text: str) -> dict[str, Any]:
    """Return what the templates say of a field that is written `name:type`, or `name:type?` where it may be empty."""
    found = re.fullmatch(r"([a-z][a-z0-9_]*):([\w.]+)(\?)?", text)
    if not found:
        raise CommandError(f"{text!r} is no field: write name:type, such as due:date, or due:date? if it may be empty.")
    name, kind, optional = found.groups()
    if name in RESERVED or iskeyword(name) or "__" in name or name.endswith("_"):
        raise CommandError(f"A field cannot be called {name!r}, which means something else: choose another name.")
    field = {"name": name, "kind": kind, "label": capfirst(name.replace("_", " ")), "optional": optional}
    if kind == "user":
        return field
    if kind not in KINDS:
        return {**field, **relation_to(kind), "value": f"cls.mine.{name}_id"}
    class_name, arguments, value, lookups = KINDS[kind]
    if optional and kind not in ("text", "bool"):
        arguments = [*arguments, *(["blank=True"] if kind == "str" else ["null=True", "blank=True"])]
    return {**field, "code": f"{class_name}({', '.join(arguments)})", "value": value, "lookups": lookups}


def relation_to(kind: str) -> dict[str, Any]:
    """Return what the templates say of a field that refers to an object of `kind`, a model such as blog.Post."""
    try:
        model = apps.get_model(kind)
        package = model._meta.app_config.name
        # Without them the field could refer to what others own, and there would be nothing to test it with.
        model.objects.owned_by, getattr(import_module(f"{package}.tests"), f"make_{model._meta.model_name}")
    except (AttributeError, ImportError, LookupError, ValueError):
        kinds = f"{', '.join(KINDS)}, user, and models that startapp wrote, such as blog.Post"
        raise CommandError(f"{kind!r} is no type of field: there are {kinds}.") from None
    return {"package": package, "related": model.__name__, "label_of_related": model._meta.label, "lookups": ["exact"]}


def app_context(app: str) -> dict[str, Any]:
    """Return what the templates say of an app; CommandError tells why it cannot have this name."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,39}", app) or iskeyword(app):
        raise CommandError(f"An app cannot be called {app!r}: a name has lower-case letters, digits and underscores.")
    if app in apps.app_configs or find_spec(app) or (settings.BASE_DIR / app).exists():
        raise CommandError(f"An app cannot be called {app!r}: something else has that name.")
    return {
        "project": PROJECT,
        "app": app,
        "app_words": app.replace("_", " "),
        "app_class": app.replace("_", " ").title().replace(" ", ""),
        "is_start_page": is_free("/"),
        "live": apps.is_installed("daphne"),
    }


def model_context(model: str, texts: list[str]) -> dict[str, Any]:
    """Return what the templates say of a model with these fields; CommandError tells what cannot be."""
    if not re.fullmatch("[A-Z][A-Za-z0-9]{0,39}", model) or iskeyword(model):
        raise CommandError(f"A model cannot be called {model!r}: a name is in capitalised words, such as BlogPost.")
    words = camel_case_to_spaces(model)
    path = plural(words).replace(" ", "-")
    taken = {other.__name__.lower() for other in apps.get_models()}
    if model.lower() in taken or not is_free(f"/{path}/"):
        raise CommandError(f"A model cannot be called {model!r}: another one, or the address /{path}/, has that name.")
    fields = [field_of(text) for text in texts]
    owners = [field["name"] for field in fields if field["kind"] == "user"] or ["owner"]
    fields = [field for field in fields if field["kind"] != "user"]
    names = {*owners, *(field["name"] for field in fields)}
    if len(names) < 1 + len(fields) or len(owners) > 1:
        raise CommandError("A model has one user, to whom its objects belong, and one field of each name.")
    if not fields or fields[0]["kind"] != "str" or fields[0]["optional"]:
        raise CommandError(f"The first field is what {plural(words)} are called, so it is a str, such as title:str.")
    details = fields[1:]
    return {
        "model": model,
        "models": plural(model),
        "name": model.lower(),
        "words": words,
        "article": "an" if words[0] in "aeiou" else "a",
        "plural": plural(words),
        "path": path,
        "owner": owners[0],
        "title": fields[0]["name"],
        "fields": fields,
        "details": details,
        "required": [field for field in details if not field["optional"] and field["kind"] not in ("text", "bool")],
        "times": [field for field in details if field["kind"] in ("date", "datetime")],
        "relations": [field for field in details if "related" in field],
    }


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, *command], cwd=settings.BASE_DIR, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(
            f"Nothing was written, because this failed: python {' '.join(command)}\n{done.stdout}{done.stderr}"
        )


def write(app: str, template: Path, context: dict[str, Any]) -> None:
    """Write the files of an app, as ruff formats them."""
    for source in template.rglob("*-tpl"):
        name = str(source.relative_to(template)).removesuffix("-tpl")
        path = settings.BASE_DIR / app / name.replace("app_name", app).replace("model_name", context.get("name", ""))
        swap = SWAP if path.suffix == ".html" else {}
        text = source.read_text(encoding="utf-8").translate(swap)
        text = Engine().from_string(text).render(Context(context, autoescape=False))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.translate(swap), encoding="utf-8")
    run("-m", "ruff", "check", "--fix", "--quiet", app)
    run("-m", "ruff", "format", "--quiet", app)


class Command(BaseCommand):
    help = "Write a new app: its layout or, with a model, a resource with pages, API, admin and tests."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", help="its package, such as blog")
        parser.add_argument("model", nargs="?", help="a model, such as Post")
        kinds = f"{', '.join(KINDS)}, user (whose it is) or a model such as blog.Post"
        parser.add_argument("fields", nargs="*", metavar="name:type", help=f"types: {kinds}; name:type? may be empty")

    def handle(self, *, app: str, model: str | None, fields: list[str], **options: Any) -> None:
        context = app_context(app)
        if model:
            context.update(model_context(model, fields))
        texts = {path: (settings.BASE_DIR / path).read_text(encoding="utf-8") for path in LINES}
        is_known = all(texts[path].count(anchor) == 1 for path, (_, anchor) in LINES.items())
        commands = [f"makemigrations --no-header {app}", "spectacular --file schema.yml"] if model else ["check"]
        try:
            write(app, TEMPLATES / ("resource_template" if model else "app_template"), context)
            if is_known:
                for path, (line, anchor) in LINES.items():
                    text = texts[path].replace(anchor, line.format(app) + anchor)
                    (settings.BASE_DIR / path).write_text(text, encoding="utf-8")
                for command in commands:
                    run("manage.py", *command.split())
        except BaseException:
            shutil.rmtree(settings.BASE_DIR / app, ignore_errors=True)
            for path, text in texts.items():
                (settings.BASE_DIR / path).write_text(text, encoding="utf-8")
            raise
        written = [path.relative_to(settings.BASE_DIR) for path in (settings.BASE_DIR / app).rglob("*.*")]
        lines = [f"wrote    {path}" for path in sorted(written) if path.suffix != ".pyc"]
        if is_known:
            commands = []
            lines += [f"changed  {path}" for path in [*LINES, *(["schema.yml"] if model else [])]]
        else:
            lines += [
                "",
                "Where others belong to INSTALLED_APPS and urlpatterns, add its own, which could not be placed:",
            ]
            lines += [f"  {path}: {line.format(app).strip()}" for path, (line, _) in LINES.items()]
        if model:
            commands = [*commands, "migrate"]
        if commands:
            lines += ["", "Then run:", *(f"  python manage.py {command}" for command in commands)]
        self.stdout.write("\n".join(lines))
