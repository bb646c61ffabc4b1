"""
Replace Django's startapp: write an app with the layout of this project, or a whole resource.

The files come from the folders app_template and resource_template.
"""

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

# The lines that an app needs in other files, each with the line below it.
LINES = {
    f"{PROJECT}/settings.py": ('    "{}",\n', '    "django.contrib.admin",\n'),
    f"{PROJECT}/urls.py": ('    path("", include("{}.urls")),\n', '    path("", include("users.urls")),\n'),
}

# For each type: the field's class and arguments, a value for tests, and the lookups for filters.
KINDS: dict[str, tuple[str, list[str], str, list[str]]] = {
    "str": ("CharField", ["max_length=200"], '"Brass"', []),
    "text": ("TextField", ["blank=True"], '"Points north"', []),
    "int": ("IntegerField", [], "1", ["gte", "lte"]),
    "decimal": ("DecimalField", ["max_digits=12", "decimal_places=2"], '"1.50"', ["gte", "lte"]),
    "bool": ("BooleanField", ["default=False"], "True", ["exact"]),
    "date": ("DateField", [], '"2026-01-01"', ["gte", "lt"]),
    "datetime": ("DateTimeField", [], '"2026-01-01T00:00:00Z"', ["gte", "lt"]),
}

# Names with another meaning in the files of a resource, or in the URLs of its API.
RESERVED = {*dir(Model), "id", "created_at", "updated_at", "objects", "models", "settings"}
RESERVED |= {"cursor", "format", "ordering", "search"}

# The generated pages contain tags of Django, so the generator uses [[ ]] and [% %] in their templates.
SWAP = str.maketrans("{}[]", "[]{}")


def plural(word: str) -> str:
    """Return the regular plural of an English word."""
    return re.sub("(s|x|z|ch|sh)$", r"\1e", re.sub("(?<=[^aeiou])y$", "ie", word)) + "s"


def is_free(path: str) -> bool:
    """Return whether no view has this path yet."""
    try:
        resolve(path)
    except Resolver404:
        return True
    return False


def field_of(text: str) -> dict[str, Any]:
    """Return the context for a field that is written as `name:type`, or as `name:type?` if it may be empty."""
    found = re.fullmatch(r"([a-z][a-z0-9_]*):([\w.]+)(\?)?", text)
    if not found:
        raise CommandError(f"{text!r} is not a field: write name:type, such as due:date; due:date? may be empty.")
    name, kind, optional = found.groups()
    if name in RESERVED or iskeyword(name) or "__" in name or name.endswith("_"):
        raise CommandError(f"A field cannot be called {name!r}, because it has another meaning: choose another name.")
    words = name.replace("_", " ")
    field = {"name": name, "kind": kind, "words": words, "label": capfirst(words), "optional": optional}
    if kind == "user":
        return field
    if kind not in KINDS:
        return {**field, **relation_to(kind), "value": f"cls.mine.{name}_id"}
    class_name, arguments, value, lookups = KINDS[kind]
    arguments = [f'_("{words}")', *arguments]
    if optional and kind not in ("text", "bool"):
        arguments = [*arguments, *(["blank=True"] if kind == "str" else ["null=True", "blank=True"])]
    return {**field, "code": f"{class_name}({', '.join(arguments)})", "value": value, "lookups": lookups}


def relation_to(kind: str) -> dict[str, Any]:
    """Return the context for a field that refers to an object of the model `kind`, such as blog.Post."""
    try:
        model = apps.get_model(kind)
        package = model._meta.app_config.name
        # The field offers only the user's own objects, and the tests need an object to refer to.
        model.objects.owned_by, getattr(import_module(f"{package}.tests"), f"make_{model._meta.model_name}")
    except (AttributeError, ImportError, LookupError, ValueError):
        kinds = f"{', '.join(KINDS)}, user, or a model that startapp wrote, such as blog.Post"
        raise CommandError(f"{kind!r} is not a type of field: use {kinds}.") from None
    return {"package": package, "related": model.__name__, "label_of_related": model._meta.label, "lookups": ["exact"]}


def app_context(app: str) -> dict[str, Any]:
    """Return the context for an app. Raise CommandError if it cannot have this name."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,39}", app) or iskeyword(app):
        raise CommandError(f"An app cannot be called {app!r}: use lower-case letters, digits and underscores.")
    if app in apps.app_configs or find_spec(app) or (settings.BASE_DIR / app).exists():
        raise CommandError(f"An app cannot be called {app!r}: the name is taken.")
    return {
        "project": PROJECT,
        "app": app,
        "app_words": app.replace("_", " "),
        "app_class": app.replace("_", " ").title().replace(" ", ""),
        "is_start_page": is_free("/"),
        "live": apps.is_installed("daphne"),
    }


def model_context(model: str, texts: list[str]) -> dict[str, Any]:
    """Return the context for a model with these fields. Raise CommandError if it cannot be generated."""
    if not re.fullmatch("[A-Z][A-Za-z0-9]{0,39}", model) or iskeyword(model):
        raise CommandError(f"A model cannot be called {model!r}: use capitalised words, such as BlogPost.")
    words = camel_case_to_spaces(model)
    path = plural(words).replace(" ", "-")
    taken = {other.__name__.lower() for other in apps.get_models()}
    if model.lower() in taken or not is_free(f"/{path}/"):
        raise CommandError(f"A model cannot be called {model!r}: the name, or the path /{path}/, is taken.")
    fields = [field_of(text) for text in texts]
    owners = [field["name"] for field in fields if field["kind"] == "user"] or ["owner"]
    fields = [field for field in fields if field["kind"] != "user"]
    names = {*owners, *(field["name"] for field in fields)}
    if len(names) < 1 + len(fields) or len(owners) > 1:
        raise CommandError("A model has only one user, the owner of its objects, and only one field of each name.")
    if not fields or fields[0]["kind"] != "str" or fields[0]["optional"]:
        raise CommandError(f"The first field is the title of {plural(words)}, so it must be a str, such as title:str.")
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
        "owner_words": owners[0].replace("_", " "),
        "title": fields[0]["name"],
        "fields": fields,
        "details": details,
        "required": [field for field in details if not field["optional"] and field["kind"] not in ("text", "bool")],
        "times": [field for field in details if field["kind"] in ("date", "datetime")],
        "relations": [field for field in details if "related" in field],
    }


def run(*command: str) -> None:
    """Run Python with these arguments. Raise CommandError with its output if it fails."""
    done = subprocess.run([sys.executable, *command], cwd=settings.BASE_DIR, capture_output=True, text=True)
    if done.returncode:
        raise CommandError(
            f"This failed, so nothing was written: python {' '.join(command)}\n{done.stdout}{done.stderr}"
        )


def write(app: str, template: Path, context: dict[str, Any]) -> None:
    """Write the files of an app, and format them."""
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
    help = "Writes a new app or, with a model, a whole resource: model, pages, API, admin and tests."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", help="the name of the app, such as blog")
        parser.add_argument("model", nargs="?", help="a model, such as Post")
        kinds = f"{', '.join(KINDS)}, user (the owner) or a model such as blog.Post"
        parser.add_argument("fields", nargs="*", metavar="name:type", help=f"types: {kinds}; add ? if it may be empty")

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
                "Add these lines to INSTALLED_APPS and urlpatterns yourself; startapp found no place for them:",
            ]
            lines += [f"  {path}: {line.format(app).strip()}" for path, (line, _) in LINES.items()]
        if model:
            commands = [*commands, "migrate"]
        if commands:
            lines += ["", "Then run:", *(f"  python manage.py {command}" for command in commands)]
        self.stdout.write("\n".join(lines))
