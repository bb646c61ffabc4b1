from django.apps import AppConfig
{% if cookiecutter.interface == "ASGI" %}
from django.utils.module_loading import autodiscover_modules
{% endif %}


class ProjectConfig(AppConfig):
    name = "{{ cookiecutter.project_slug }}"

    def ready(self) -> None:
        # Registers the checks.
        from {{ cookiecutter.project_slug }} import checks  # noqa: F401
{% if cookiecutter.interface == "ASGI" %}

        # Each app's routing.py announces the changes of its objects.
        autodiscover_modules("routing")
{% endif %}
