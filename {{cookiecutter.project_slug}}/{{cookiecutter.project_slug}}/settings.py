"""
Django settings.

Values that differ between machines come from environment variables, in development from the file .env.
environment.py declares these variables.
"""

import sys
from datetime import timedelta
from typing import Any

{% if cookiecutter.__django < "6" %}
from csp import constants as CSP
{% else %}
from django.utils.csp import CSP
{% endif %}
from django.utils.translation import gettext_lazy as _

from {{ cookiecutter.project_slug }} import logs, sentry
{% if cookiecutter.background_tasks == "Celery" %}
from {{ cookiecutter.project_slug }}.celery import TLS, broker_url
{% endif %}
from {{ cookiecutter.project_slug }}.environment import BASE_DIR, env

{{ cookiecutter.project_name|python_assignment("PROJECT_NAME") }}
{{ cookiecutter.description|python_assignment("PROJECT_DESCRIPTION") }}


# Security

DEBUG = env["DEBUG"]

SECRET_KEY = env["SECRET_KEY"]
SECRET_KEY_FALLBACKS = env["SECRET_KEY_FALLBACKS"]

ALLOWED_HOSTS = env["ALLOWED_HOSTS"]
CSRF_TRUSTED_ORIGINS = env["CSRF_TRUSTED_ORIGINS"]
CSRF_FAILURE_VIEW = "{{ cookiecutter.project_slug }}.views.csrf_failure"
CORS_ALLOWED_ORIGINS = env["CORS_ALLOWED_ORIGINS"]
CORS_URLS_REGEX = "^/api/"

if not DEBUG:
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS, SECURE_HSTS_INCLUDE_SUBDOMAINS, SECURE_HSTS_PRELOAD = env["HSTS"]
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# The environment variable HSTS decides about subdomains and preloading.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

TRUSTED_PROXIES = env["TRUSTED_PROXIES"]

# Without a proxy that sets this header, anyone could fake HTTPS.
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

REQUEST_MAX_SIZE = 10 * 1024 * 1024  # bytes
DATA_UPLOAD_MAX_MEMORY_SIZE = REQUEST_MAX_SIZE
UPLOAD_MAX_SIZE = 5 * 1024 * 1024  # bytes of one file

SECURE_CSP: dict[str, list[Any]] = {
    "default-src": [CSP.NONE],
    "base-uri": [CSP.NONE],
    "connect-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "img-src": [CSP.SELF, "data:"],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
}
{% if cookiecutter.__django < "6" %}

# django-csp has its own setting.
CONTENT_SECURITY_POLICY = {"DIRECTIVES": SECURE_CSP}
{% endif %}


# Application definition

INSTALLED_APPS = [
    # Before Django's own apps, so that their templates and commands override Django's.
    "{{ cookiecutter.project_slug }}",
    "users",
    "{{ cookiecutter.app_name }}",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "corsheaders",
    "django_extensions",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]

MIDDLEWARE = [
    "{{ cookiecutter.project_slug }}.health.HealthMiddleware",
    "{{ cookiecutter.project_slug }}.logs.RequestLogMiddleware",
    "{{ cookiecutter.project_slug }}.api.problems.ProblemMiddleware",
    "{{ cookiecutter.project_slug }}.security.SecurityMiddleware",
    "django.middleware.security.SecurityMiddleware",
{% if cookiecutter.__django < "6" %}
    "csp.middleware.CSPMiddleware",
{% else %}
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
{% endif %}
{% if cookiecutter.interface == "ASGI" %}
    "{{ cookiecutter.project_slug }}.handlers.StaticFilesMiddleware",
{% else %}
    "whitenoise.middleware.WhiteNoiseMiddleware",
{% endif %}
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "users.middleware.SocialErrorMiddleware",
]

if env["OTEL_EXPORTER_OTLP_ENDPOINT"]:
    # After the log, which has the time, and before everything else that takes time.
    MIDDLEWARE.insert(2, "{{ cookiecutter.project_slug }}.telemetry.Middleware")

{% if cookiecutter.interface == "ASGI" %}
# Its runserver serves ASGI. Other commands start sooner without it.
if {"runserver", "testserver"} & set(sys.argv):
    INSTALLED_APPS.insert(0, "daphne")

