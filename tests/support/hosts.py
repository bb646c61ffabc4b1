"""A project on several Debian machines, set up with the commands of deploy/HOSTS.md and deploy/README.md."""

import contextlib
import re
import secrets
import shlex
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import quote

import requests

from tests.support.debian import running_debian
from tests.support.deployed import FOLDER, Repository, sections
from tests.support.load import Load
from tests.support.network import OUTSIDE, Network
from tests.support.production import wait_until
from tests.support.s3 import BUCKET, REGION, running_storage

ADDRESSES = {
    "nginx": "10.0.0.1",
    "application-1": "10.0.0.11",
    "application-2": "10.0.0.12",
    "database": "10.0.0.21",
    "redis": "10.0.0.22",
    "worker": "10.0.0.31",
}
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial")]
    operations = [
        migrations.AddField("item", "color", models.CharField(blank=True, db_default="", max_length=20)),
    ]
"""
APPLICATIONS = ["application-1", "application-2"]


class Hosts:
    """The machines. `told` is name -> output of its first version, `ports` lead to the machines of the application."""

    def __init__(self, project, mail, bucket, stack):
        self.repository = Repository(project)
        self.network = stack.enter_context(Network())
        self.ports = {}
        for name in APPLICATIONS:
            self.ports[name] = stack.enter_context(self.network.forwarded(ADDRESSES[name], 8000))
        self.https = stack.enter_context(self.network.forwarded(ADDRESSES["nginx"], 443))
        self.pages = {**sections(project), **sections(project, "HOSTS.md")}
        self.more = {"EMAIL_URL": mail, "MEDIA_BUCKET_URL": bucket}
        page = (project.path / "deploy" / "HOSTS.md").read_text()
        wanted = re.findall(r"^    openssl rand -hex (\d+) +# (\w+)$", page, re.MULTILINE)
        self.secrets = {name: secrets.token_hex(int(length)) for length, name in wanted}
        self.machines = {}
        celery = project.answers["background_tasks"] == "Celery"
        self.names = [name for name in ADDRESSES if celery or name != "worker"]
        # Workers come first: an old one would not know the new tasks.
        self.versioned = ["worker", *APPLICATIONS] if celery else APPLICATIONS
        for name in self.names:
            address = ADDRESSES[name]
            namespace = self.network.add(name, address)
            self.machines[name] = stack.enter_context(running_debian(name, namespace))
            self.repository.put_on(self.machines[name])
        with ThreadPoolExecutor() as pool:
            self.told = dict(zip(self.names, pool.map(self.set_up, self.names)))
        with ThreadPoolExecutor() as pool:
            self.told = dict(zip(self.versioned, pool.map(self.start, self.versioned)))
        if celery:
            self.do("worker", "Back-ups")
        else:
            self.do("application-1", "Cleaning up each night", "Back-ups")

    def do(self, name, *titles):
        """Run these sections on a machine, one after the other in one shell; return the output."""
        script = "\n".join([f"cd {FOLDER} || cd /", *(self.pages[title] for title in titles)])
        return self.machines[name].run(script, DEBIAN_FRONTEND="noninteractive", **self.secrets)

    def set_up(self, name):
        if name == "database":
            return self.do(name, "PostgreSQL")
        if name == "redis":
            return self.do(name, "Redis")
        if name == "nginx":
            return self.do(name, "nginx", "nginx in front of it")
        told = self.do(name, "The machine", "The project and its settings")
        lines = "\n".join(f"{name}={value}" for name, value in self.more.items())
        # The requests of the tests name this host.
        allowed = "sed -i 's/^ALLOWED_HOSTS=.*/&,127.0.0.1/' .env"
        return told + self.machines[name].run(f"cd {FOLDER}\n{allowed}\necho '{lines}' >> .env")

    def start(self, name):
        service = "The worker and the schedule" if name == "worker" else "The application as a service"
        return self.do(name, "The project", service)

    def manage(self, *words):
        """Run manage.py on a machine of the application; return its output."""
        command = f"cd {FOLDER}/current\n.venv/bin/python manage.py {shlex.join(words)}"
        return self.machines["application-1"].run(command)

    def log(self, name="application-1"):
        units = "--unit my_project --unit my_project-worker"
        return self.machines[name].run(f"journalctl --no-pager --lines 200 --output cat {units}")

    def add_a_field(self, tag):
        """Commit a new field of the items, and its migration."""
        folder = self.repository.project.path / "items"
        code = (folder / "models.py").read_text()
        line = "    name = models.CharField("
        assert line in code
        (folder / "models.py").write_text(
            code.replace(line, f'    color = models.CharField(max_length=20, blank=True, db_default="")\n{line}')
        )
        (folder / "migrations" / "0002_item_color.py").write_text(MIGRATION)
        self.repository.release(tag)

    def release(self, name, tag):
        """Start a new version on a machine; return the output."""
        self.repository.put_on(self.machines[name])
        return self.machines[name].run(f"cd {FOLDER}\ncurrent/deploy/release.sh {tag}")

    def ready(self, name):
        """Return the status and the text of /readyz of a machine, or None if there is no answer in 30 seconds."""
        with contextlib.suppress(requests.RequestException):
            answer = requests.get(f"http://127.0.0.1:{self.ports[name]}/readyz", timeout=30)
            return answer.status_code, answer.text
        return None

    def wait_until_all_are(self, *answer):
        """Wait until /readyz of each machine of the application gives this status and text."""
        for name in APPLICATIONS:
            wait_until(lambda name=name: self.ready(name) == answer, SimpleNamespace(log=self.log(name)))

    def check_a_new_version(self, users, rate, paths):
        """Start a version with a migration on one machine after the other under load; check that no request fails."""
        self.add_a_field("v1.2")
        with Load(self, users, rate, paths) as load:
            wait_until(lambda: len(load.answers) > 2 * rate, self)
            told = [self.release(name, "v1.2") for name in self.versioned]
        assert load.failures() == [], load.failures()
        assert [text.count("Applying items.0002_item_color... OK") for text in told] == [1] + [0] * (len(told) - 1)
        code = "from items.models import Item; print(Item.objects.exclude(color='').count())"
        assert self.manage("shell", "-c", code).endswith("0\n")
        return load

    def check_a_machine_is_cut_off(self, users, rate, paths):
        """Cut a machine of the application off under load; check that only requests before that fail."""
        with Load(self, users, rate, paths) as load:
            wait_until(lambda: len(load.answers) > 2 * rate, self)
            self.network.cut("application-1")
            cut = time.monotonic()
            wait_until(lambda: len([answer for answer in load.answers if answer.asked > cut]) > 10 * rate, self)
            # The other machine must answer all of them before this one is back.
            now = time.monotonic()
            wait_until(lambda: not any(cut < asked < now for asked in list(load.waiting.values())), self)
            self.network.join("application-1")
            self.wait_until_all_are(200, "ok")
        later = [answer for answer in load.failures() if answer.asked > cut]
        assert later == [], later
        return load


@contextlib.contextmanager
def running_hosts(project, mail, folder):
    """Set a copy of this project up on machines of its own; yield the Hosts."""
    project = project.copy(folder)
    project.venv.unlink()
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(running_storage())
        account = f"{storage.key}:{quote(storage.secret, safe='')}"
        address = storage.address.replace("127.0.0.1", OUTSIDE)
        bucket = f"s3+http://{account}@{address}/{BUCKET}?region_name={REGION}"
        yield Hosts(project, mail.url.replace("127.0.0.1", OUTSIDE), bucket, stack)
