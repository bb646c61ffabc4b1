"""
Every server of the stack, with production settings and PostgreSQL.

For a web server, the tests start a bare Debian machine and run the commands of deploy/README.md there, unchanged.
Without a web server, the project is served on a port.
"""

import contextlib
import gzip
import json
import os
import re
import socket
import ssl
import subprocess
import threading

import pytest
import requests
import websockets.exceptions
import websockets.sync.client
from playwright.sync_api import expect

from tests.support.browser import Visitor, heading
from tests.support.client import LIMIT, PASSWORD, Client
from tests.support.deployed import DEBIANS_PYTHON, FOLDER, HOST, deployed_on_debian
from tests.support.machine import free_port, program
from tests.support.probe import with_probe
from tests.support.production import SERVE, wait_until
from tests.support.user import PROGRAMS

pytestmark = [pytest.mark.matrix, pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")]

DAPHNE = "python -m daphne {} --verbosity 0 my_project.asgi:application"
MEGABYTE = 1024 * 1024

WORKERS = """
main=$(systemctl show --property MainPID --value my_project)
for worker in $(cat /proc/$main/task/$main/children); do tr '\\0' ' ' < /proc/$worker/cmdline; echo; done
"""

# The worker processes, without Python's resource tracker.
PIDS = """
main=$(systemctl show --property MainPID --value my_project)
for worker in $(cat /proc/$main/task/$main/children); do
    grep --quiet resource_tracker /proc/$worker/cmdline || echo $worker
done
"""


class Site:
    """
    A running site named www.example.com; `ports` are its ports on 127.0.0.1 for HTTP and HTTPS.

    Without a port for HTTPS, its requests go to the HTTP port, as from a proxy that terminates HTTPS.
    """

    def __init__(self, name, ports, read_log, web_server=None, debian=None, deployed=None):
        self.name = name
        self.ports = ports
        self.read_log = read_log
        self.web_server = web_server
        self.debian = debian
        self.deployed = deployed
        self.url = f"https://{HOST}"
        # Sites on one machine share a database of users, so each site uses its own names.
        self.slug = re.sub("[^a-z0-9]+", "-", name.lower())

    @property
    def log(self):
        return self.read_log()

    def client(self):
        client = Client(self)
        for scheme in "http://", "https://":
            client.mount(scheme, Adapter(self))
        return client

    def curl(self, *arguments, path="/"):
        """Return the output of curl, which uses HTTP/2 if the site supports it."""
        command = [program("curl"), "--silent", "--insecure", "--http2", *arguments]
        if "https" in self.ports:
            command += ["--connect-to", f"{HOST}:443:127.0.0.1:{self.ports['https']}", f"https://{HOST}{path}"]
        else:
            command += ["--header", f"Host: {HOST}", "--header", "X-Forwarded-Proto: https"]
            command += [f"http://127.0.0.1:{self.ports['http']}{path}"]
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout

    @contextlib.contextmanager
    def socket(self, client, origin=None):
        """Open the WebSocket like a page of the site."""
        tls = "https" in self.ports
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies)
        headers = {"Cookie": cookies} if tls else {"Cookie": cookies, "X-Forwarded-Proto": "https"}
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with websockets.sync.client.connect(
            f"{'wss' if tls else 'ws'}://{HOST}/ws/items/",
            sock=socket.create_connection(("127.0.0.1", self.ports["https" if tls else "http"])),
            ssl=context if tls else None,
            origin=origin or self.url,
            additional_headers=headers,
            open_timeout=LIMIT,
        ) as connection:
            yield connection


class Adapter(requests.adapters.HTTPAdapter):
    """Sends the requests for the site's host name to its ports on 127.0.0.1."""

    def __init__(self, site):
        super().__init__()
        self.site = site

    def send(self, request, **options):
        asked = request.copy()
        scheme, _, rest = request.url.partition("://")
        host, _, path = rest.partition("/")
        port = self.site.ports.get(scheme, self.site.ports.get("http"))
        if scheme not in self.site.ports:
            asked.headers["X-Forwarded-Proto"], scheme = scheme, "http"
        asked.url = f"{scheme}://127.0.0.1:{port}/{path}"
        asked.headers["Host"] = host
        options["verify"] = False
        answer = super().send(asked, **options)
        answer.request, answer.url = request, request.url
        return answer


