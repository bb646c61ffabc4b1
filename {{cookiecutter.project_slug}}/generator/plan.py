"""Decide what to write: new files, and additions to those that exist."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import VERSION
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils.text import camel_case_to_spaces

from .changes import is_tidy, read, rendered
from .fields import FIRST, SEARCHED, TEXTS, Field
from .merge import CannotMerge, merged, with_call, with_entry, with_field
from .names import check_modules
from .resource import FOLDER, PROJECT, app_context, call, fields_of, list_line, model_context
from .words import plural_of

# The lines that a new app needs in other files, each with the line below it.
LINES = {
    f"{PROJECT}/settings.py": ('    "{}",\n', '    "django.contrib.admin",\n'),
    f"{PROJECT}/urls.py": ('    path("", include("{}.urls")),\n', '    path("", include("users.urls")),\n'),
}

# Above these lines, a list shows a further field.
LAST_LINE = "              <p>\n                <small>\n"

# The files of a resource that an option leaves out.
PAGES = ("forms.py", "templates/", "tests/test_pages.py")
API = ("serializers.py", "tests/test_api.py")
LIVE = ("routing.py", "_live.html", "tests/test_live.py")


def is_formatted(name: str) -> bool:
    """Return whether a file is formatted after a change. In the settings, that could touch other lines."""
    return name.endswith(".py") and name not in LINES


class Plan:
    """
    What to write.

    `texts` is a dict of path -> new content. `left` is a dict of path -> what the user has to add by hand.
    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.left: dict[str, str] = {}
        # What makemigrations asks for: the values of new fields in the objects that exist.
        self.firsts: dict[str, str] = {}
        # New fields that a version of the code without them leaves empty, which the database refuses.
        self.unsafe: list[str] = []

    def edit(self, name: str, addition: str, *edits: Callable[[str], str]) -> None:
        """Change a file by functions of its text, or leave it if one of them raises CannotMerge."""
        text = self.texts.get(name) or read(name)
        try:
            if is_formatted(name) and name not in self.texts and not is_tidy(name):
                raise CannotMerge("ruff would format other lines of it too")
            for edit in edits:
                text = edit(text)
        except CannotMerge as error:
            self.left[name] = f"startapp did not change {name}, because {error}. Add this to it:\n\n{addition}"
        else:
            self.texts[name] = text


def with_files(app: str, files: dict[str, str]) -> Plan:
    """Plan new files, and additions to modules that exist."""
    plan = Plan()
    is_new = not (settings.BASE_DIR / app).exists()
    for name, text in files.items():
        if not (settings.BASE_DIR / name).exists():
            plan.texts[name] = text
        elif text and not name.endswith("/apps.py"):
            plan.edit(name, text, partial(merged, new=text))
    if is_new:
        for name, (line, below) in LINES.items():
            plan.edit(name, line.format(app), partial(insert, line=line.format(app), below=below))
    return plan


def insert(text: str, line: str, below: str) -> str:
    """Insert a line above another one, which occurs once."""
    if text.count(below) != 1:
        raise CannotMerge(f"it has no line {below.strip()}")
    return text.replace(below, line + below)


def new_app(app: str) -> Plan:
    """Plan an app without a model."""
    return with_files(app, rendered(FOLDER / "app_template", app_context(app)))


def new_resource(app: str, model: str, texts: list[str], **options: Any) -> Plan:
    """Plan a model with its pages, API, admin and tests. Raise CommandError if it cannot be written."""
    context = model_context(app, model, texts, **options)
    unwanted = [*([] if context["pages"] else PAGES), *([] if context["api"] else API)]
    unwanted += [] if context["is_live"] else LIVE
    files = rendered(FOLDER / "resource_template", context)
    files = {name: text for name, text in files.items() if not any(part in name for part in unwanted)}
    check_modules(model, [text for name, text in files.items() if name.endswith(".py")])
    return with_files(app, files)


def imports(field: Field) -> str:
    """Return the imports that the code of a field needs."""
    needed = {
        "Decimal(": "from decimal import Decimal",
        "timezone.": "from django.utils import timezone",
        "RandomName(": f"from {PROJECT}.uploads import RandomName",
        "validate_size": f"from {PROJECT}.uploads import validate_size",
        "validate_image": f"from {PROJECT}.uploads import validate_image",
        "FileExtensionValidator(": "from django.core.validators import FileExtensionValidator",
    }
    return "\n".join(line for code, line in needed.items() if code in field.code)


