# What the measurement of the start adds: the packages of the generated project, from the environment.

import json
import os

STATIC_ROOT = BASE_DIR / "staticfiles"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
REST_FRAMEWORK = {
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
TEMPLATES[0]["OPTIONS"]["context_processors"].append("django.template.context_processors.request")
ALLOWED_HOSTS = ["127.0.0.1"]
INTERNAL_IPS = ["127.0.0.1"]
# DEBUG, DATABASES, INSTALLED_APPS and MIDDLEWARE
vars().update(json.loads(os.environ["SETTINGS"]))
