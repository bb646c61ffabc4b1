"""The image, built from the project's Dockerfile, and run as compose.production.yaml and as the manifests say."""

import contextlib
import http.client
import json
import re
import secrets
import shutil
import socket
import stat
import threading
import time
from types import SimpleNamespace

import pytest
import requests
from websockets.sync.client import connect

from template_code.texts import docker_string
from tests.support.client import LIMIT, Client, heard
from tests.support.containers import BASE, IMAGE, PRODUCTION, composed, running_engine
from tests.support.deployed import DEBIANS_PYTHON
from tests.support.kubernetes import as_service, manifests, of_kind, pods
from tests.support.machine import free_port
from tests.support.probe import with_probe
from tests.support.production import wait_until
from tests.support.proxies import caddy, tls_context
from tests.support.texts import PAYLOADS, TEXTS

pytestmark = [pytest.mark.matrix, pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")]

MEGABYTE = 1024 * 1024
PRIVATE = "what no image may contain"
PRIVATE_FILES = [".env", ".git/config", "backup.sqlite3", "db.sqlite3", "dump.log", "items/.env.local"]
PRIVATE_FILES += ["media/upload.png", "private/exports/1.csv", "secrets/email_url"]
FOLDERS = ["media", "private"]
ADDRESSES = ["REDIS_URL", "CELERY_BROKER_URL"]


@pytest.fixture(scope="module")
def engine():
    with running_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def project(installed, tmp_path_factory):
    project = installed("ASGI", DEBIANS_PYTHON, background_tasks="Celery")
    project = with_probe(project.copy(tmp_path_factory.mktemp("image")))
    for name in PRIVATE_FILES:
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        (project.path / name).write_text(PRIVATE)
    return project


@pytest.fixture(scope="module")
def image(engine, project):
    """The folder that has the files of the image."""
    engine.build(project.path, "--tag", IMAGE)
    with engine.mounted(IMAGE) as folder:
        yield folder


class Container:
    """A running container of a service."""

    def __init__(self, engine, service, *options):
        self.engine = engine
        self.name = engine.run(service, "--detach", *options).stdout.strip()

    @property
    def log(self):
        return self.engine.podman("logs", self.name).stdout

    def end(self):
        """Send SIGTERM, and return the exit code."""
        self.engine.podman("kill", "--signal", "TERM", self.name)
        return int(self.engine.podman("wait", self.name).stdout)


class WebServer(Container):
    """The container of the web server; `url` is its address."""

    def __init__(self, engine, service):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        grace = service["stop_grace_period"].rstrip("s")
        super().__init__(engine, service, f"--env=PORT={self.port}", f"--stop-timeout={grace}")

    def status(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", path)
            return connection.getresponse().status
        return None

    def is_healthy(self):
        return self.engine.podman("healthcheck", "run", self.name, check=False).returncode == 0


@pytest.fixture(scope="module")
def services(engine, project, image, postgres, redis_port, mail_server, tmp_path_factory):
    """The services of production, on the database and the Redis of the tests, after the one that migrates."""
    folder = tmp_path_factory.mktemp("secrets")
    values = {
        "secret_key": secrets.token_hex(32),
        "database_url": postgres.database(),
        "email_url": mail_server.url,
    }
    services = composed(project, PRODUCTION, profiles="backup")["services"]
    addresses = {name: f"redis://127.0.0.1:{redis_port}/{number}" for number, name in enumerate(ADDRESSES)}
    for name in "web", "migrate", "worker", "beat":
        assert addresses.keys() <= services[name]["environment"].keys()
        services[name]["environment"].update(addresses)
    for name in "web", "migrate", "worker", "beat", "backup", "restore":
        for volume in services[name]["volumes"]:
            if volume["type"] == "bind":
                volume["source"] = project.path / volume["source"]
        for secret in services[name]["secrets"]:
            file = folder / secret["source"]
            file.write_text(f"{values[file.name]}\n")
            file.chmod(0o444)
            services[name]["volumes"].append({"source": file, "target": secret["target"], "read_only": True})
    assert "Applying users.0001_initial... OK" in engine.run(services["migrate"], "--rm").stdout
    return services


@pytest.fixture(scope="module")
def web(engine, services):
    web = WebServer(engine, services["web"])
    wait_until(lambda: web.status("/readyz") == 200, web)
    return web


class Visitor(Client):
    """Speaks HTTPS, and trusts any certificate."""

    def __init__(self, site):
        super().__init__(site)
        self.mount("https://", requests.adapters.HTTPAdapter())

    def request(self, *arguments, **options):
        return super().request(*arguments, verify=False, **options)


@contextlib.contextmanager
def behind_caddy(project, server, media, folder):
    """Yield the site of a server behind Caddy: `url` and `http` are its addresses."""
    with caddy(project, folder, server.port, media) as front:
        urls = f"https://localhost:{front.https}", f"http://localhost:{front.http}"
        site = SimpleNamespace(url=urls[0], http=urls[1], front=front, log=f"see {folder} and the server's log")

        def answers():
            with contextlib.suppress(requests.ConnectionError):
                return Visitor(site).get("/livez").ok

        # Caddy makes its certificate after it has started.
        wait_until(answers, server)
        yield site


@pytest.fixture(scope="module")
def worker(engine, services):
    return Container(engine, services["worker"])


# The worker sends the mails.
@pytest.fixture(scope="module")
def site(engine, project, web, worker, tmp_path_factory):
    media = engine.podman("volume", "inspect", "--format", "{{.Mountpoint}}", "media").stdout.strip()
    with behind_caddy(project, web, media, tmp_path_factory.mktemp("caddy")) as site:
        yield site


def test_the_image_has_nothing_private(image, project):
    app = image / "app"
    files = [path for path in app.rglob("*") if path.is_file()]
    assert app / "my_project" / "settings.py" in files
    assert [path for path in files if PRIVATE in path.read_text(errors="replace")] == []
    assert {path.name for path in app.iterdir() if path.name.startswith(".")} == set()
    assert {path.name for path in app.iterdir()} - {path.name for path in project.path.iterdir()} <= {
        "__pycache__",
        "media",
        "staticfiles",
    }
    assert [list((app / name).iterdir()) for name in FOLDERS] == [[], []]


def test_the_image_has_the_scripts_for_back_ups_alone(image):
    modes = {path.name: path.stat().st_mode & 0o777 for path in (image / "app" / "deploy").iterdir()}
    assert modes == {"backup.sh": 0o755, "database.sh": 0o644, "restore.sh": 0o755}


def test_the_image_has_no_tool_to_build_with(image):
    programs = {
        path.name for folder in ("usr/bin", "usr/local/bin", "venv/bin") for path in (image / folder).iterdir()
    }
    assert "uvicorn" in programs
    assert {name for name in programs if re.match("gcc|cc|g\\+\\+|make|pipenv|virtualenv|git$", name)} == set()
    packages = image / "venv" / "lib" / f"python{DEBIANS_PYTHON}" / "site-packages"
    assert (packages / "django").is_dir()
    assert not list(packages.glob("pip*"))
    assert not (packages / "mypy").exists()


def test_the_code_is_compiled_and_belongs_to_root(image):
    app = image / "app"
    assert list((app / "my_project" / "__pycache__").glob("settings.*.pyc"))
    assert list((image / "venv").rglob("django/__pycache__/__init__.*.pyc"))
    writable = [path for path in app.rglob("*") if path.stat().st_uid or path.stat().st_mode & stat.S_IWOTH]
    assert set(writable) == {app / name for name in FOLDERS}


def test_the_image_is_as_small_as_the_page_says(engine, image, project):
    page = (project.path / "docs" / "containers.md").read_text()
    (told,) = re.findall(r"^It adds less than (\d+) MB to Python's image\.$", page, re.MULTILINE)
    sizes = [int(engine.podman("image", "inspect", "--format", "{{.Size}}", name).stdout) for name in (IMAGE, BASE)]
    assert int(told) * 0.8 < (sizes[0] - sizes[1]) / 1e6 < int(told)


def test_the_image_says_what_it_is(engine, image):
    (told,) = json.loads(engine.podman("inspect", IMAGE).stdout)
    labels = told["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == "My Project"
    assert labels["org.opencontainers.image.description"] == "A web application and its API."
    assert told["Config"]["User"] == "1000:1000"
    assert told["Config"]["Cmd"] == ["python", "-m", "my_project.server"]


def test_a_label_shows_any_text(engine, tmp_path):
    texts = {f"label-{number}": text for number, text in enumerate([*TEXTS, *PAYLOADS])}
    lines = [f"LABEL {name}={docker_string(text)}" for name, text in texts.items()]
    (tmp_path / "Dockerfile").write_text("\n".join(["FROM scratch", *lines, ""]), encoding="utf-8")
    engine.build(tmp_path, "--layers=false", "--tag", "labels")
    (told,) = json.loads(engine.podman("inspect", "labels").stdout)
    assert texts.items() <= told["Config"]["Labels"].items()


def test_a_wrong_hash_stops_the_build(engine, image, project, tmp_path):
    broken = project.copy(tmp_path)
    lock = broken.path / "Pipfile.lock"
    content = json.loads(lock.read_text())
    content["default"]["asgiref"]["hashes"] = [f"sha256:{'0' * 64}"]
    lock.write_text(json.dumps(content))
    done = engine.build(broken.path, "--target", "packages", check=False)
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stdout


def test_the_server_has_no_privileges(engine, web):
    status = engine.podman("exec", web.name, "cat", "/proc/1/status").stdout
    assert set(re.findall(r"^Cap\w+:\t(\w+)$", status, re.MULTILINE)) == {"0" * 16}
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert re.search(r"^Uid:(\t1000){4}$", status, re.MULTILINE)
    told = engine.podman("exec", web.name, "sh", "-c", "touch /app/file /venv/file /home/app/file", check=False)
    assert told.stdout.count("Read-only file system") == 3
    engine.podman("exec", web.name, "touch", "/tmp/file", "/app/media/file")
    assert web.is_healthy()


def test_a_visitor_signs_up_and_uploads_a_file(site):
    ada = Visitor(site).sign_up("ada")
    assert all(cookie.secure for cookie in ada.cookies)
    assert ada.get("/probe/client/").json() == {"address": "127.0.0.1", "secure": True}
    page = ada.get("/probe/upload/")
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
    data, headers = {"csrfmiddlewaretoken": token}, {"Referer": page.url}
    # The whole body is a little smaller, then a little larger, than REQUEST_MAX_SIZE.
    content = b"<script>" * ((10 * MEGABYTE - 1024) // 8)
    answer = ada.post(page.url, data=data, headers=headers, files={"file": ("map.html", content)})
    assert answer.json()["size"] == len(content)
    stored = ada.get(answer.json()["url"])
    assert stored.content == content
    assert stored.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert stored.headers["X-Content-Type-Options"] == "nosniff"
    too_large = ada.post(page.url, data=data, headers=headers, files={"file": ("map.html", content + b" " * 1024)})
    assert too_large.status_code == 413


def test_caddy_redirects_compresses_and_ignores_what_a_client_says_of_itself(site):
    visitor = Visitor(site)
    answer = visitor.get(f"{site.http}/accounts/login/", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, "https://localhost/accounts/login/")
    lies = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"}
    assert visitor.get("/probe/client/", headers=lies).json() == {"address": "127.0.0.1", "secure": True}
    page = visitor.get("/accounts/login/", headers={"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"


def test_a_page_receives_changes_through_its_socket(site):
    ada = Visitor(site).sign_up("ada-socket")
    headers = {"Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in ada.cookies)}
    address, options = site.url.replace("https:", "wss:"), {"ssl": tls_context(), "open_timeout": LIMIT, "proxy": None}
    with connect(f"{address}/ws/items/", origin=site.url, additional_headers=headers, **options) as connection:
        made = ada.api("POST", "/api/v1/items/", 201, name="Compass")
        assert heard(connection) == {"event": "saved", "id": made["id"]}


def test_the_image_runs_the_worker_and_the_scheduler(engine, services, site, worker):
    beat = Container(engine, services["beat"])
    ada = Visitor(site).sign_up("ada-export")
    path = f"/api/v1/exports/{ada.api('POST', '/api/v1/exports/', 201)['id']}/"
    wait_until(lambda: ada.api("GET", path)["state"] == "done", worker)
    # The server sends what the worker has written.
    assert ada.get(f"{path}file/").text.startswith("\ufeffname,")
    check = services["worker"]["healthcheck"]["test"][1].replace("$$", "$")
    assert "1 node online" in engine.podman("exec", worker.name, "sh", "-c", check).stdout
    wait_until(lambda: "beat: Starting..." in beat.log, beat)
    assert [worker.end(), beat.end()] == [0, 0]


def test_a_restart_loses_no_request(engine, site, web):
    statuses, restarted = [], threading.Event()

    def ask():
        with Visitor(site) as visitor:
            while not restarted.is_set():
                statuses.append(visitor.get("/livez").status_code)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        engine.podman("restart", web.name)
        wait_until(lambda: web.status("/readyz") == 200, web)
    finally:
        restarted.set()
        asker.join()
    assert set(statuses) == {200}


HALF_A_REQUEST = b"""POST /api/v1/token/ HTTP/1.1\r
Host: localhost\r
Content-Type: application/json\r
Content-Length: 1000000\r
\r
{"username": \""""


def test_a_slow_upload_occupies_no_process_of_the_server(deploy, tmp_path):
    deployment = deploy("WSGI", ALLOWED_HOSTS="localhost")
    with deployment.serve() as server, behind_caddy(deployment.project, server, tmp_path, tmp_path) as site:
        connection = socket.create_connection(("127.0.0.1", site.front.https), LIMIT)
        with tls_context().wrap_socket(connection, server_hostname="localhost") as slow:
            slow.sendall(HALF_A_REQUEST)
            # Without a buffer, gunicorn's only process would soon wait for the rest, and answer no more.
            for _ in range(20):
                assert requests.get(f"{server.url}/livez", timeout=10).ok
                time.sleep(0.1)


def test_sigterm_drains_the_server(engine, services):
    web = WebServer(engine, services["web"])
    wait_until(lambda: web.status("/readyz") == 200, web)
    engine.podman("kill", "--signal", "TERM", web.name)
    wait_until(lambda: web.status("/readyz") == 503, web)
    assert web.status("/livez") == 200
    assert engine.podman("wait", web.name).stdout.strip() == "0"


def test_the_image_runs_as_the_manifests_for_kubernetes_say(engine, project, image, postgres, redis_port, mail_server):
    objects = manifests(project)
    (settings,) = of_kind(objects, "ConfigMap").values()
    values = {name: f"redis://127.0.0.1:{redis_port}/{number}" for number, name in enumerate(ADDRESSES, 2)}
    values.update(SECRET_KEY=secrets.token_hex(32), DATABASE_URL=postgres.database(), EMAIL_URL=mail_server.url)
    services = {
        container["name"]: as_service(pod, container, {**settings["data"], **values})
        for name, pod in pods(objects).items()
        # The other image of this one is that of PostgreSQL.
        if name != "backup"
        for container in pod.containers
    }

    def migrated():
        return engine.run(services["wait-for-migrations"], "--rm", check=False).returncode == 0

    # As after `kubectl apply`: the new pods run, and wait for the job.
    web = WebServer(engine, services["web"])
    wait_until(lambda: web.status("/livez") == 200, web)
    assert web.status("/readyz") == 503
    assert not migrated()
    engine.run(services["migrate"], "--rm")
    wait_until(lambda: web.status("/readyz") == 200, web)
    assert migrated()
    worker, beat = (Container(engine, services[name]) for name in ("worker", "beat"))
    wait_until(lambda: " ready." in worker.log, worker)
    wait_until(lambda: "beat: Starting..." in beat.log, beat)
    assert [container.end() for container in (web, worker, beat)] == [0, 0, 0]


@pytest.fixture(scope="module")
def back_ups(engine, postgres, services):
    """Build the image of PostgreSQL, and add an upload; return the file with the DATABASE_URL of the services."""
    engine.build_postgres(postgres)
    engine.run({**services["web"], "command": ["sh", "-c", "echo A map. > media/map.txt"]}, "--rm")
    (secret,) = (
        volume["source"] for volume in services["backup"]["volumes"] if volume["target"].endswith("database_url")
    )
    return secret


def migrations(postgres, secret):
    return postgres.sql("SELECT app, name FROM django_migrations ORDER BY id", secret.read_text().strip())


def test_compose_saves_the_site_and_restores_it_beside_the_site(
    engine, project, services, postgres, back_ups, tmp_path
):
    folder = project.path / "backups"
    folder.mkdir(mode=0o700)
    shutil.chown(folder, 1000)
    (saved,) = re.findall(r"^Saved (backups/\w+): ", engine.run(services["backup"], "--rm").stdout, re.MULTILINE)
    empty = tmp_path / "database_url"
    empty.write_text(postgres.database())
    # As with `--project-name drill`.
    others = {back_ups: empty, **{name: f"drill-{name}" for name in FOLDERS}}

    def run(name, *command):
        volumes = [
            {**volume, "source": others.get(volume["source"], volume["source"])}
            for volume in services[name]["volumes"]
        ]
        return engine.run({**services[name], "volumes": volumes, "command": command}, "--rm").stdout

    # `docker compose create` would make the volumes with this user.
    run("web", "true")
    assert f"Restored {saved}: database media private." in run("restore", saved)
    assert run("web", "python", "manage.py", "migrate", "--check") == ""
    assert run("web", "sh", "-c", "cat media/map.txt; touch media/map.txt") == "A map.\n"
    assert migrations(postgres, empty) == migrations(postgres, back_ups) != ""


def test_the_cron_jobs_of_kubernetes_clean_up_and_save_what_can_be_restored(
    engine, project, rendered, postgres, redis_port, back_ups, tmp_path
):
    backups = pods(manifests(project))["backup"]
    # With Celery, the scheduler does this.
    objects = manifests(rendered(containers="Docker"))
    (settings,) = of_kind(objects, "ConfigMap").values()
    cleanup = pods(objects)["cleanup"]
    values = {name: f"redis://127.0.0.1:{redis_port}/{number}" for number, name in enumerate(ADDRESSES, 4)}
    values.update(SECRET_KEY=secrets.token_hex(32), DATABASE_URL=back_ups.read_text().strip())
    (container,) = cleanup.containers
    engine.run(as_service(cleanup, container, {**settings["data"], **values}), "--rm")
    folders = {name: tmp_path / name for name in ("tmp", "backups")}
    for folder in folders.values():
        folder.mkdir()
        shutil.chown(folder, 1000)
    scripts, backup = (
        as_service(backups, container, {"DATABASE_URL": values["DATABASE_URL"]}, folders)
        for container in backups.containers
    )
    engine.run(scripts, "--rm")
    (saved,) = re.findall(r"^Saved (/backups/\w+): ", engine.run(backup, "--rm").stdout, re.MULTILINE)
    empty = tmp_path / "database_url"
    empty.write_text(postgres.database())
    # The page has this change.
    *shell, command = backup["command"]
    backup["command"] = [*shell, command.replace("backup.sh /backups", f"restore.sh {saved}")]
    backup["environment"] = {"DATABASE_URL": empty.read_text()}
    assert f"Restored {saved}: database." in engine.run(backup, "--rm").stdout
    assert migrations(postgres, empty) == migrations(postgres, back_ups) != ""
