"""Which files belong to which answer, and how the hooks sort them."""

import contextlib
import functools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def optional_files(answers: Mapping[str, Any]) -> dict[str, bool]:
    """Return path -> wanted for the files that belong to an answer; all other files are always there."""
    app, project = answers["app_name"], answers["project_slug"]
    asgi = answers["interface"] == "ASGI"
    email = answers["login"] == "email"
    github, gitlab = answers["ci"] == "GitHub", answers["ci"] == "GitLab"
    old_sqlite = answers["__django"] == "4.2"
    return {
        ".github/workflows/ci.yml": github,
        ".github/dependabot.yml": github,
        ".gitlab-ci.yml": gitlab,
        "renovate.json": gitlab,
        f"{app}/routing.py": asgi,
        f"{app}/templates/{app}/item_list_live.html": asgi,
        f"{app}/tests/test_live.py": asgi,
        f"{project}/consumers.py": asgi,
        f"{project}/handlers.py": asgi,
        f"{project}/server.py": asgi,
        f"{project}/management/resource_template/routing.py-tpl": asgi,
        f"{project}/management/resource_template/templates/app_name/model_name_list_live.html-tpl": asgi,
        f"{project}/management/resource_template/tests/test_live.py-tpl": asgi,
        f"{project}/static/live.js": asgi,
        f"{project}/tests/test_consumers.py": asgi,
        f"{project}/tests/test_handlers.py": asgi,
        f"{project}/tests/test_uvicorn.py": asgi,
        f"{project}/sqlite/__init__.py": old_sqlite,
        f"{project}/sqlite/base.py": old_sqlite,
        f"{project}/tests/test_gunicorn.py": not asgi,
        "deploy/apache-mod_wsgi.conf": not asgi,
        "deploy/apache-proxy.conf": asgi,
        "gunicorn.conf.py": not asgi,
        "users/managers.py": email,
    }


def before(path: Path) -> Path:
    """Return where the user's own file of this path waits while Cookiecutter writes the template's."""
    return path.with_name(f"{path.name}.before")


def set_users_files_aside(files: Mapping[str, bool]) -> None:
    """Rename the user's files that Cookiecutter is about to overwrite with unwanted ones."""
    for name, wanted in files.items():
        path = Path(name)
        if path.exists() and not wanted:
            path.replace(before(path))


def remove_unwanted_files(files: Mapping[str, bool]) -> None:
    """Remove the files of the answers that were not chosen; exit with a sentence if a path does not exist."""
    for name, wanted in files.items():
        path = Path(name)
        if not path.exists():
            sys.exit(f"{name} is no file of the template.")
        if wanted:
            continue
        users = before(path)
        # A file that differs is the user's. An empty file cannot tell.
        if users.exists() and path.read_bytes() not in (users.read_bytes(), b""):
            users.replace(path)
            continue
        users.unlink(missing_ok=True)
        path.unlink()
        # Folders that hold something else stay.
        with contextlib.suppress(OSError):
            for folder in path.parents:
                folder.rmdir()


def write(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a file so that it has its old text or the new one, and never a part."""
    new = path.with_name(f"{path.name}.new")
    try:
        with open(new, "w", encoding="utf-8", opener=functools.partial(os.open, mode=mode)) as file:
            file.write(text)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
