from django.apps import AppConfig
{% if cookiecutter.interface == "ASGI" %}

from {{ cookiecutter.project_slug }}.consumers import announce_changes
{% endif %}


class {{ cookiecutter.__app_class }}Config(AppConfig):
    name = "{{ cookiecutter.app_name }}"
{% if cookiecutter.interface == "ASGI" %}

    def ready(self) -> None:
        announce_changes(self.get_model("Item"), "owner")
{% endif %}