def further_fields(app: str, model: str, texts: list[str]) -> Plan:
    """Plan further fields of a model: in the model, form, serializer, admin, views and list."""
    try:
        found: Any = apps.get_model(app, model)
    except LookupError:
        raise CommandError(f"There is no model {model!r} in the app {app!r}.") from None
    plan = Plan()
    for field in fields_of(texts)[1]:
        add_field(plan, app, found, field)
    return plan


def fill_in(field: Field) -> bool:
    """Make the database fill a field that other versions of the code do not know; return whether it does."""
    if field.is_many or "null=True" in field.arguments:
        return True
    if field.kind in TEXTS and field.optional:
        field.arguments.append('default=""')
    defaults = [each for each in field.arguments if each.startswith("default=") and "timezone" not in each]
    # Older versions of Django do not have db_default.
    if not defaults or VERSION < (5,):
        return False
    field.arguments.append(f"db_{defaults[-1]}")
    return True


def add_field(plan: Plan, app: str, model: Any, field: Field) -> None:
    name = model.__name__
    if field.name in {other.name for other in model._meta.get_fields()}:
        raise CommandError(f"{name} has a field {field.name!r} already.")
    if field.is_required and (field.model or field.unique):
        raise CommandError(
            f"{field.name!r} has to be optional, because no value suits all objects that exist: add :optional to it."
        )
    owner = [other.name for other in model._meta.fields if other.related_model is get_user_model()]
    last = [f'"{each}"' for each in [*owner, "created_at"]]
    quoted = f'"{field.name}"'

    def entry(*path: str, element: str = quoted) -> Callable[[str], str]:
        return partial(with_entry, path=path, element=element, before=last)

    widgets: list[Callable[[str], str]] = []
    if field.widget:
        widgets.append(partial(merged, new="from django import forms\n"))
        widgets.append(entry(f"{name}Form", "Meta", "widgets", element=f"{quoted}: {field.widget}"))
    admin = [entry(f"{name}Admin", "fields")]
    views: list[Callable[[str], str]] = []
    if field.lookups:
        views.append(entry(f"{name}ViewSet", "filterset_fields", element=f"{quoted}: {field.lookup_list}"))
        if not field.is_many:
            admin.append(entry(f"{name}Admin", "list_display"))
    if field.kind in SEARCHED:
        views.append(entry(f"{name}ViewSet", "search_fields"))
        admin.append(entry(f"{name}Admin", "search_fields"))
    if field.model:
        # Another field may refer to the same model.
        names = plural_of(camel_case_to_spaces(name)).replace(" ", "_")
        field.arguments.append(f'related_name="{field.name}_{names}"')
        method = "prefetch_related" if field.is_many else "select_related"
        views.append(partial(with_call, model=name, call=call(method, [field.name]), in_api=field.is_many))
        admin.append(entry(f"{name}Admin", "autocomplete_fields"))
        if not field.is_many:
            admin.append(entry(f"{name}Admin", "list_select_related"))
    if not fill_in(field):
        plan.unsafe.append(field.name)
    if field.is_required:
        plan.firsts[field.name] = FIRST.get(field.kind, '""')
    edits: dict[str, list[Callable[[str], str]]] = {
        "models.py": [
            partial(merged, new=imports(field)),
            partial(with_field, model=name, code=field.source, before=[*owner, "created_at"]),
        ],
        "forms.py": [entry(f"{name}Form", "Meta", "fields"), *widgets],
        "serializers.py": [entry(f"{name}Serializer", "Meta", "fields")],
        "admin.py": admin,
        "views.py": views,
        f"templates/{app}/{name.lower()}_list.html": [
            partial(insert, line=f"              {list_line(name, field)}\n", below=LAST_LINE)
        ],
    }
    for module, functions in edits.items():
        path = f"{app}/{module}"
        if (settings.BASE_DIR / path).exists() and functions:
            plan.edit(path, field.source, *functions)
