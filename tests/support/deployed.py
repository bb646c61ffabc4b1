"""A project on a bare Debian machine, deployed with the commands of its deploy/README.md."""

import contextlib
import re
import shlex

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


def sections(project):
    """Return title -> commands of the sections of deploy/README.md."""
    text = (project.path / "deploy" / "README.md").read_text()
    found = {}
    for section in re.split("^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        commands = [line[4:] for line in body.splitlines() if line.startswith("    ")]
        if commands:
            found[title] = "\n".join(commands)
    return found


class Deployed:
    """A project on a Debian machine, deployed as its README says but without a web server yet."""

    def __init__(self, debian, project, mail):
        self.debian = debian
        self.mail = mail
        self.sections = sections(project)
        self.in_front = set()
        debian.copy(project.path, FOLDER)
        for title in list(self.sections):
            if "nginx" not in title and "Apache" not in title:
                self.do(title)

    def do(self, title):
        script = f"cd {FOLDER} || cd /\n{self.sections[title]}"
        if "settings" in title:
            script += f"\necho EMAIL_URL={self.mail} >> .env"
        self.debian.run(script, DEBIAN_FRONTEND="noninteractive")

    def manage(self, *words):
        """Run manage.py; return its output."""
        return self.debian.run(f"cd {FOLDER}\n.venv/bin/python manage.py {shlex.join(words)}")

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
        drop_in = "/etc/systemd/system/my_project.service.d"
        place = {"nginx": "unix:/run/my_project.sock", "Apache": "unix:/run/my_project.sock|http://localhost/"}[
            web_server
        ]
        port = {"nginx": "127.0.0.1:8000", "Apache": "http://127.0.0.1:8000/"}[web_server]
        file = {"nginx": "nginx/sites-available/my_project", "Apache": "apache2/sites-available/my_project.conf"}
        if server == "Daphne":
            start = f"ExecStart=\nExecStart={FOLDER}/.venv/bin/daphne my_project.asgi:application"
            self.debian.run(f"mkdir -p {drop_in}\nprintf '[Service]\n{start}\n' > {drop_in}/server.conf")
            place, port = port, place
        else:
            self.debian.run(f"rm -rf {drop_in}")
        self.debian.run(f"sed -i 's#{port}#{place}#' /etc/{file[web_server]}")
        self.debian.run(f"systemctl daemon-reload\nsystemctl restart my_project\nsystemctl reload {UNITS[web_server]}")
        self.debian.run(WAIT)

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
