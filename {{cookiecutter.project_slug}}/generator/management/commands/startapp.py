"""Replace Django's startapp: write an app with the layout of this project, or a whole resource."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter

from generator.changes import Changes, tidy, uncommitted
from generator.fields import KINDS, OPTIONS, RELATED
from generator.names import check_app
from generator.plan import Plan, further_fields, is_formatted, new_app, new_resource


def table(rows: dict[str, tuple[str, str]]) -> str:
    """Return the lines of a table of examples and what they mean."""
    return "".join(f"    {example:<38} {text}\n" for example, text in rows.values())


REFERENCE = f"""\
Fields are written name:type.

{table({name: (kind.example, kind.help) for name, kind in KINDS.items()})}
Relations, to models that startapp wrote:

{table(RELATED)}
Further words, also several of them:

{table(OPTIONS)}
Examples:

    startapp pages                                        an app without a model
    startapp inventory Category name:str:unique --shared  a resource, in a new app or in one that exists
    startapp inventory Device name:str category:inventory.Category photo:image:optional
    startapp inventory Device --add weight:decimal        a further field, everywhere
"""


class Formatter(DjangoHelpFormatter):
    def _fill_text(self, text: str, width: int, indent: str) -> str:
        # Keeps the tables as they are.
        return text


class Command(BaseCommand):
    help = "Writes a new app or a resource: a model with its pages, API, admin and tests."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, epilog=REFERENCE, formatter_class=Formatter, **kwargs)
        # Options may stand before, between and behind the fields.
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", help="the name of an app, such as blog; a model can be added to one that exists")
        parser.add_argument("model", nargs="?", help="a model, such as Post")
        parser.add_argument("fields", nargs="*", metavar="name:type", help="its fields, as below")
        access = parser.add_mutually_exclusive_group()
        access.add_argument(
            "--shared", action="store_true", help="those who signed in see all objects, staff change them"
        )
        access.add_argument("--public", action="store_true", help="everybody sees all objects, staff change them")
        parser.add_argument("--no-pages", action="store_true", help="no pages, only the API and the admin")
        parser.add_argument("--no-api", action="store_true", help="no API, only the pages and the admin")
        parser.add_argument("--plural", default="", help="the plural of the model, such as people")
        parser.add_argument("--add", nargs="+", metavar="name:type", help="adds fields to a model that exists")
        parser.add_argument("--force", action="store_true", help="changes files even if git has no copy of them")

    def handle(self, *, app: str, model: str | None, fields: list[str], **options: Any) -> None:
        check_app(app, is_new=not model)
        plan = self.plan(app, model, fields, options)
        changed = [name for name in plan.texts if (settings.BASE_DIR / name).exists()]
        if not options["force"] and (names := uncommitted(changed)):
            raise CommandError(f"Commit {', '.join(names)} first, or use --force: git could not undo the change.")
        changes = Changes()
        try:
            for name, text in plan.texts.items():
                changes.write(name, text)
            tidy(*filter(is_formatted, plan.texts), rules="I")
            if any("models.ImageField" in text for text in plan.texts.values()) and not find_spec("PIL"):
                self.install_pillow(changes)
            if not plan.left:
                self.update(app, model, plan, changes)
        except BaseException:
            changes.undo()
            raise
        self.report(app, model, plan, changes)

    def plan(self, app: str, model: str | None, fields: list[str], options: dict[str, Any]) -> Plan:
        if options["add"]:
            if fields or any(options[name] for name in ("shared", "public", "no_pages", "no_api", "plural")):
                raise CommandError("--add adds fields to a model, and goes with no other option than --force.")
            return further_fields(app, str(model), options["add"])
        if not model:
            return new_app(app)
        if not re.fullmatch("([a-z]+[ a-z]*)?", options["plural"]):
            raise CommandError(f"{options['plural']!r} is no plural: use lower-case words.")
        access = "public" if options["public"] else "shared" if options["shared"] else "owned"
        pages, api = not options["no_pages"], not options["no_api"]
        return new_resource(app, model, fields, access=access, pages=pages, api=api, plural=options["plural"])

    def install_pillow(self, changes: Changes) -> None:
        """Install Pillow, which reads pictures, with Pipenv."""
        self.stdout.write("Installing Pillow, which reads pictures, with pipenv install pillow")
        for name in "Pipfile", "Pipfile.lock":
            changes.keep(settings.BASE_DIR / name)
        changes.run("pipenv", "install", "pillow")
        changes.written["Pipfile"] = changes.written["Pipfile.lock"] = "changed"

    def update(self, app: str, model: str | None, plan: Plan, changes: Changes) -> None:
        """Run the commands that a change of the models or the API needs."""
        if not model:
            changes.run("python", "manage.py", "check")
            return
        # For each new field that is required, in the order of their names: "provide a one-off default", and that value.
        answers = "".join(f"1\n{plan.firsts[name]}\n" for name in sorted(plan.firsts))
        command = ["python", "manage.py", "makemigrations", "--no-header", app]
        changes.run(*command, folder=f"{app}/migrations", answers=answers)
        changes.keep(settings.BASE_DIR / "schema.yml")
        changes.run("python", "manage.py", "spectacular", "--file", "schema.yml")
        changes.written["schema.yml"] = "changed"

    def report(self, app: str, model: str | None, plan: Plan, changes: Changes) -> None:
        lines = [f"{what:<8} {name}" for name, what in sorted(changes.written.items())]
        lines += [f"\nObjects that exist get {first} in {name}." for name, first in plan.firsts.items()]
        if plan.unsafe:
            lines.append(
                f"While a deployment runs, the old version cannot save objects, because it leaves"
                f" {', '.join(plan.unsafe)} empty: see docs/checks.md."
            )
        commands = ["migrate"] if model else []
        if plan.left:
            lines += [f"\n{text}" for text in plan.left.values()]
            commands = (
                [f"makemigrations --no-header {app}", "spectacular --file schema.yml", *commands]
                if model
                else ["check"]
            )
        if commands:
            lines += ["", "Then run:", *(f"  python manage.py {command}" for command in commands)]
        self.stdout.write("\n".join(lines))