{% endif %}
# The generator has startapp, the toolbar shows how a page was made, zeal raises an error for N+1 queries.
if DEBUG:
    INSTALLED_APPS += [
        "generator",
        "debug_toolbar",
        "django_migration_linter",
        "zeal",
    ]
    MIDDLEWARE = ["debug_toolbar.middleware.DebugToolbarMiddleware", *MIDDLEWARE, "zeal.middleware.zeal_middleware"]
    # Without this line, the toolbar looks for GeoDjango's libraries at each start. Remove it to use GeoDjango.
    sys.modules["django.contrib.gis.db.backends.postgis.adapter"] = None  # type: ignore[assignment]
    INTERNAL_IPS = ["127.0.0.1"]
    DEBUG_TOOLBAR_CONFIG = {"SHOW_COLLAPSED": True}
    # Queries of Django itself: it gets a session or user twice, and its admin the model of each permission.
    ZEAL_ALLOWLIST = [{"model": "*", "field": "get()"}, {"model": "auth.Permission", "field": "content_type"}]
    # django-allauth queries the user of each email address. A user has one or two.
    ZEAL_ALLOWLIST.append({"model": "account.EmailAddress", "field": "user"})

ROOT_URLCONF = "{{ cookiecutter.project_slug }}.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
{% if cookiecutter.__django >= "6" %}
                "django.template.context_processors.csp",
{% else %}
                "{{ cookiecutter.project_slug }}.security.csp_nonce",
{% endif %}
                "{{ cookiecutter.project_slug }}.context_processors.project",
            ],
        },
    },
]

WSGI_APPLICATION = "{{ cookiecutter.project_slug }}.wsgi.application"
{% if cookiecutter.interface == "ASGI" %}
ASGI_APPLICATION = "{{ cookiecutter.project_slug }}.asgi.application"
{% endif %}


# Database

DATABASES = {"default": env["DATABASE_URL"]}

if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    # A connection ends 5 seconds after the machine of the database is gone; by default, it hangs for minutes or hours.
    OPTIONS: dict[str, Any] = {"connect_timeout": 5, "tcp_user_timeout": 5000, "keepalives_idle": 5}
    if env["DATABASE_POOLER"]:
        # A pooler may use another connection for each transaction.
        DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
    else:
        OPTIONS["options"] = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
else:
{% if cookiecutter.__django == "4.2" %}
    DATABASES["default"]["ENGINE"] = "{{ cookiecutter.project_slug }}.sqlite"
    OPTIONS = {"timeout": 20}
{% else %}
    OPTIONS = {"timeout": 20, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode = WAL"}
{% endif %}

# Options in DATABASE_URL take precedence.
DATABASES["default"]["OPTIONS"] = {**OPTIONS, **DATABASES["default"].get("OPTIONS", {})}

DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

{% if cookiecutter.interface == "ASGI" %}
# How many synchronous views a process runs at once, each with its own database connection. On two cores, more threads
# answered no more requests; with fewer, a few slow requests would block all others.
ASGI_THREADS = 4

{% endif %}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# Redis, which all processes share; without it, each process has its own cache

REDIS_URL = env["REDIS_URL"]

# The limits of sign-ins hold for all processes and over a restart, also without Redis.
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "attempts": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "attempts",
        # Many entries cannot push out others.
        "OPTIONS": {"MAX_ENTRIES": 10_000_000},
    },
}

if REDIS_URL:
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            "pool_class": "{{ cookiecutter.project_slug }}.cache.ConnectionPool",
            "socket_connect_timeout": 1,
            "socket_timeout": 1,
        },
    }
{% if cookiecutter.interface == "ASGI" %}
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "{{ cookiecutter.project_slug }}.layers.ChannelLayer",
            # As long as a session lasts; a page that stays open for longer receives no more messages.
            "CONFIG": {"hosts": [REDIS_URL], "group_expiry": 14 * 24 * 60 * 60},
        },
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
{% endif %}


# Users and passwords

AUTH_USER_MODEL = "users.User"

AUTHENTICATION_BACKENDS = ["users.backends.AuthenticationBackend"]

SESSION_ENGINE = "users.sessions"

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LOGIN_URL = LOGOUT_REDIRECT_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

TOKEN_LIFETIME = timedelta(days=90)


# django-allauth

