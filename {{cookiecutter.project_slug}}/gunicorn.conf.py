"""Run gunicorn with WEB_CONCURRENCY workers, on 127.0.0.1:8000 or, if PORT is set, on this port of all addresses."""

from {{ cookiecutter.project_slug }} import logs
from {{ cookiecutter.project_slug }}.environment import env

wsgi_app = "{{ cookiecutter.project_slug }}.wsgi"

# Each worker has one thread: on two cores, two workers with four threads answered a fifth fewer requests.
workers = env["WEB_CONCURRENCY"]

logconfig_dict = logs.config(env["LOG_LEVEL"], env["LOG_FORMAT"])

# TRUSTED_PROXIES decides whether X-Forwarded-Proto is trusted.
forwarded_allow_ips = ""

# By default, all gunicorn servers of a user share the path of the control socket.
control_socket_disable = True
