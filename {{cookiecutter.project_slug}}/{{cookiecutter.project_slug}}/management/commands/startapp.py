from pathlib import Path

from django.core.management.commands.startapp import Command as DjangoCommand

TEMPLATE = Path(__file__).resolve().parent.parent / "app_template"


class Command(DjangoCommand):
    """Django's startapp with this project's own app template, unless --template names another."""

    def handle(self, **options):
        if options["template"] is None:
            options["template"] = str(TEMPLATE)
            options["extensions"].append("html")
        super().handle(**options)
        project, name = "{{ cookiecutter.project_slug }}", options["name"]
        self.stdout.write(
            f"Add it to the project:\n"
            f'  INSTALLED_APPS in {project}/settings.py: "{name}",\n'
            f'  urlpatterns in {project}/urls.py:        path("", include("{name}.urls")),'
        )
