"""How gunicorn runs: on 127.0.0.1:8000, or on PORT of every address, with WEB_CONCURRENCY workers."""

from {{ cookiecutter.project_slug }} import logs
from {{ cookiecutter.project_slug }}.environment import env

wsgi_app = "{{ cookiecutter.project_slug }}.wsgi"

# One thread in each: on two cores, two workers with four threads answered a fifth fewer requests.
workers = env["WEB_CONCURRENCY"]

logconfig_dict = logs.config(env["LOG_LEVEL"], env["LOG_FORMAT"])

# Leaves it to TRUSTED_PROXIES whether X-Forwarded-Proto is believed.
forwarded_allow_ips = ""

# By default all gunicorns of a user share the path of one control socket.
control_socket_disable = True
