from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class {{ cookiecutter.__app_class }}Config(AppConfig):
    name = "{{ cookiecutter.app_name }}"
    verbose_name = _("Items")