ACCOUNT_ADAPTER = "users.adapter.AccountAdapter"
{% if cookiecutter.login == "email" %}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
{% else %}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
{% endif %}
# Signs in with a code that is mailed, instead of a password.
ACCOUNT_LOGIN_BY_CODE_ENABLED = False
# In development, the links are on the console, and nobody has to open them.
ACCOUNT_EMAIL_VERIFICATION = "optional" if DEBUG else "mandatory"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True

# Failed sign-ins count for each account, and for each address. After the longest of these times, all limits have passed.
RETRY_AFTER = 15 * 60  # seconds
ACCOUNT_RATE_LIMITS = {
    "login": "60/15m/ip",
    "login_failed": "30/15m/ip,5/15m/key",
    "reauthenticate": "10/15m/user",
    "request_login_code": "10/15m/ip,3/15m/key",
    "reset_password": "10/15m/ip,3/15m/key",
    "signup": "10/15m/ip",
    "confirm_email": "1/1m/key",
}

ADMIN_REQUIRES_MFA = False
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = PROJECT_NAME
# Browsers allow passkeys on localhost without HTTPS.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG

# A provider is there if the environment has its client id. Its page receives a redirect from a form.
SOCIALACCOUNT_ADAPTER = "users.adapter.SocialAccountAdapter"
SOCIALACCOUNT_PROVIDERS: dict[str, dict[str, Any]] = {}
if env["GITHUB_CLIENT_ID"]:
    app = {"client_id": env["GITHUB_CLIENT_ID"], "secret": env["GITHUB_CLIENT_SECRET"]}
    SOCIALACCOUNT_PROVIDERS["github"] = {"APPS": [app], "SCOPE": ["user:email"]}
    SECURE_CSP["form-action"].append("https://github.com")
if env["GOOGLE_CLIENT_ID"]:
    app = {"client_id": env["GOOGLE_CLIENT_ID"], "secret": env["GOOGLE_CLIENT_SECRET"]}
    SOCIALACCOUNT_PROVIDERS["google"] = {"APPS": [app], "SCOPE": ["profile", "email"]}
    SECURE_CSP["form-action"].append("https://accounts.google.com")
if env["OIDC_CLIENT_ID"]:
    app = {
        "provider_id": "oidc",
        "name": env["OIDC_NAME"],
        "client_id": env["OIDC_CLIENT_ID"],
        "secret": env["OIDC_CLIENT_SECRET"],
        "settings": {"server_url": env["OIDC_ISSUER"]},
    }
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {"APPS": [app], "OAUTH_PKCE_ENABLED": True}
    SECURE_CSP["form-action"].append("/".join(env["OIDC_ISSUER"].split("/")[:3]))


# Internationalization

LANGUAGE_CODE = "en-us"

TIME_ZONE = {{ cookiecutter.time_zone|python_string }}

USE_I18N = True

USE_TZ = True

LANGUAGES = [
    ("en", _("English")),
    ("de", _("German")),
]

# For `makemessages`: the texts of files that are in no app with a folder `locale`.
LOCALE_PATHS = [BASE_DIR / "{{ cookiecutter.project_slug }}" / "locale"]


# Static and media files

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"

# The test runner turns DEBUG off, but WhiteNoise should not need collectstatic in tests.
WHITENOISE_AUTOREFRESH = DEBUG

MEDIA_URL = "media/"
MEDIA_ROOT = BASE_DIR / "media"

STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

if not DEBUG:
    STORAGES["staticfiles"]["BACKEND"] = "whitenoise.storage.CompressedManifestStaticFilesStorage"

if env["MEDIA_BUCKET_URL"]:
    from botocore.config import Config

    S3_CONFIG = Config(signature_version="s3v4", connect_timeout=5, read_timeout=5, retries={"total_max_attempts": 2})
    STORAGES["default"] = {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {**env["MEDIA_BUCKET_URL"], "client_config": S3_CONFIG},
    }
    SECURE_CSP["img-src"].append(env["MEDIA_BUCKET_URL"]["endpoint_url"])


# Email

{% if cookiecutter.__django >= "6.1" %}
MAILERS = {"default": env["EMAIL_URL"]}
{% else %}
EMAIL_BACKEND = env["EMAIL_URL"]["BACKEND"]
# Sets EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER and so on.
for name, value in env["EMAIL_URL"]["OPTIONS"].items():
    name = {"username": "host_user", "password": "host_password"}.get(name) or name
    vars()[f"EMAIL_{name.upper()}"] = value
{% endif %}

