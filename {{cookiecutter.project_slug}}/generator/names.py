"""The names of apps and models, and why some cannot be used."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterable
from importlib.util import find_spec
from keyword import iskeyword

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandError
from django.urls import Resolver404, resolve


def is_taken(path: str) -> bool:
    """Return whether a view has this path already."""
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def is_own(app: str) -> bool:
    """Return whether this is an app of the project, to which a model can be added."""
    return app in apps.app_configs and (settings.BASE_DIR / app / "migrations").exists()


def check_app(app: str, is_new: bool) -> None:
    """Raise CommandError if an app cannot have this name, or if it has to be new and is not."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,39}", app) or iskeyword(app):
        raise CommandError(f"An app cannot be called {app!r}: use lower-case letters, digits and underscores.")
    if is_own(app) and is_new:
        raise CommandError(
            f"The app {app!r} exists. To add a model to it, name the model, such as: startapp {app} Post"
        )
    if not is_own(app) and (app in apps.app_configs or find_spec(app) or (settings.BASE_DIR / app).exists()):
        raise CommandError(f"An app cannot be called {app!r}: the name is taken.")


def check_model(model: str, path: str) -> None:
    """Raise CommandError if a model cannot have this name, or its pages not this path."""
    if not re.fullmatch("[A-Z][A-Za-z0-9]{0,39}", model) or iskeyword(model):
        raise CommandError(f"A model cannot be called {model!r}: use capitalised words, such as BlogPost.")
    if model.lower() in {other.__name__.lower() for other in apps.get_models()} or hasattr(builtins, model):
        raise CommandError(f"A model cannot be called {model!r}: the name is taken.")
    if is_taken(f"/{path}/") or is_taken(f"/api/v1/{path}/"):
        raise CommandError(
            f"A model cannot be called {model!r}: the path /{path}/ is taken. --plural chooses another one."
        )
    schema = settings.BASE_DIR / "schema.yml"
    components = (
        set(re.findall(r"^    (\w+):$", schema.read_text(encoding="utf-8"), re.MULTILINE)) if schema.exists() else set()
    )
    for name in model, f"{model}Request", f"Patched{model}Request", f"Paginated{model}List":
        if name in components:
            raise CommandError(f"A model cannot be called {model!r}: the description of the API has a {name}.")


def check_modules(model: str, sources: Iterable[str]) -> None:
    """Raise CommandError if a module that was written for a model uses a name for two things."""
    for source in sources:
        bound = Counter(name for node in ast.parse(source).body for name in names_of(node))
        for name in (name for name, count in bound.items() if count > 1):
            raise CommandError(
                f"A model cannot be called {model!r}: its modules use the name {name} for something else."
            )


def names_of(node: ast.stmt) -> list[str]:
    """Return the names that a statement binds: an import, a class or a function."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name for alias in node.names]
    return [node.name] if isinstance(node, (ast.ClassDef, ast.FunctionDef)) else []
