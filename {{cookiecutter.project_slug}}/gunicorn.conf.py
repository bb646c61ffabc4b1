"""How gunicorn runs: on 127.0.0.1:8000, or on PORT of every address, with WEB_CONCURRENCY workers."""

wsgi_app = "{{ cookiecutter.project_slug }}.wsgi"

accesslog = "-"

# Leaves it to TRUSTED_PROXIES whether X-Forwarded-Proto is believed.
forwarded_allow_ips = ""

# By default all gunicorns of a user share the path of one control socket.
control_socket_disable = True
