"""A bare Debian machine with a running systemd, in namespaces of this machine; they share the network."""

import contextlib
import os
import pty
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from filelock import FileLock

from template_code.questions import ROOT
from tests.support.machine import kept_environment, program

RELEASE = "bookworm"
BASE = ROOT / ".cache" / f"debian-{RELEASE}"
START = """
set -e
mount -t tmpfs none {folder}
mkdir {folder}/upper {folder}/work {folder}/root
mount -t overlay overlay -o lowerdir={base},upperdir={folder}/upper,workdir={folder}/work {folder}/root
cd {folder}/root
mount -t proc proc proc
mount --rbind /dev dev
# When a service stops, systemd deletes what its user left here, also that of another machine's user.
mount -t tmpfs none dev/shm
mount --rbind /sys sys
# This unit asks for a user namespace, which cannot be created in here.
mkdir -p etc/systemd/system/redis-server.service.d
printf '[Service]\nPrivateUsers=no\n' > etc/systemd/system/redis-server.service.d/tests.conf
for unit in {masked}; do ln -s /dev/null etc/systemd/system/$unit.service; done
mount -t tmpfs none run
mount -t tmpfs none tmp
mkdir -p {cache} root/.cache/pip
mount --bind {cache} root/.cache/pip
echo {name} > etc/hostname
# An update of Debian's certificates keeps these.
cp etc/ssl/certs/ca-certificates.crt usr/local/share/ca-certificates/tests.crt
exec chroot . env -i container=tests PATH={path} /lib/systemd/systemd --log-target=null --show-status=0
"""
# All machines share it with this one. Otherwise each would download all packages.
CACHE = Path.home() / ".cache" / "pip"
# The ports of nginx and Apache, PostgreSQL, Redis and Daphne.
PORTS = [80, 443, 5432, 6379, 8000]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# These units configure the kernel and its terminals, which belong to this machine too.
MASKED = "systemd-binfmt systemd-modules-load systemd-sysctl systemd-tmpfiles-setup-dev console-getty getty@tty1"


def base():
    """Install a bare Debian into a folder, unless an earlier run did; return the folder."""
    BASE.parent.mkdir(exist_ok=True)
    with FileLock(f"{BASE}.lock"):
        if not BASE.exists():
            install_base(BASE.with_suffix(".new"))
    return BASE


def install_base(new):
    """Install a bare Debian into this folder, and make it the base."""
    # debootstrap mounts these, and a run that was killed leaves them mounted.
    for name in "proc", "sys":
        subprocess.run(["umount", "--recursive", "--quiet", new / name])
    shutil.rmtree(new, ignore_errors=True)
    packages = "ca-certificates,dbus,systemd,systemd-sysv"
    debootstrap = program("debootstrap")
    command = [debootstrap, "--variant=minbase", f"--include={packages}", RELEASE, new, *mirror()]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    # This machine's settings for downloading packages.
    for path in "/etc/ssl/certs/ca-certificates.crt", "/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf":
        if Path(path).exists():
            shutil.copy(path, f"{new}{path}")
    for path in Path("/etc/apt").glob("sources.list.d/debian*.sources"):
        (new / "etc/apt/sources.list").unlink(missing_ok=True)
        shutil.copy(path, f"{new}{path}")
    new.rename(BASE)


def mirror():
    """Return a list with the address of this machine's Debian mirror, empty if it is not found."""
    for path in Path("/etc/apt/sources.list.d").glob("debian*.sources"):
        for line in path.read_text().splitlines():
            if line.startswith("URIs:"):
                return line.split()[1:2]
    return []


class Debian:
    """A booted machine; `root` is its folder, which only its own processes see."""

    def __init__(self, process, root):
        self.process = process
        self.root = root
        # pip compiles here: the services may not write next to the packages, so each start would compile them again.
        self.environment = {**kept_environment(), "HOME": "/root", "PATH": PATH}

    def inside(self, *command):
        """Return the command line that runs a command as root on the machine."""
        # The only child of `unshare` is the machine's init.
        (init,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        namespaces = ["--mount", "--net", "--pid", "--uts"]
        return ["nsenter", "--target", init, *namespaces, "chroot", str(self.root), *command]

    def is_running(self):
        """Return whether systemd has started all units."""
        try:
            return self.run("systemctl is-system-running", check=False) == "running\n"
        # init has not started yet.
        except ValueError:
            return False

    def run(self, script, check=True, **environment):
        """Run a shell script; return its output."""
        done = subprocess.run(
            self.inside("bash", "-euo", "pipefail", "-c", script),
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=600,
        )
        assert not check or done.returncode == 0, f"{script}\nexited {done.returncode}\n{done.stdout}"
        return done.stdout

    def answer(self, script, answers):
        """Run a shell script in a terminal, and type each answer after its prompt; return all that is shown."""
        ours, theirs = pty.openpty()
        command = ["setsid", "--ctty", *self.inside("bash", "-euo", "pipefail", "-c", script)]
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        process = subprocess.Popen(command, env={**self.environment, "TERM": "xterm"}, **streams)
        os.close(theirs)
        shown, left = "", list(answers.items())
        # Linux reports the end of a terminal's output as an error.
        with contextlib.suppress(OSError):
            while data := os.read(ours, 4096):
                shown += data.decode(errors="replace")
                if left and left[0][0] in shown:
                    os.write(ours, f"{left.pop(0)[1]}\n".encode())
        os.close(ours)
        assert process.wait(60) == 0, f"{script}\n{shown}"
        return shown

    def copy(self, folder, target):
        """Copy the files of a folder to the machine."""
        packed = subprocess.run(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE, check=True).stdout
        place = f"mkdir -p {target} && tar -C {target} --no-same-owner -x"
        subprocess.run(self.inside("sh", "-c", place), input=packed, check=True)


def is_taken(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running_debian(name="debian", network=None):
    """
    Boot a bare Debian; all changes to it are discarded at the end.

    Without the name of a network namespace, it shares the network of this machine.
    """
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("a machine with systemd needs Linux, root, and permission to mount file systems")
    limit = time.monotonic() + 30
    # The previous machine may still be shutting down.
    while taken := [port for port in PORTS if not network and is_taken(port)]:
        if time.monotonic() > limit:
            pytest.fail(f"the machine needs port {taken[0]}: stop the program that uses it", pytrace=False)
        time.sleep(0.2)
    with tempfile.TemporaryDirectory(prefix="debian-") as folder:
        script = START.format(folder=folder, base=base(), path=PATH, masked=MASKED, name=name, cache=CACHE)
        # The machine ends too if these tests are killed.
        command = ["setpriv", "--pdeathsig", "KILL"]
        command += ["nsenter", f"--net=/run/netns/{network}"] if network else []
        command += ["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "sh", "-c", script]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        machine = Debian(process, Path(folder) / "root")
        try:
            limit = time.monotonic() + 60
            while not machine.is_running():
                assert time.monotonic() < limit, machine.run("systemctl --failed; systemctl list-jobs", check=False)
                time.sleep(0.2)
            yield machine
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
