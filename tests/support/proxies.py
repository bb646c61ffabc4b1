"""A real nginx or Apache in front of a deployed project, with the project's configuration in deploy/."""

import contextlib
import os
import socket
import ssl
import subprocess
import time
from pathlib import Path

import psutil

from tests.support.machine import clean_environment, free_port, program
from tests.support.user import PROGRAMS

LIMIT = 60
MODULES = Path("/etc/apache2/mods-available")
# The modules that deploy/README.md enables, and those that Debian's package enables by default.
APACHE_MODULES = ["mpm_event", "authz_core", "alias", "dir", "env", "filter", "deflate", "mime", "reqtimeout"]
APACHE_MODULES += ["setenvif", "headers", "http2", "proxy", "proxy_http", "proxy_wstunnel", "rewrite", "ssl"]
APACHE_MODULES += ["socache_shmcb"]

NGINX = """\
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
worker_processes auto;
worker_rlimit_nofile 65536;
events {{
    worker_connections 16384;
}}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    sendfile on;
    access_log {folder}/access.log;
    client_body_temp_path {folder}/temporary-body;
    proxy_temp_path {folder}/temporary-proxy;
    fastcgi_temp_path {folder}/temporary-fastcgi;
    scgi_temp_path {folder}/temporary-scgi;
    uwsgi_temp_path {folder}/temporary-uwsgi;
    include {folder}/site.conf;
}}
"""

APACHE = """\
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
LogFormat "%h %t \\"%r\\" %>s %b" common
CustomLog {folder}/access.log common
Define APACHE_RUN_DIR {folder}
Listen 127.0.0.1:{http}
Listen 127.0.0.1:{https}
{modules}
{user}
<Directory />
    Require all denied
</Directory>
Include {folder}/site.conf
"""