{{ cookiecutter.email|python_assignment("DEFAULT_FROM_EMAIL") }}
{% if cookiecutter.background_tasks == "Celery" %}


# Celery. Without a broker, a task runs in the process that calls it, at once.

INSTALLED_APPS += ["exports", "django_celery_results"]

CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_BROKER_USE_SSL = TLS.get(CELERY_BROKER_URL.partition(":")[0], False)
CELERY_TASK_ALWAYS_EAGER = not CELERY_BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# No request waits long for a broker that does not answer. The last option makes RabbitMQ confirm each message.
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0}
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 2, "confirm_publish": True}

# A message is acknowledged after its task has ended, so that no task is lost with its worker.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_DEDUPLICATE_SUCCESSFUL_TASKS = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1

CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = 240, 300
# When Redis delivers a message again: later than the longest delay of a retry and the longest task together.
CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] = 600
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 200_000  # KiB

# The admin shows the results.
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = timedelta(days=1)

CELERY_TIMEZONE = TIME_ZONE
CELERY_IMPORTS = ["{{ cookiecutter.project_slug }}.task_telemetry"] if env["OTEL_EXPORTER_OTLP_ENDPOINT"] else []
# Keeps its state in memory, so it needs no file. Each tasks.py declares its part of the schedule.
CELERY_BEAT_SCHEDULER = "celery.beat.Scheduler"

# Not below MEDIA_ROOT, which web servers serve to anyone.
STORAGES["exports"] = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {"location": BASE_DIR / "private" / "exports"},
}
if env["MEDIA_BUCKET_URL"]:
    options = STORAGES["default"]["OPTIONS"]
    folder = f"{options.get('location', '')}/exports".strip("/")
    STORAGES["exports"] = {
        "BACKEND": STORAGES["default"]["BACKEND"],
        "OPTIONS": {**options, "location": folder, "default_acl": "private", "file_overwrite": True},
    }
{% endif %}


# Operation

# The migrations that `lintmigrations` checks: those of the apps in this project.
MIGRATION_LINTER_OPTIONS = {
    "include_apps": [app for app in INSTALLED_APPS if (BASE_DIR / app).is_dir()],
    "ignore_initial_migrations": True,
    "no_cache": True,
    # SQLite makes a table anew for most changes, which looks like new columns that cannot be null.
    "exclude_migration_tests": ["NOT_NULL"] if "sqlite" in DATABASES["default"]["ENGINE"] else [],
}

TEST_RUNNER = "{{ cookiecutter.project_slug }}.tests.Runner"

LOGGING = logs.config(env["LOG_LEVEL"], env["LOG_FORMAT"])
WEB_CONCURRENCY = env["WEB_CONCURRENCY"]
DRAIN_SECONDS = env["DRAIN_SECONDS"]
ADMIN_URL = env["ADMIN_URL"]

if env["SENTRY_DSN"]:
    sentry.start(env["SENTRY_DSN"])


# Django REST framework

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "users.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "{{ cookiecutter.project_slug }}.api.serializers.JSONParser",
        "{{ cookiecutter.project_slug }}.api.serializers.FileParser",
    ],
    "DEFAULT_FILTER_BACKENDS": [
        "{{ cookiecutter.project_slug }}.api.filters.FilterBackend",
        "rest_framework.filters.SearchFilter",
        "{{ cookiecutter.project_slug }}.api.filters.OrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "{{ cookiecutter.project_slug }}.api.pagination.CursorPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
        "rest_framework.throttling.ScopedRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min", "user": "600/min", "token": "10/min"},
    # SecurityMiddleware handles the proxies.
    "NUM_PROXIES": 0,
    "EXCEPTION_HANDLER": "{{ cookiecutter.project_slug }}.api.problems.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "{{ cookiecutter.project_slug }}.api.schema.AutoSchema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": PROJECT_NAME,
    "DESCRIPTION": PROJECT_DESCRIPTION,
    "VERSION": "1",
    "CONTACT": {
        "name": {{ cookiecutter.author_name|python_string }},
        "email": {{ cookiecutter.email|python_string }},
    },
    "SERVERS": [{"url": "/"}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # Without this, clients would have to send read-only fields.
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "DEFAULT_GENERATOR_CLASS": "{{ cookiecutter.project_slug }}.api.schema.SchemaGenerator",
    "POSTPROCESSING_HOOKS": ["{{ cookiecutter.project_slug }}.api.schema.document"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
