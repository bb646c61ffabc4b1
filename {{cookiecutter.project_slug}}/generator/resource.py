"""What the templates of a resource need to know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.text import camel_case_to_spaces

from .changes import SWAP, render
from .fields import EXACT, SEARCHED, TITLES, Field, field_of
from .names import check_model
from .words import plural_of, with_article

FOLDER = Path(__file__).resolve().parent
PROJECT = "{{ cookiecutter.project_slug }}"


def app_context(app: str) -> dict[str, Any]:
    """Return the context for the templates of an app."""
    return {
        "project": PROJECT,
        "app": app,
        "app_words": app.replace("_", " "),
        "app_class": app.replace("_", " ").title().replace(" ", ""),
    }


def title_of(fields: list[Field]) -> Field | None:
    """Return the field that names an object: the first one, if it can, or the first one with such a type."""
    relations = [field for field in fields[:1] if field.model and not field.is_many]
    return next(iter([*relations, *(field for field in fields if field.kind in TITLES)]), None)


def title_code(title: Field | None) -> str:
    """Return the Python code that names an object."""
    if title is None:
        return 'f"{self._meta.verbose_name} {self.pk}"'
    if title.optional:
        return f"str(self.{title.name} or self.pk)"
    if title.kind == "choice":
        return f"self.get_{title.name}_display()"
    if title.kind == "text":
        return f"self.{title.name}[:60]"
    return f"self.{title.name}" if title.kind in SEARCHED else f"str(self.{title.name})"


def list_line(model: str, field: Field) -> str:
    """Return the line that shows a field in the list."""
    name = model.lower()
    context = {"field": field, "object": f"{name}.{field.name}", "value": field.value(name)}
    return render(FOLDER / "field.html-tpl", context).strip()


def fields_of(texts: list[str]) -> tuple[str, list[Field]]:
    """Return the name of the owner, and the fields. Raise CommandError if they do not go together."""
    found = [field_of(text) for text in texts]
    owners = [field.name for field in found if field.kind == "user"] or ["owner"]
    fields = [field for field in found if field.kind != "user"]
    if len(owners) > 1 or len({*owners, *(field.name for field in fields)}) <= len(fields):
        raise CommandError("A model has only one user, the owner of its objects, and only one field of each name.")
    return owners[0], fields


def call(method: str, names: list[str]) -> str:
    """Return the code that calls a method of a queryset, or nothing if there are no names."""
    return f".{method}({json.dumps(names)[1:-1]})" if names else ""


def model_context(
    app: str, model: str, texts: list[str], *, access: str, pages: bool, api: bool, plural: str
) -> dict[str, Any]:
    """
    Return the context for the templates of a resource. Raise CommandError if it cannot be written.

    `access` is owned, shared or public.
    """
    words = camel_case_to_spaces(model)
    plural = plural or plural_of(words)
    path, names = plural.replace(" ", "-"), plural.replace(" ", "_")
    check_model(model, path)
    owner, fields = fields_of(texts)
    if not fields:
        raise CommandError("A model needs a field, such as name:str. --help lists the types.")
    title = title_of(fields)
    if access != "owned":
        owner = ""
    relations = [field for field in fields if field.model]
    for field in relations:
        alone = len([other for other in relations if other.model is field.model]) == 1
        related_name = names if alone else f"{field.name}_{names}"
        field.arguments.append(f'related_name="{related_name}"')
        # Within the app, as its other tests import it.
        package = "." if field.package == app else f"{field.package}.tests"
        field.maker_import = f"from {package} import {field.maker.__name__}"
        field.by_ada, field.by_bob = field.made_by("self.ada"), field.made_by("self.bob")
    many = [field.name for field in relations if field.is_many]
    single = [field.name for field in relations if not field.is_many]
    searched = [field.name for field in fields if field.kind in SEARCHED]
    order = title.name if title and title.is_ordered and not title.model and title.kind != "text" else ""
    is_live = bool(owner and pages and hasattr(settings, "CHANNEL_LAYERS"))
    return {
        **app_context(app),
        "model": model,
        "models": plural.title().replace(" ", ""),
        "name": model.lower(),
        "words": words,
        "a_word": with_article(words),
        "plural": plural,
        "plural_name": names,
        "path": path,
        "owner": owner,
        "owner_words": owner.replace("_", " "),
        "an_owner": with_article(owner.replace("_", " ")) if owner else "",
        "is_public": access == "public",
        "is_live": is_live,
        "pages": pages,
        "api": api,
        "fields": fields,
        "details": [list_line(model, field).translate(SWAP) for field in fields if field is not title],
        "widgets": [field for field in fields if field.widget],
        "relations": relations,
        "owned_relations": [field for field in relations if field.is_owned],
        "title": title_code(title),
        "title_name": title.name if title else "__str__",
        "title_is_exact": bool(title and not title.optional and (title.model or title.kind in EXACT)),
        "order": order,
        "searched": json.dumps(searched) if searched else "",
        "search_title": title.name if title and title.name in searched and not title.optional else "",
        "admin_searched": json.dumps(searched or ["id"]),
        "selected": call("select_related", single),
        "prefetched": call("prefetch_related", many),
        "selected_names": json.dumps([*([owner] if owner else []), *single]) if owner or single else "",
        "completed_names": json.dumps([*([owner] if owner else []), *single, *many]) if owner or relations else "",
        "cls_ada": "cls.ada" if owner else "",
        "self_ada": "self.ada" if owner else "",
    }
