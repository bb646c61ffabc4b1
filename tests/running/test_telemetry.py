"""Metrics and traces: a collector receives them, and a real Prometheus answers the queries of the page."""

import contextlib
import re
import subprocess
import tempfile
from pathlib import Path

import pytest
import requests

from template_code.names import problem_with_name
from template_code.questions import ROOT
from tests.support.client import Client
from tests.support.machine import RUNNING_PYTHON, free_port, program
from tests.support.packages import environment_of
from tests.support.peers import running_peer
from tests.support.production import wait_until

pytestmark = pytest.mark.matrix

# So that everything is sent and read at once.
QUICK = {"OTEL_METRIC_EXPORT_INTERVAL": 500, "OTEL_BSP_SCHEDULE_DELAY": 200}
PROMETHEUS = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs: [{{job_name: collector, honor_labels: true, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""
COUNT = 'http_server_request_duration_seconds_count{http_route="accounts/login/",http_request_method="GET"}'
RESET = "accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"
VIEW = """

def fail(request):
    raise LookupError("secret")


urlpatterns.append(path("fail/", fail))
"""
TASKS = """
from celery import shared_task
from items.models import Item


@shared_task
def measured(fails):
    assert not Item.objects.filter(name="secret").exists()
    if fails:
        raise LookupError("secret")
"""
VIEW_WITH_TASKS = """

def begin(request):
    from items.tasks import measured
    measured.delay(False)
    measured.delay(True)
    return page_not_found(request, None)


from django.views.defaults import page_not_found
urlpatterns.append(path("begin/", begin))
"""


# Few projects, because each has to be generated. The second one is that of many other tests.
ANSWERS = {"ASGI": {"background_tasks": "Celery"}, "WSGI": {}}


def environment(interface):
    """Return a virtual environment that has the packages of telemetry too."""
    answers = {"interface": interface, "python_version": RUNNING_PYTHON, **ANSWERS[interface]}
    return environment_of(answers, "telemetry")


@pytest.fixture(scope="module")
def equip(deploy):
    """Give a new Deployment that has the packages: `equip("WSGI", LOG_FORMAT="json")`."""

    def equip(interface, **settings):
        deployment = deploy(interface, answers=ANSWERS[interface], **settings)
        deployment.project.venv.unlink()
        deployment.project.venv.symlink_to(environment(interface), target_is_directory=True)
        return deployment

    return equip


@contextlib.contextmanager
def running(deployment, *command):
    """Run a program that stops at SIGTERM."""
    project = deployment.project
    environment = project.environment(**deployment.environment)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(project.words(command), cwd=project.path, env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


class Watched:
    """A server whose collector is read by Prometheus."""

    def __init__(self, deployment, server, collector, prometheus):
        self.deployment, self.server = deployment, server
        self.collector, self.prometheus = collector, prometheus
        page = (deployment.project.path / "docs" / "monitoring.md").read_text()
        blocks = re.findall(r"^### (.+)\n\n((?:    .+\n)+)", page, re.MULTILINE)
        self.queries = {title: " ".join(block.split()) for title, block in blocks}
        self.asked = 0

    def spans(self):
        return requests.get(f"{self.collector}/spans", timeout=10).json()

    def ask(self, query):
        """Return the highest number that Prometheus answers, or None."""
        answer = requests.get(f"{self.prometheus}/api/v1/query", {"query": query}, timeout=10).json()
        assert answer["status"] == "success", answer
        return max((float(each["value"][1]) for each in answer["data"]["result"]), default=None)

    def use(self):
        """Send requests of each kind."""
        self.asked += 1
        visitor = Client(self.server, https=True)
        for path in "/accounts/login/?secret", f"/unknown-{self.asked}/", "/fail/", "/api/v1/items/", "/begin/":
            visitor.get(path)
        visitor.get("/accounts/password/reset/key/1-secret/")
        visitor.request(f"FIND{self.asked}", "/accounts/login/")
        Client(self.server).get("/readyz")

    def wait_for(self, title):
        def answered():
            self.use()
            return (self.ask(self.queries[title]) or 0) > 0

        wait_until(answered, self.server)


@pytest.fixture(scope="module", params=ANSWERS)
def watched(request, equip, redis_port):
    port, own = free_port(), free_port()
    settings = {"REDIS_URL": f"redis://127.0.0.1:{redis_port}/0", "LOG_FORMAT": "json", "WEB_CONCURRENCY": 2, **QUICK}
    deployment = equip(request.param, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", **settings)
    project = deployment.project
    with (project.path / "my_project" / "urls.py").open("a") as urls:
        urls.write(VIEW + (VIEW_WITH_TASKS if ANSWERS[request.param] else ""))
    (project.path / "items" / "tasks.py").write_text(TASKS)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "prometheus.yml").write_text(PROMETHEUS.format(port=port))
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        command = program("prometheus"), *options, f"--web.listen-address=127.0.0.1:{own}"
        stack.enter_context(running(deployment, "python", ROOT / "tests" / "support" / "collector.py", port))
        stack.enter_context(running(deployment, *command))
        server = stack.enter_context(deployment.serve())
        watched = Watched(deployment, server, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{own}")
        wait_until(lambda: is_up(f"{watched.prometheus}/-/ready") and is_up(f"{watched.collector}/metrics"), server)
        if ANSWERS[request.param]:
            celery = "celery", "--app", "my_project"
            stack.enter_context(running(deployment, *celery, "beat"))
            # No worker is there yet.
            watched.wait_for("5. Tasks that wait")
            stack.enter_context(running(deployment, *celery, "worker", "--concurrency", "2"))
        yield watched


def is_up(url):
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(url, timeout=10).status_code == 200


def test_prometheus_answers_each_query_of_the_page(watched):
    assert [title[:3] for title in watched.queries] == [f"{number}. " for number in range(1, 7)]
    for title in watched.queries:
        # The tasks have been done since.
        if title != "5. Tasks that wait":
            watched.wait_for(title)
    assert 0 < watched.ask(watched.queries["2. Share of requests that failed"]) < 1


def test_each_process_and_route_is_one_series(watched):
    def both_have_answered():
        watched.use()
        return watched.ask(f"count(count by (instance) ({COUNT}))") == 2

    wait_until(both_have_answered, watched.server)
    lines = requests.get(f"{watched.collector}/metrics", timeout=10).text
    assert f'http_route="{RESET}"' in lines
    assert watched.asked > 1
    assert not re.search("unknown-|FIND|readyz|secret", lines)
    assert 'job="my_project"' in lines


def test_a_trace_has_the_queries_and_tasks_of_its_request_and_no_secret(watched):
    wanted = {f"GET {RESET}": "SELECT"}
    if watched.deployment.project.answers["background_tasks"] == "Celery":
        wanted.update({"GET begin/": "items.tasks.measured", "items.tasks.measured": "SELECT"})

    def found():
        watched.use()
        spans = watched.spans()
        names = {span["id"]: span["name"] for span in spans}
        return wanted.items() <= {(names.get(span["parent"]), span["name"]) for span in spans}

    wait_until(found, watched.server)
    sent = watched.spans()
    assert "secret" not in str(sent)
    assert not [span for span in sent if "readyz" in str(span)]
    assert {span["trace"] for span in sent} & set(re.findall('"trace_id": "(.+?)"', watched.server.log))


def test_without_the_variable_nothing_is_imported(equip):
    # redis-py imports other parts of OpenTelemetry if they are installed.
    modules = {"django", "my_project.telemetry", "opentelemetry.exporter"}
    command = f"import sys, my_project.asgi; print('loaded:', set(sys.modules) & {modules})"
    assert "loaded: {'django'}" in equip("ASGI").run("shell", "-c", command).stdout


def test_without_the_packages_one_sentence_names_the_command(deploy):
    deployment = deploy("WSGI", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    command = deployment.project.answers["__serve"].split()
    done = deployment.project.call(*command, env=deployment.environment, check=False, timeout=60)
    assert done.returncode
    command = 'pipenv install --deploy --categories "packages telemetry"'
    assert done.stderr == f"OTEL_EXPORTER_OTLP_ENDPOINT needs packages that are not installed: run {command}.\n"


def test_no_request_waits_for_a_silent_collector(equip):
    with running_peer() as peer:
        # Longer than the client of these tests waits.
        settings = {"OTEL_EXPORTER_OTLP_TIMEOUT": 120, **QUICK}
        deployment = equip("ASGI", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{peer.port}", **settings)
        with deployment.serve() as server:
            for _ in range(8):
                assert Client(server, https=True).get("/accounts/login/").status_code == 200
            wait_until(lambda: peer.accepted >= 2, server)
            assert Client(server, https=True).get("/accounts/login/").status_code == 200
            assert "opentelemetry" not in server.log


def test_a_collector_that_refuses_is_logged_once_for_each_interval(equip):
    settings = {"OTEL_EXPORTER_OTLP_TIMEOUT": 1, **QUICK}
    deployment = equip("WSGI", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}", **settings)
    with deployment.serve() as server:
        assert Client(server, https=True).get("/accounts/login/").status_code == 200
        before = server.log.count("Failed to export metrics batch")
        # Meanwhile, the trace of the request could not be sent either.
        wait_until(lambda: server.log.count("Failed to export metrics batch") > before + 3, server)
        lines = [line for line in server.log.splitlines() if "opentelemetry" in line]
        assert [line for line in lines if "Failed to export metrics batch" not in line] == []


@pytest.mark.parametrize("interface", ANSWERS)
def test_its_own_tests_reach_every_line_and_send_nothing(equip, interface):
    with running_peer() as peer:
        project = equip(interface).project
        collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{peer.port}", **QUICK}
        environment = {"DEBUG": True, "SECRET_KEY": "test", **collector}
        options = "--rcfile=/dev/null", "--branch", "--include=*telemetry.py", "--omit=*/tests/*"
        tests = [path.stem for path in (project.path / "my_project" / "tests").glob("test_*telemetry.py")]
        command = "manage.py", "test", "users.tests.test_pages", *(f"my_project.tests.{name}" for name in tests)
        project.call("python", "-m", "coverage", "run", *options, *command, env=environment)
        project.call("python", "-m", "coverage", "report", "--rcfile=/dev/null", "--fail-under=100")
        assert peer.accepted == 0


def test_each_name_that_its_packages_install_is_refused():
    (folder,) = (environment("WSGI") / "lib").glob("python*/site-packages")
    names = {path.name.partition(".")[0] for path in folder.iterdir() if path.suffix in ("", ".py", ".so")}
    accepted = {name for name in names if re.fullmatch("[a-z][a-z0-9_]{0,39}", name) and not problem_with_name(name)}
    assert "opentelemetry" in names
    assert accepted == set()