@pytest.fixture(scope="module")
def deployed(installed, mail_server, tmp_path_factory):
    """A function that returns the Deployed of an interface; the machines share ports, so only one runs at a time."""
    running = {}

    def deployed(interface):
        if interface not in running:
            running.clear()
            stack.close()
            tasks = "Celery" if interface == "ASGI" else "none"
            project = installed(interface, DEBIANS_PYTHON, background_tasks=tasks)
            project = with_probe(project.copy(tmp_path_factory.mktemp("deployed")))
            running[interface] = stack.enter_context(deployed_on_debian(project, mail_server.url))
        return running[interface]

    with contextlib.ExitStack() as stack:
        yield deployed


@contextlib.contextmanager
def alone(deploy, interface, command):
    """Start the server without a web server in front of it."""
    # Without TLS, browsers keep Secure cookies only for this host.
    hosts = {"ALLOWED_HOSTS": f"{HOST},127.0.0.1,localhost", "CSRF_TRUSTED_ORIGINS": "http://localhost"}
    deployment = deploy(interface, **hosts)
    with_probe(deployment.project)
    ready = {"X-Forwarded-Proto": "https"}
    with deployment.project.serve(*command, env=deployment.environment, headers=ready) as server:
        yield Site(interface, {"http": server.port}, lambda: server.log)


