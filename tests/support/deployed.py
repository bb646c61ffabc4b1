"""A project on a bare Debian machine, deployed with the commands of its deploy/README.md."""

import contextlib
import re
import shlex
import tempfile

from tests.support.changes import git
from tests.support.debian import running_debian

HOST = "www.example.com"
DEBIANS_PYTHON = "3.11"
FOLDER = "/srv/my_project"
UNITS = {"nginx": "nginx", "Apache": "apache2"}

# Debian's machine has no curl.
WAIT = """
timeout 60 sh -c 'until python3 -c "
import ssl, urllib.request
context = ssl._create_unverified_context()
urllib.request.urlopen(\\"https://127.0.0.1/livez\\", context=context, timeout=10)
" 2>/dev/null; do sleep 0.2; done'
"""


# For the repository of the page, a machine takes this folder.
GIT = """
[url "file:///root/git/"]
insteadOf = https://git.example.com/
[safe]
directory = *
"""
# Who follows the page runs these later.
LATER = ("nginx", "Apache", "certificate", "admin", "new version")


def sections(project, page="README.md"):
    """Return title -> commands of the sections of a page in deploy/."""
    text = (project.path / "deploy" / page).read_text()
    found = {}
    for section in re.split("^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        commands = [line[4:] for line in body.splitlines() if line.startswith("    ")]
        if commands:
            found[title] = "\n".join(commands)
    return found


def daphne(project):
    """Return the lines that the page has for Daphne: of the service, and of the socket."""
    text = (project.path / "deploy" / "README.md").read_text()
    return re.search("`(ExecStart=.*daphne.*)`", text)[1], re.search("`(ListenStream=[^`]+)`", text)[1]


class Repository:
    """The git repository of a project."""

    def __init__(self, project):
        self.project = project
        if not (project.path / ".git").exists():
            git(project.path, "init", "--quiet", "--initial-branch=main")
        self.release("v1.0")

    def release(self, tag):
        """Commit all changes, and give the commit a tag."""
        git(self.project.path, "add", "--all")
        git(self.project.path, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", tag)
        git(self.project.path, "tag", tag)

    def put_on(self, debian):
        """Make the commits known to a machine."""
        with tempfile.TemporaryDirectory() as folder:
            git(self.project.path, "clone", "--quiet", "--bare", ".", folder)
            debian.copy(folder, f"/root/git/{self.project.path.name}.git")
        debian.run(f"echo '{GIT}' > /etc/gitconfig")


class Deployed:
    """A project on a Debian machine, deployed as its README says but without a web server yet."""

    def __init__(self, debian, project, mail):
        self.debian = debian
        self.project = project
        self.mail = mail
        self.sections = sections(project)
        self.repository = Repository(project)
        self.repository.put_on(debian)
        self.in_front = set()
        for title in list(self.sections):
            if not any(word in title for word in LATER):
                self.do(title)

    def do(self, title):
        script = f"cd {FOLDER} || cd /\n{self.sections[title]}"
        if "settings" in title:
            script += f"\necho EMAIL_URL={self.mail} >> .env"
        return self.debian.run(script, DEBIAN_FRONTEND="noninteractive")

    def release(self, tag):
        """Start a new version as the README says; return the output."""
        self.repository.release(tag)
        self.repository.put_on(self.debian)
        return self.debian.run(f"cd /\n{self.sections['A new version'].replace('v1.2', tag)}")

    def manage(self, *words):
        """Run manage.py; return its output."""
        return self.debian.run(f"cd {FOLDER}/current\n.venv/bin/python manage.py {shlex.join(words)}")

    def put_in_front(self, web_server):
        """Start nginx or Apache as the README says, and stop the other one."""
        for other in self.in_front - {web_server}:
            self.debian.run(f"systemctl stop {UNITS[other]}")
        if web_server in self.in_front:
            self.debian.run(f"systemctl start {UNITS[web_server]}")
        else:
            (title,) = (title for title in self.sections if web_server in title)
            self.do(title)
            self.in_front.add(web_server)

    def serve_with(self, server, web_server):
        """Switch to Daphne or Uvicorn, and point the web server to it."""
        file = {"nginx": "nginx/sites-available/my_project", "Apache": "apache2/sites-available/my_project.conf"}
        place = {"nginx": "unix:/run/my_project.sock", "Apache": "unix:/run/my_project.sock|http://localhost/"}
        port = {"nginx": "127.0.0.1:8000", "Apache": "http://127.0.0.1:8000/"}
        old, new = port[web_server], place[web_server]
        units = "/etc/systemd/system/my_project"
        script = [f"rm -rf {units}.service.d {units}.socket.d"]
        if server == "Daphne":
            old, new = new, old
            service, socket = daphne(self.project)
            script += [f"mkdir {units}.service.d {units}.socket.d"]
            script += [f"printf '[Service]\nExecStart=\n{service}\n' > {units}.service.d/daphne.conf"]
            script += [f"printf '[Socket]\nListenStream=\n{socket}\n' > {units}.socket.d/daphne.conf"]
        script += [f"sed -i 's#{old}#{new}#' /etc/{file[web_server]}", f"systemctl reload {UNITS[web_server]}"]
        script += ["systemctl daemon-reload", "systemctl stop my_project.service"]
        script += ["systemctl restart my_project.socket", "systemctl start my_project.service", WAIT]
        self.debian.run("\n".join(script))

    def log(self):
        logs = "cat /var/log/apache2/error.log /var/log/nginx/error.log"
        return self.debian.run(f"journalctl --no-pager --output cat --unit my_project; {logs}", check=False)


@contextlib.contextmanager
def deployed_on_debian(project, mail="smtp://localhost"):
    """Yield the Deployed of a copy of an installed project; the machine gets only the files that are in git."""
    project.venv.unlink()
    for name in (".env", "db.sqlite3", "setup.log"):
        (project.path / name).unlink()
    with running_debian() as debian:
        yield Deployed(debian, project, mail)