class Front:
    """A running proxy on 127.0.0.1; `http` and `https` are its ports."""

    # Parts of the names of its temporary files.
    temporary = ("/temporary-", "/modproxy")

    def __init__(self, folder, http, https):
        self.folder = Path(folder)
        self.http = http
        self.https = https
        self.process = None

    @property
    def url(self):
        return f"https://127.0.0.1:{self.https}"

    @property
    def log(self):
        return (self.folder / "error.log").read_text(errors="replace")

    @property
    def requests(self):
        """Return the access log."""
        return (self.folder / "access.log").read_text(errors="replace")

    def connect(self, tls=True, timeout=LIMIT):
        """Return a new connection; the caller closes it."""
        connection = socket.create_connection(("127.0.0.1", self.https if tls else self.http), timeout)
        return tls_context().wrap_socket(connection) if tls else connection

    def temporary_bytes(self):
        """Return the size of its temporary files, with deleted ones that are still open."""
        held = {}
        for process in family(self.process.pid):
            with contextlib.suppress(OSError):
                for file in Path(f"/proc/{process.pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        if any(part in os.readlink(file) for part in self.temporary):
                            stat = file.stat()
                            held[stat.st_ino] = stat.st_blocks * 512
        return sum(held.values())


def tls_context():
    """Return a context that accepts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def family(pid):
    """Return a process and all its descendants."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def memory(pid):
    """Return the MiB of private memory that a process and its descendants use."""
    total = 0
    for process in family(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().uss
    return round(total / 2**20)


def replaced(text, changes):
    """Apply each change to the text and return it; every old text must occur."""
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in\n{text}"
        text = text.replace(old, new)
    return text


def certificate(folder, name="IP:127.0.0.1"):
    """Create a self-signed certificate for `name`; return the changes that replace the paths of Debian's."""
    files = [f"{folder}/certificate.pem", f"{folder}/certificate.key"]
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    command += f" -addext subjectAltName={name}"
    openssl = program("openssl")
    subprocess.run([openssl, *command.split(), "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    debian = "/etc/ssl/certs/ssl-cert-snakeoil.pem", "/etc/ssl/private/ssl-cert-snakeoil.key"
    return dict(zip(debian, files))


@contextlib.contextmanager
def running(front, check, command, variables=None):
    """Check the configuration, run the proxy until the block ends, and stop it by its process id."""
    environment = clean_environment(**(variables or {}))
    done = subprocess.run(check, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    with (front.folder / "output.log").open("w") as output:
        front.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=environment
        )
    try:
        limit = time.monotonic() + LIMIT
        while True:
            assert front.process.poll() is None, front.log
            with contextlib.suppress(ConnectionError), front.connect(tls=False):
                break
            assert time.monotonic() < limit, front.log
            time.sleep(0.05)
        yield front
    finally:
        front.process.terminate()
        front.process.wait(LIMIT)


@contextlib.contextmanager
def nginx(deployment, folder, sockets):
    """Run nginx in front of the servers on these UNIX sockets."""
    path = program("nginx")
    project = deployment.project.path
    front = Front(folder, free_port(), free_port())
    site = (project / "deploy" / "nginx.conf").read_text()
    site = "".join(line for line in site.splitlines(keepends=True) if "listen [::]:" not in line)
    changes = {
        f"    server unix:/run/{project.name}.sock;\n": "".join(f"    server unix:{path};\n" for path in sockets),
        "listen 80 ": f"listen 127.0.0.1:{front.http} ",
        "listen 443 ": f"listen 127.0.0.1:{front.https} ",
        f"/srv/{project.name}/current/": f"{project}/",
        f"/srv/{project.name}/": f"{project}/",
        **certificate(folder),
    }
    (front.folder / "site.conf").write_text(replaced(site, changes))
    user = "user nobody nogroup;" if os.geteuid() == 0 else ""
    configuration = front.folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, user=user))
    command = [path, "-e", f"{folder}/error.log", "-c", str(configuration)]
    with running(front, [*command, "-t"], command):
        yield front


@contextlib.contextmanager
def apache(deployment, folder, sockets):
    """Run Apache in front of the server on this one UNIX socket."""
    path = program("apache2")
    project = deployment.project.path
    (backend,) = sockets
    front = Front(folder, free_port(), free_port())
    changes = {
        "<VirtualHost *:80>": f"<VirtualHost 127.0.0.1:{front.http}>",
        "<VirtualHost *:443>": f"<VirtualHost 127.0.0.1:{front.https}>",
        f"unix:/run/{project.name}.sock|": f"unix:{backend}|",
        f"/srv/{project.name}/current/": f"{project}/",
        f"/srv/{project.name}/": f"{project}/",
        **certificate(folder),
    }
    site = (project / "deploy" / "apache-proxy.conf").read_text()
    (front.folder / "site.conf").write_text(replaced(site, changes))
    files = [MODULES / f"{name}{end}" for name in APACHE_MODULES for end in (".load", ".conf")]
    modules = "\n".join(f"Include {file}" for file in files if file.exists())
    user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    configuration = front.folder / "apache.conf"
    values = {"folder": folder, "http": front.http, "https": front.https, "modules": modules, "user": user}
    configuration.write_text(APACHE.format(**values))
    command = [path, "-f", str(configuration)]
    with running(front, [*command, "-t"], [*command, "-D", "FOREGROUND"]):
        yield front


@contextlib.contextmanager
def caddy(project, folder, port, media):
    """Run Caddy in front of the server on this port, with the uploads in this folder, for the host localhost."""
    front = Front(folder, free_port(), free_port())
    site = (project.path / "deploy" / "Caddyfile").read_text()
    ports = f"http_port {front.http}\nhttps_port {front.https}\nadmin off\nskip_install_trust\n"
    changes = {
        "\n{\n": f"\n{{\n{ports}log {{\noutput file {folder}/error.log\n}}\n",
        "dynamic a web 8000 ": f"dynamic a 127.0.0.1 {port} ",
        "/srv/media": str(media),
    }
    (front.folder / "Caddyfile").write_text(replaced(site, changes))
    options = ["--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]
    environment = {"ALLOWED_HOSTS": "localhost", "HOME": str(folder)}
    path = PROGRAMS / "caddy"
    with running(front, [path, "validate", *options], [path, "run", *options], environment):
        yield front


PROXIES = {"nginx": nginx, "Apache": apache}
