# What the benchmark adds: a database, the app, and what a deployment has to change.

import json
import os

DATABASES = {"default": json.loads(os.environ["DATABASE"])}
INSTALLED_APPS += ["rest_framework", "items"]
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 50,
}
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
