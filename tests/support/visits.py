"""Visit projects. The Python of an installed project runs this program, and imports Django once for all of them.

Each input line is the folder of a project. Each output line is what that project shows, as JSON.
"""

import json
import os
import sys
import traceback
from pathlib import Path

import daphne.server  # noqa: F401
import django
import django.contrib.admin
import django.core.mail
import django.core.management
import django.test

PAGES = {"login": "/accounts/login/", "docs": "/api/docs/", "yaml": "/api/schema/"}


def visit(folder):
    os.chdir(folder)
    sys.path.insert(0, folder)
    os.environ.update(DEBUG="True", SECRET_KEY="of-this-visit", DATABASE_URL="sqlite:///:memory:")
    os.environ["DJANGO_SETTINGS_MODULE"] = f"{os.path.basename(folder)}.settings"
    for path in Path(folder).rglob("*.py"):
        compile(path.read_bytes(), path, "exec")
    django.setup()
    django.test.utils.setup_test_environment()
    django.core.management.call_command("check", fail_level="WARNING", stdout=sys.stderr)
    client = django.test.Client()
    request = django.test.RequestFactory().get("/")
    request.user = django.contrib.auth.models.AnonymousUser()
    shown = {name: client.get(path).content.decode() for name, path in PAGES.items()}
    # Only staff see a page of the admin, but it has the same head for all.
    admin = {**django.contrib.admin.site.each_context(request), "title": "Title"}
    shown["admin"] = django.template.loader.render_to_string("admin/base_site.html", admin)
    shown["schema"] = client.get("/api/schema/", HTTP_ACCEPT="application/json").json()
    django.core.mail.send_mail("Subject", "Body", None, ["ada@example.com"])
    shown["sender"] = django.core.mail.outbox[0].message()["From"]
    return shown


def main():
    for line in sys.stdin:
        # A new process for each project, because its imports and settings must not affect the next one.
        child = os.fork()
        if not child:
            try:
                answer = visit(json.loads(line))
            except BaseException:
                answer = {"error": traceback.format_exc()}
            print(json.dumps(answer), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
