from django.apps import AppConfig


class {{ cookiecutter.__app_class }}Config(AppConfig):
    name = "{{ cookiecutter.app_name }}"
{% if cookiecutter.interface == "ASGI" %}

    def ready(self):
        from {{ cookiecutter.app_name }} import signals  # noqa: F401
{% endif %}
