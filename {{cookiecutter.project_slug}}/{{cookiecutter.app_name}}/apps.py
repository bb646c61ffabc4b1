from django.apps import AppConfig


class {{ cookiecutter.__app_class }}Config(AppConfig):
    name = "{{ cookiecutter.app_name }}"
