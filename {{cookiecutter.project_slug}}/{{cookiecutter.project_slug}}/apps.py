from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "{{ cookiecutter.project_slug }}"

    def ready(self) -> None:
        # Registers the checks.
        from {{ cookiecutter.project_slug }} import checks  # noqa: F401