@contextlib.contextmanager
def alone_with_tls(deploy):
    """Start a Daphne with HTTP/2 over TLS, and a second one for HTTP."""
    deployment = deploy("ASGI", ALLOWED_HOSTS=f"{HOST},127.0.0.1", TRUSTED_PROXIES="")
    project = with_probe(deployment.project)
    shared = project.venv.resolve()
    project.venv.unlink()
    subprocess.run(["cp", "-al", shared, project.venv], check=True)
    project.call("python", "-m", "pip", "install", "--quiet", "twisted[http2,tls]")
    certificate = ("-keyout", "key.pem", "-out", "cert.pem", "-subj", f"/CN={HOST}", "-days", "2")
    project.call(program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", *certificate)
    port = free_port()
    endpoint = f"ssl:{port}:interface=127.0.0.1:privateKey=key.pem:certKey=cert.pem"
    command = DAPHNE.format("-e " + endpoint + " --port {port} --bind 127.0.0.1").split()
    with project.serve(*command, env=deployment.environment) as server:
        yield Site("Daphne with TLS", {"http": server.port, "https": port}, lambda: server.log)


ALONE = {
    "gunicorn": ("WSGI", SERVE),
    "Uvicorn": ("ASGI", SERVE),
    "Daphne": ("ASGI", DAPHNE.format("--port {port}").split()),
}
BEHIND = {
    "gunicorn, nginx": ("WSGI", "gunicorn", "nginx"),
    "mod_wsgi, Apache": ("WSGI", "gunicorn", "Apache"),
    "Uvicorn, nginx": ("ASGI", "Uvicorn", "nginx"),
    "Daphne, nginx": ("ASGI", "Daphne", "nginx"),
    "Uvicorn, Apache": ("ASGI", "Uvicorn", "Apache"),
    "Daphne, Apache": ("ASGI", "Daphne", "Apache"),
}
SITES = [*ALONE, "Daphne, HTTP/2", *BEHIND]
LIVE = [name for name in SITES if "Daphne" in name or "Uvicorn" in name]


@pytest.fixture(scope="module")
def site(request, deploy, installed, postgres, mail_server):
    name = request.param
    # The same people sign up on each site.
    mail_server.messages.clear()
    if name in BEHIND:
        interface, server, web_server = BEHIND[name]
        deployed = request.getfixturevalue("deployed")(interface)
        deployed.put_in_front(web_server)
        # The sign-ups on all sites of the machine come from one address.
        deployed.manage("shell", "-c", "from django.core.cache import caches; caches['attempts'].clear()")
        deployed.serve_with(server, web_server)
        ports = {"http": 80, "https": 443}
        yield Site(name, ports, deployed.log, web_server, deployed.debian, deployed)
        return
    running = alone(deploy, *ALONE[name]) if name in ALONE else alone_with_tls(deploy)
    with running as site:
        yield site


every_site = pytest.mark.parametrize("site", SITES, indirect=True)
every_live_site = pytest.mark.parametrize("site", LIVE, indirect=True)
every_deployed_site = pytest.mark.parametrize("site", list(BEHIND), indirect=True)


@every_site
def test_a_visitor_signs_up_out_and_in(site):
    ada = site.client()
    assert ada.get("/items/").url == f"https://{HOST}/accounts/login/?next=/items/"
    ada.sign_up(f"ada-{site.slug}")
    assert all(cookie.secure for cookie in ada.cookies)
    ada.sign_out()
    assert "Sign out" in ada.sign_in(f"ada-{site.slug}").text


@every_site
def test_a_form_accepts_a_file(site):
    ada = site.client().sign_up(f"ada-upload-{site.slug}")
    page = ada.get("/probe/upload/")
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
    data, headers = {"csrfmiddlewaretoken": token}, {"Referer": page.url}
    # The whole body is a little smaller, then a little larger, than REQUEST_MAX_SIZE.
    content = b"<script>" * ((10 * MEGABYTE - 1024) // 8)
    answer = ada.post(page.url, data=data, headers=headers, files={"file": ("map.html", content)})
    assert answer.status_code == 200, site.log
    assert answer.json()["size"] == len(content)
    if site.web_server:
        stored = ada.get(answer.json()["url"])
        assert stored.content == content
        assert stored.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert stored.headers["X-Content-Type-Options"] == "nosniff"
    too_large = ada.post(page.url, data=data, headers=headers, files={"file": ("map.html", content + b" " * 1024)})
    assert too_large.status_code == 413


@every_site
def test_the_api_accepts_a_token(site):
    site.client().sign_up(f"ada-token-{site.slug}")
    script = site.client()
    account = {"username": f"ada-token-{site.slug}", "password": "correct horse battery staple"}
    answer = script.post("/api/v1/token/", json=account)
    assert answer.status_code == 201, f"{answer.text}\n{site.log}"
    script.headers["Authorization"] = f"Token {answer.json()['token']}"
    made = script.post("/api/v1/items/", json={"name": "Compass"})
    assert made.status_code == 201, site.log
    assert script.get("/api/v1/items/").json()["results"] == [made.json()]


@every_site
def test_static_files_are_compressed_and_cached_for_ever(site):
    page = site.client().get("/accounts/login/").text
    (path,) = re.findall(r'href="(/static/style\.[0-9a-f]{12}\.css)"', page)
    head, _, body = site.curl("--include", path=path).replace("\r\n", "\n").partition("\n\n")
    assert re.search("^cache-control: .*max-age=31[0-9]{6,7}.*immutable$", head, re.MULTILINE | re.IGNORECASE), head
    assert re.search("^x-content-type-options: nosniff$", head, re.MULTILINE | re.IGNORECASE), head
    answer = site.client().get(path, headers={"Accept-Encoding": "gzip"}, stream=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.raw.read()).decode() == body
    plain = re.sub(r"\.[0-9a-f]{12}\.", ".", path)
    assert "immutable" not in site.client().get(plain).headers["Cache-Control"]


@every_site
def test_the_error_pages_are_those_of_the_project(site):
    missing = site.client().get("/nowhere/")
    assert (missing.status_code, "<title>Not found · My Project</title>" in missing.text) == (404, True), site.log
    failing = site.client().get("/probe/broken/")
    assert (failing.status_code, "<title>Something went wrong</title>" in failing.text) == (500, True)
    assert "broken on purpose" in site.log


@every_site
def test_http_redirects_to_https(site):
    answer = site.client().get(f"http://{HOST}/accounts/login/?next=/", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (301, f"https://{HOST}/accounts/login/?next=/")


@every_site
def test_a_foreign_host_is_refused(site):
    assert site.client().get("https://evil.example.com/").status_code == 400


@every_site
def test_a_client_cannot_fake_its_address(site):
    # Without TLS the client of these tests acts as the trusted proxy, so it sends no false headers.
    lies = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"} if "https" in site.ports else {}
    told = site.client().get("/probe/client/", headers=lies).json()
    assert told == {"address": "127.0.0.1", "secure": True}


@every_site
def test_http_2_works_over_tls(site):
    version = site.curl("--output", "/dev/null", "--write-out", "%{http_version}", path="/accounts/login/")
    assert version == ("2" if "https" in site.ports else "1.1")


@every_deployed_site
def test_old_ciphers_are_refused(site):
    for ciphers, accepted in ("ECDHE+AESGCM", True), ("ECDHE+CHACHA20", True), ("ECDHE+AES:!AESGCM:!AESCCM", False):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        refused = contextlib.nullcontext() if accepted else pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE")
        with socket.create_connection(("127.0.0.1", site.ports["https"]), timeout=LIMIT) as connection:
            with refused, context.wrap_socket(connection, server_hostname=HOST) as encrypted:
                assert encrypted.version() == "TLSv1.2"


@every_live_site
def test_a_page_receives_changes_through_its_socket(site):
    ada = site.client().sign_up(f"ada-socket-{site.slug}")
    with site.socket(ada) as connection:
        made = ada.api("POST", "/api/v1/items/", 201, name="Compass")
        assert json.loads(connection.recv(timeout=LIMIT)) == {"event": "saved", "id": made["id"]}


@every_live_site
def test_a_foreign_page_and_an_anonymous_user_get_no_socket(site):
    ada = site.client().sign_up(f"ada-foreign-{site.slug}")
    for client, origin in (ada, "https://evil.example.com"), (site.client(), None):
        with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
            with site.socket(client, origin):
                pass
        assert refusal.value.response.status_code == 403


@every_site
def test_a_browser_signs_up_and_adds_an_item(site, launch):
    if "https" in site.ports:
        url, place, options = site.url, f"{HOST}:443 127.0.0.1:{site.ports['https']}", {"ignore_https_errors": True}
    else:
        url, place = "http://localhost", f"localhost:80 127.0.0.1:{site.ports['http']}"
        options = {"extra_http_headers": {"X-Forwarded-Proto": "https"}}
    with launch(f"--host-resolver-rules=MAP {place}") as browser, browser.new_context(**options) as context:
        visitor = Visitor(context, url)
        page = visitor.sign_up(f"ada-browser-{site.slug}")
        page.get_by_role("link", name="Add an item").click()
        page.get_by_label("Name").fill("Compass")
        page.get_by_role("button", name="Save").click()
        expect(heading(page, "Compass")).to_be_visible()
        if site.name in LIVE:
            elsewhere = site.client()
            elsewhere.sign_in(f"ada-browser-{site.slug}")
            elsewhere.api("POST", "/api/v1/items/", 201, name="Sextant")
            expect(heading(page, "Sextant")).to_be_visible()
        assert visitor.problems == []


@contextlib.contextmanager
def asked(site, path):
    """Ask for a page all the time until the block ends; every answer must be 200."""
    answers, ended = [], threading.Event()

    def ask():
        while not ended.is_set():
            answers.append(site.curl("--output", "/dev/null", "--write-out", "%{http_code}", path=path))
            ended.wait(0.05)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        wait_until(lambda: answers, site)
        yield
        count = len(answers)
        wait_until(lambda: len(answers) > max(count + 4, 20), site)
    finally:
        ended.set()
        for asker in askers:
            asker.join()
    assert set(answers) == {"200"}, site.log


@pytest.mark.parametrize("site", [name for name in BEHIND if "Daphne" not in name], indirect=True)
def test_a_restart_loses_no_request(site):
    command = (
        f"touch {FOLDER}/current/my_project/wsgi.py" if "mod_wsgi" in site.name else "systemctl restart my_project"
    )
    with asked(site, "/accounts/login/"):
        site.debian.run(command)


@pytest.mark.parametrize("site", ["gunicorn, nginx", "mod_wsgi, Apache"], indirect=True)
def test_a_new_version_and_the_way_back_lose_no_request(site):
    deployed, client = site.deployed, site.client()
    style = deployed.project.path / "my_project" / "static" / "style.css"
    (old,) = re.findall(r'href="(/static/style\.[0-9a-f]{12}\.css)"', client.get("/accounts/login/").text)

    def shown():
        return client.get(re.findall(r'href="(/static/style[^"]*)"', client.get("/accounts/login/").text)[0]).text

    def go_back():
        return site.debian.run(f"{FOLDER}/current/deploy/release.sh --back")

    before = site.debian.run(f"readlink {FOLDER}/current")
    with asked(site, "/accounts/login/"):
        # The second site of the machine returns to the version of the first one, because an installation is slow.
        if "previous" in site.debian.run(f"ls {FOLDER}").split():
            told = go_back()
        else:
            style.write_text(style.read_text() + "/* new */\n")
            told = deployed.release("v-new")
        assert told.endswith(f"{site.debian.run(f'readlink {FOLDER}/current').strip()} runs.\n")
        assert "/* new */" in shown()
        # An open page still asks for the old file.
        assert client.get(old).status_code == 200
        assert go_back().endswith(f"{before.strip()} runs.\n")
        assert "/* new */" not in shown()


@pytest.mark.parametrize("site", ["gunicorn, nginx"], indirect=True)
def test_a_version_that_fails_is_not_started(site):
    deployed = site.deployed
    release, versions = f"{FOLDER}/current/deploy/release.sh", f"ls {FOLDER}/releases; readlink {FOLDER}/current"
    before = site.debian.run(versions)
    for words, told in {
        "": "release.sh: name one revision, such as v1.2 or origin/main, or --back.",
        "v0.0": "release.sh: the repository has no revision v0.0.",
    }.items():
        assert site.debian.run(f"{release} {words} || true").splitlines()[-1] == told
    urls = deployed.project.path / "my_project" / "urls.py"
    code = urls.read_text()
    urls.write_text(f"{code}\nimport nothing\n")
    with pytest.raises(AssertionError, match=r"No module named 'nothing'\nrelease.sh: v-broken was not started.\n"):
        deployed.release("v-broken")
    urls.write_text(code)
    assert site.debian.run(versions) == before
    assert site.client().get("/accounts/login/").status_code == 200


@pytest.mark.parametrize("site", ["gunicorn, nginx", "Uvicorn, nginx"], indirect=True)
def test_a_process_that_is_replaced_runs_the_version_of_the_others(site):
    link = f"{FOLDER}/current"
    version = site.debian.run(f"readlink {link}").strip()
    first, *others = site.debian.run(PIDS).split()
    site.debian.run(f"ln -sfn /nowhere {link}\nkill -9 {first}")
    try:
        wait_until(lambda: len(set(site.debian.run(PIDS).split()) - {first}) > len(others), site)
        (new,) = set(site.debian.run(PIDS).split()) - {first, *others}
        assert site.debian.run(f"readlink /proc/{new}/cwd").strip().endswith(f"{FOLDER}/{version}")
        for _ in range(20):
            assert site.client().get("/accounts/login/").status_code == 200
        assert f"{FOLDER}/{version}/.venv" in site.debian.run(f"cat /proc/{new}/maps")
    finally:
        site.debian.run(f"ln -sfn {version} {link}")


ISSUER = """
{
    admin off
    auto_https disable_redirects
    http_port 14001
    skip_install_trust
}
https://localhost:14000 {
    tls internal
    acme_server
}
"""


@pytest.fixture
def issuer(site):
    """An authority with ACME on the machine of a site, which certbot uses."""
    debian = site.debian
    debian.run(f"echo 127.0.0.1 {HOST} >> /etc/hosts\nmkdir -p /root/.config/letsencrypt")
    settings = "server = https://localhost:14000/acme/local/directory\nno-verify-ssl = true\n"
    debian.run(f"printf '{settings}' > /root/.config/letsencrypt/cli.ini\necho '{ISSUER}' > /root/Caddyfile")
    with (PROGRAMS / "caddy").open("rb") as file:
        subprocess.run(debian.inside("cp", "/dev/stdin", "/root/caddy"), stdin=file, check=True)
    debian.run(
        "chmod +x /root/caddy\nsystemd-run --unit issuer --setenv HOME=/root /root/caddy run --config /root/Caddyfile"
    )
    yield
    debian.run("systemctl stop issuer")


@pytest.mark.parametrize("site", ["Uvicorn, nginx", "mod_wsgi, Apache"], indirect=True)
def test_certbot_gets_a_certificate_and_renews_it(site, issuer):
    def served(certificates):
        return ssl.get_server_certificate(("127.0.0.1", 443)) in certificates

    def chain():
        return site.debian.run(f"cat /etc/letsencrypt/live/{HOST}/fullchain.pem")

    script = site.deployed.sections["The certificate"]
    if site.web_server == "Apache":
        script = script.replace("reload nginx", "reload apache2").replace("nginx/sites", "apache2/sites")
        script = script.replace("-available/my_project", "-available/my_project.conf")
    site.debian.run(script, DEBIAN_FRONTEND="noninteractive")
    first = chain()
    # For a moment, an old process can still answer with the earlier certificate.
    wait_until(lambda: served(first), site)
    site.debian.run("certbot renew --force-renewal --no-random-sleep-on-renew")
    second = chain()
    assert second != first
    wait_until(lambda: served(second), site)
    assert "certbot.timer" in site.debian.run("systemctl list-timers --no-pager")


@pytest.mark.parametrize("site", ["gunicorn, nginx"], indirect=True)
def test_a_back_up_is_made_each_night_and_its_drill_passes(site):
    debian, commands = site.debian, {}
    page = (site.deployed.project.path / "docs" / "backups.md").read_text()
    for section in page.split("\n## ")[1:]:
        title, *lines = section.splitlines()
        # The commands for Docker come last.
        before, _, _ = "\n".join(line for line in lines if line.startswith("    ")).partition("    docker")
        commands[title] = before.replace("    install --directory --mode 700 --owner 1000 backups\n", "")
    assert "my_project-backup.timer" in debian.run("systemctl list-timers --no-pager")
    time = debian.run(commands["Make a back-up"]).strip()
    assert debian.run(commands["The drill"].replace("TIME", time)).splitlines() == [
        f"Restored /var/backups/my_project/{time}: database media. Next, run manage.py migrate and manage.py check."
    ]
    refused = debian.run(commands["Restore"].replace("TIME", time), check=False)
    assert "The database has tables already: create an empty one, and set DATABASE_URL to it." in refused


@pytest.mark.parametrize("site", ["gunicorn, nginx"], indirect=True)
def test_the_first_admin_signs_in(site):
    answers = {"Username": "admin", "Email address": "admin@example.com", "Password:": PASSWORD}
    site.debian.answer(site.deployed.sections["The first admin"], {**answers, "Password (again):": PASSWORD})
    admin = site.client()
    admin.sign_in("admin")
    assert admin.get("/admin/").status_code == 200


@every_deployed_site
def test_pages_are_compressed(site):
    answer = site.client().get("/accounts/login/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert 'id="id_login"' in answer.text


@pytest.mark.parametrize("site", ["Uvicorn, nginx"], indirect=True)
def test_a_worker_writes_an_export_that_the_server_sends_and_deletes(site):
    ada = site.client().sign_up("ada-export")
    path = f"/api/v1/exports/{ada.api('POST', '/api/v1/exports/', 201)['id']}/"
    wait_until(lambda: ada.api("GET", path)["state"] == "done", site)
    assert ada.get(f"{path}file/").text.startswith("\ufeffname,")
    ada.api("DELETE", path, 204)
    assert site.debian.run(f"ls {FOLDER}/private/exports") == ""
    site.debian.run("systemctl restart my_project-beat my_project-worker")
    log = site.debian.run("journalctl --no-pager --output cat --unit my_project-worker --unit my_project-beat")
    assert re.search("Task exports.tasks.write_export.* succeeded", log)
    assert "beat: Starting..." in log


@pytest.mark.parametrize("site", [name for name in BEHIND if "WSGI" in BEHIND[name]], indirect=True)
def test_expired_rows_are_deleted_each_night(site):
    debian = site.debian
    assert "my_project-cleanup.timer" in debian.run("systemctl list-timers --no-pager")
    debian.run("systemctl start my_project-cleanup.service")
    log = debian.run("journalctl --no-pager --output cat --unit my_project-cleanup.service")
    counts = r"\d+ sessions, \d+ records of sessions, \d+ tokens, \d+ counts of sign-ins"
    assert re.search(rf"^Deleted {counts}\.$", log, re.MULTILINE), log


@every_deployed_site
def test_the_tools_of_debian_accept_the_deployment(site):
    debian = site.debian
    verify = "systemd-analyze verify /etc/systemd/system/my_project*.{service,socket,timer}"
    assert debian.run(f"shopt -s nullglob; {verify}") == ""
    for unit in debian.run("cd /etc/systemd/system; ls my_project*.service").split():
        told = debian.run(f"systemd-analyze security {unit} --no-pager")
        assert float(re.search(f"Overall exposure level for {unit}: ([0-9.]+)", told)[1]) < 2
    owner = "stat --format %U /proc/$(systemctl show --property MainPID --value my_project)"
    assert debian.run(owner) == "my_project\n"
    if "Daphne" not in site.name:
        processes = debian.run(WORKERS).splitlines()
        assert len([name for name in processes if "resource_tracker" not in name]) == os.cpu_count(), processes
    if site.web_server == "nginx":
        assert re.findall("warn|emerg", debian.run("nginx -t")) == []
    else:
        assert debian.run("apachectl configtest") == "Syntax OK\n"
