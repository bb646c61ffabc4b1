"""Which files belong to which answer, and how the hooks sort them."""

import contextlib
import functools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def task_files(answers: Mapping[str, Any]) -> dict[str, bool]:
    """Return path -> wanted for the files of background tasks."""
    project = answers["project_slug"]
    celery = answers["background_tasks"] == "Celery"
    asgi = celery and answers["interface"] == "ASGI"
    wsgi = celery and answers["interface"] == "WSGI"
    return {
        f"{project}/celery.py": celery,
        f"{project}/task_telemetry.py": celery,
        f"{project}/tasks.py": celery,
        f"{project}/tests/test_celery.py": celery,
        f"{project}/tests/test_task_telemetry.py": celery,
        f"{project}/tests/test_tasks.py": celery,
        f"deploy/{project}-beat.service": celery,
        f"deploy/{project}-cleanup.service": not celery,
        f"deploy/{project}-cleanup.timer": not celery,
        f"deploy/{project}-worker.service": celery,
        "docs/tasks.md": celery,
        "exports/__init__.py": celery,
        "exports/admin.py": celery,
        "exports/apps.py": celery,
        "exports/locale/de/LC_MESSAGES/django.mo": celery,
        "exports/locale/de/LC_MESSAGES/django.po": celery,
        "exports/migrations/__init__.py": celery,
        "exports/models.py": celery,
        "exports/routing.py": asgi,
        "exports/serializers.py": celery,
        "exports/static/exports/poll.js": wsgi,
        "exports/tasks.py": celery,
        "exports/templates/exports/export_list.html": celery,
        "exports/templates/exports/export_list_live.html": asgi,
        "exports/templates/exports/export_list_poll.html": wsgi,
        "exports/tests/__init__.py": celery,
        "exports/tests/test_api.py": celery,
        "exports/tests/test_live.py": asgi,
        "exports/tests/test_pages.py": celery,
        "exports/tests/test_tasks.py": celery,
        "exports/urls.py": celery,
        "exports/views.py": celery,
        "private/.gitignore": celery,
    }


def interface_files(answers: Mapping[str, Any]) -> dict[str, bool]:
    """Return path -> wanted for the files of ASGI and of WSGI."""
    app, project = answers["app_name"], answers["project_slug"]
    asgi = answers["interface"] == "ASGI"
    return {
        f"{app}/routing.py": asgi,
        f"{app}/templates/{app}/item_list_live.html": asgi,
        f"{app}/tests/test_live.py": asgi,
        f"{project}/consumers.py": asgi,
        f"{project}/handlers.py": asgi,
        f"{project}/layers.py": asgi,
        f"{project}/server.py": asgi,
        "generator/resource_template/routing.py-tpl": asgi,
        "generator/resource_template/templates/app_name/model_name_list_live.html-tpl": asgi,
        "generator/resource_template/tests/test_live.py-tpl": asgi,
        f"{project}/static/live.js": asgi,
        f"{project}/tests/test_consumers.py": asgi,
        f"{project}/tests/test_handlers.py": asgi,
        f"{project}/tests/test_uvicorn.py": asgi,
        "deploy/apache-proxy.conf": asgi,
        "deploy/apache-mod_wsgi.conf": not asgi,
        "gunicorn.conf.py": not asgi,
        f"{project}/tests/test_gunicorn.py": not asgi,
    }


def kubernetes_files(answers: Mapping[str, Any]) -> dict[str, bool]:
    """Return path -> wanted for the manifests and their page."""
    docker = answers["containers"] == "Docker"
    celery = answers["background_tasks"] == "Celery"
    return {
        "deploy/kubernetes/README.md": docker,
        "deploy/kubernetes/base/backup.yaml": docker,
        "deploy/kubernetes/base/cleanup.yaml": docker and not celery,
        "deploy/kubernetes/base/kustomization.yaml": docker,
        "deploy/kubernetes/base/migrate.yaml": docker,
        "deploy/kubernetes/base/network-policies.yaml": docker,
        "deploy/kubernetes/base/service-account.yaml": docker,
        "deploy/kubernetes/base/web.yaml": docker,
        "deploy/kubernetes/base/worker.yaml": docker and celery,
        "deploy/kubernetes/overlays/production/ingress.yaml": docker,
        "deploy/kubernetes/overlays/production/kustomization.yaml": docker,
    }


def optional_files(answers: Mapping[str, Any]) -> dict[str, bool]:
    """Return path -> wanted for the files that belong to an answer; all other files are always there."""
    project = answers["project_slug"]
    docker = answers["containers"] == "Docker"
    github, gitlab = answers["ci"] == "GitHub", answers["ci"] == "GitLab"
    old_sqlite = answers["__django"] == "4.2"
    return {
        ".devcontainer/devcontainer.json": docker,
        ".dockerignore": docker,
        ".github/workflows/audit.yml": github,
        ".github/workflows/ci.yml": github,
        ".github/workflows/image.yml": github and docker,
        ".github/dependabot.yml": github,
        ".gitlab-ci.yml": gitlab,
        "renovate.json": gitlab,
        f"{project}/sqlite/__init__.py": old_sqlite,
        f"{project}/sqlite/base.py": old_sqlite,
        "compose.override.yaml": docker,
        "compose.production.yaml": docker,
        "compose.yaml": docker,
        "deploy/Caddyfile": docker,
        "docs/containers.md": docker,
        "Dockerfile": docker,
        "secrets/.gitignore": docker,
        **interface_files(answers),
        **kubernetes_files(answers),
        **task_files(answers),
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
