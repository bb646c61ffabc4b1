# What the benchmark adds: a database, the app, and what a deployment has to change.

import environ

DATABASES = {"default": environ.Env().db()}
INSTALLED_APPS += ["rest_framework", "items"]
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
}
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
