"""deploy/backup.sh and deploy/restore.sh: the drill while users upload files, and all that must be refused."""

import contextlib
import itertools
import os
import random
import re
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.client import Client
from tests.support.machine import free_port, program
from tests.support.production import Deployment, wait_until

pytestmark = pytest.mark.matrix

# All programs that the scripts may use. PostgreSQL's come from the server of the tests.
PROGRAMS = [
    "basename",
    "cat",
    "cmp",
    "cut",
    "date",
    "dirname",
    "du",
    "find",
    "grep",
    "head",
    "ls",
    "mkdir",
    "mv",
    "openssl",
    "rm",
]
PROGRAMS += ["sed", "sha256sum", "sort", "sync", "tar", "test", "tr", "uniq"]
POSTGRES = ["pg_dump", "pg_restore", "psql"]
LOGS = '#!/bin/sh\nprintf "%s\\n" "${{0##*/}} $*" >>{log}\nexec {program} "$@"\n'
# Each call is a second later.
CLOCK = "#!/bin/sh\nprintf x >>{file}\nprintf '20260101T%06dZ\\n' $({wc} -c <{file})\n"
KILLS = "#!/bin/sh\nkill -s {signal} 0\n"
# Characters that a URL, a shell, sed or PostgreSQL treat in a way of their own.
PASSWORD = "p/w%41:\\n'\"$HOME?#@&|;* é"
TABLES = "SELECT count(*) FROM pg_stat_user_tables"
NAME = "[0-9]{8}T[0-9]{6}Z"
NIGHT = 24 * 60 * 60


class Scripts:
    """Runs the scripts of a project in a folder that may have uploads; `programs` is their PATH."""

    def __init__(self, project, programs, folder):
        self.project = project
        self.programs = programs
        self.folder = folder

    def start(self, name, *words, **environment):
        return subprocess.Popen(
            [self.project.path / "deploy" / name, *words],
            cwd=self.folder,
            env={"PATH": str(self.programs), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def run(self, *words, **environment):
        """Return the exit code and both outputs."""
        process = self.start(*words, **environment)
        out, error = process.communicate(timeout=120)
        return process.returncode, out, error

    def save(self, folder, **environment):
        """Make a back-up, and return its folder."""
        code, out, error = self.run("backup.sh", folder, **environment)
        # This is no failure.
        error = re.sub(r"^tar: .+: file changed as we read it\n", "", error, flags=re.MULTILINE)
        assert (code, error) == (0, "")
        return Path(re.fullmatch(rf"Saved (.+/{NAME}): \S+\.\n", out)[1])

    def restore(self, saved, **environment):
        code, out, error = self.run("restore.sh", saved, **environment)
        assert (code, error) == (0, "")
        return out

    def refusal(self, *words, **environment):
        """Return the last line that a script prints when it fails."""
        code, out, error = self.run(*words, **environment)
        assert (code, out) == (1, ""), error
        return error.splitlines()[-1]

    def elsewhere(self, folder):
        """Return the same scripts in another folder, which has no uploads."""
        folder.mkdir()
        return Scripts(self.project, self.programs, folder)


@pytest.fixture(scope="module")
def programs(postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    for name in PROGRAMS:
        (folder / name).symlink_to(program(name))
    for name in POSTGRES:
        (folder / name).symlink_to(postgres.bin_folder / name)
    clock = tmp_path_factory.mktemp("clock")
    return replaced(folder, clock / "programs", date=CLOCK.format(file=clock / "file", wc=program("wc")))


def replaced(programs, folder, **texts):
    """Copy the folder `programs`, and replace each program named in `texts` with that shell script; return it."""
    shutil.copytree(programs, folder, symlinks=True)
    for name, text in texts.items():
        (folder / name).unlink()
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def database(postgres):
    """The DATABASE_URL of a small database."""
    url = postgres.database()
    postgres.sql("CREATE TABLE items (id serial PRIMARY KEY, name text)", url)
    postgres.sql("INSERT INTO items (name) SELECT repeat('x', n) FROM generate_series(1, 1000) n", url)
    return url


@pytest.fixture
def scripts(rendered, programs, tmp_path):
    """The scripts in a folder with an upload; private/ is as in a fresh clone."""
    folder = tmp_path / "project"
    (folder / "media" / "notes").mkdir(parents=True)
    (folder / "media" / "notes" / "ä b.txt").write_text("north" * 1000)
    (folder / "private").mkdir()
    (folder / "private" / ".gitignore").write_text("*\n!.gitignore\n")
    return Scripts(rendered(background_tasks="Celery"), programs, folder)


@pytest.fixture(params=["plain", "encrypted"])
def key(request, tmp_path):
    """The variables of an encrypted back-up, and none for another."""
    (tmp_path / "key").write_text("correct horse\n")
    return {"BACKUP_KEY_FILE": str(tmp_path / "key")} if request.param == "encrypted" else {}


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def uploads(folder):
    return {
        name: text
        for name, text in files(folder).items()
        if name.parts[0] in ("media", "private") and name.name != ".gitignore"
    }


def back_ups(folder):
    """Return the names in a folder of back-ups; those that begin with a dot are not whole."""
    return sorted(path.name for path in folder.iterdir())


# The drill


class Load:
    """Uploads papers and makes exports until it is stopped; `papers` are those that the server has acknowledged."""

    def __init__(self, client, name):
        self.client = client
        self.name = name
        self.papers = {}
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        headers = {"Referer": f"{self.client.url}/", "X-CSRFToken": self.client.cookies["csrftoken"]}
        for number in itertools.count():
            if self.stopped.is_set():
                break
            text = f"{self.name} {number}\n" * 500
            data = {"title": f"{self.name} {number}"}
            upload = {"scan": ("scan.txt", text.encode())}
            answer = self.client.post("/api/v1/papers/", data=data, files=upload, headers=headers)
            assert answer.status_code == 201, answer.text
            self.papers[answer.json()["id"]] = text
            if number % 10 == 0:
                self.client.api("POST", "/api/v1/exports/", 201)


@contextlib.contextmanager
def loads(clients):
    """Yield the load of each client, which ends with the block."""
    running = [Load(client, f"paper-{number}") for number, client in enumerate(clients)]
    for load in running:
        load.thread.start()
    try:
        yield running
    finally:
        for load in running:
            load.stopped.set()
            load.thread.join()


def acknowledged(loads):
    return {pk: text for load in loads for pk, text in list(load.papers.items())}


def rows(postgres, url):
    """Return table -> its rows, as text."""
    names = postgres.sql("SELECT quote_ident(relname) FROM pg_stat_user_tables ORDER BY 1", url).split()
    return {name: sorted(postgres.sql(f"SELECT t::text FROM {name} t", url).splitlines()) for name in names}


@pytest.fixture(scope="module")
def site(deploy):
    """A deployment with an app that has uploads, and exports."""
    site = deploy("ASGI", answers={"background_tasks": "Celery"}).without_throttling()
    environment = {**site.environment, "DEBUG": "True"}
    site.project.run("startapp", "papers", "Paper", "title:str", "scan:file:txt", env=environment)
    site.run("migrate")
    return site


@pytest.fixture
def other_role(postgres):
    """A function that creates an empty database of a role with a difficult password; it returns its DATABASE_URL."""
    literal = PASSWORD.replace("'", "''")
    postgres.sql(f"CREATE ROLE other LOGIN PASSWORD '{literal}'")
    urls = []

    def create():
        url = postgres.database()
        postgres.sql(f"ALTER DATABASE {url.rpartition('/')[2]} OWNER TO other")
        urls.append(url.replace("postgres:secret@", f"other:{quote(PASSWORD, safe='')}@"))
        return urls[-1]

    yield create
    for url in urls:
        postgres.sql(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
    postgres.sql("DROP ROLE other")


def test_the_drill(site, postgres, programs, other_role, tmp_path, capsys):
    here = Scripts(site.project, programs, site.project.path)
    with site.serve() as server:
        clients = [Client(server, https=True).sign_up(f"ada-{number}") for number in range(2)]
        with loads(clients) as running:
            wait_until(lambda: len(acknowledged(running)) > 40, server)
            before = acknowledged(running)
            began = time.monotonic()
            during = here.save(tmp_path / "backups", DATABASE_URL=site.database)
            took = time.monotonic() - began
            assert len(acknowledged(running)) > len(before), "no file was uploaded during the back-up"
    # What runs while the site is stopped is equal to it in all.
    (tmp_path / "url").write_text(f"{site.database}\n")
    after = here.save(tmp_path / "backups", DATABASE_URL_FILE=str(tmp_path / "url"), DATABASE_URL="")
    copy = here.elsewhere(tmp_path / "equal")
    url = other_role()
    copy.restore(after, DATABASE_URL=url)
    assert rows(postgres, url) == rows(postgres, site.database)
    assert uploads(copy.folder) == uploads(site.project.path)

    # A back-up of the busy site.
    url = other_role()
    restored = Deployment(site.project, tmp_path / "restored", url)
    for folder in "media", "private":
        shutil.rmtree(restored.project.path / folder)
    began = time.monotonic()
    told = Scripts(restored.project, programs, restored.project.path).restore(during, DATABASE_URL=url)
    back = time.monotonic() - began
    assert told == f"Restored {during}: database media private. Next, run manage.py migrate and manage.py check.\n"
    papers = dict(row.split("|") for row in postgres.sql("SELECT id, scan FROM papers_paper", url).splitlines())
    wanted = acknowledged(running)
    assert before.keys() <= set(map(int, papers)) <= wanted.keys()
    for pk, name in papers.items():
        assert (restored.project.path / "media" / name).read_text() == wanted[int(pk)]
    done = postgres.sql("SELECT id FROM exports_export WHERE state = 'done'", url).split()
    assert done
    assert {f"{pk}.csv" for pk in done} <= {path.name for path in (restored.project.path / "private").rglob("*.csv")}
    assert postgres.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", url) == "other"
    restored.run("migrate", "--check")
    restored.run("check", "--database", "default")
    with restored.serve() as server:
        client = Client(server, https=True)
        assert client.get("/readyz").status_code == 200
        assert "Sign out" in client.sign_in("ada-0").text
        assert client.api("POST", "/api/v1/items/", 201, name="Compass")["id"]
        headers = {"Referer": f"{client.url}/", "X-CSRFToken": client.cookies["csrftoken"]}
        upload = {"scan": ("scan.txt", b"new")}
        made = client.post("/api/v1/papers/", data={"title": "new"}, files=upload, headers=headers).json()
        assert made["id"] > max(map(int, papers))
    size = sum(map(len, files(during).values()))
    with capsys.disabled():
        print(f"\n{len(papers)} papers: saved in {took:.1f} s, restored in {back:.1f} s, {size / 1e6:.1f} MB")


# What a back-up is


def test_other_users_can_read_no_back_up(scripts, database, key, tmp_path):
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database, **key)
    suffix = ".enc" if key else ""
    names = {f"database.dump{suffix}", f"media.tar{suffix}", f"private.tar{suffix}", "SHA256SUMS"}
    assert set(map(str, files(saved))) == names | ({"SHA256SUMS.enc"} if key else set())
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "backups").rglob("*")} == {0}
    assert any(b"north" in text for text in files(saved).values()) is not bool(key)


def test_uploads_keep_their_modes_and_names(scripts, database, postgres, programs, key, tmp_path):
    (scripts.folder / "media" / "notes").chmod(0o755)
    (scripts.folder / "media" / "notes" / "ä b.txt").chmod(0o644)
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database, **key)
    target = scripts.elsewhere(tmp_path / "target")
    # Users other than root have this option, which -p overrides.
    tar = f'#!/bin/sh\nexec {(programs / "tar").resolve()} --no-same-permissions "$@"\n'
    target.programs = replaced(programs, tmp_path / "user", tar=tar)
    target.restore(saved, DATABASE_URL=postgres.database(), **key)
    assert uploads(target.folder) == uploads(scripts.folder)
    assert (target.folder / "media" / "notes").stat().st_mode & 0o777 == 0o755
    assert (target.folder / "media" / "notes" / "ä b.txt").stat().st_mode & 0o777 == 0o644


def test_the_uploads_of_all_saved_rows_are_saved(scripts, database, programs, tmp_path):
    upload = scripts.folder / "media" / "late.txt"
    text = f'#!/bin/sh\necho late >{upload}\nexec {(programs / "pg_dump").resolve()} "$@"\n'
    scripts.programs = replaced(programs, tmp_path / "programs", pg_dump=text)
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database)
    listed = subprocess.run(["tar", "-tf", saved / "media.tar"], capture_output=True, encoding="utf-8", check=True)
    assert "./late.txt" in listed.stdout.splitlines()


def test_an_upload_that_changes_meanwhile_is_no_failure(scripts, database, programs, tmp_path):
    tar = f'#!/bin/sh\n{(programs / "tar").resolve()} "$@"\nexit '
    scripts.programs = replaced(programs, tmp_path / "1", tar=f"{tar}1\n")
    scripts.save(tmp_path / "backups", DATABASE_URL=database)
    scripts.programs = replaced(programs, tmp_path / "2", tar=f"{tar}2\n")
    told = scripts.refusal("backup.sh", tmp_path / "backups", DATABASE_URL=database)
    assert told == "No back-up was made: saving media.tar failed."


def test_the_uploads_can_be_on_another_disk(scripts, database, postgres, tmp_path):
    (scripts.folder / "media").rename(tmp_path / "disk")
    (scripts.folder / "media").symlink_to(tmp_path / "disk")
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database)
    target = scripts.elsewhere(tmp_path / "target")
    (tmp_path / "new disk").mkdir()
    (target.folder / "media").symlink_to(tmp_path / "new disk")
    target.restore(saved, DATABASE_URL=postgres.database())
    assert files(tmp_path / "new disk") == files(tmp_path / "disk") != {}
    assert (target.folder / "media").is_symlink()


def test_no_argument_of_a_process_has_the_password_or_the_key(scripts, postgres, programs, key, other_role, tmp_path):
    log = tmp_path / "log"
    texts = {name: LOGS.format(log=log, program=(programs / name).resolve()) for name in PROGRAMS + POSTGRES}
    scripts.programs = replaced(programs, tmp_path / "logging", **texts)
    source = other_role()
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=source, **key)
    scripts.elsewhere(tmp_path / "target").restore(saved, DATABASE_URL=other_role(), **key)
    text = log.read_text()
    assert {line.split()[0] for line in text.splitlines()} >= {*POSTGRES, "sed", "tar", "sha256sum"}
    assert ("openssl enc -d " in text) is bool(key)
    for secret in PASSWORD, quote(PASSWORD, safe=""), "correct horse":
        assert secret not in text


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), min_size=1)
OPTIONS = {
    "": "",
    "?conn_max_age=60": "",
    "?sslmode=prefer": "?sslmode=prefer",
    "?conn_max_age=0&sslmode=prefer": "?sslmode=prefer",
    "?sslmode=prefer&conn_max_age=0": "?sslmode=prefer",
    "?host=/run&conn_max_age=0&port=1": "?host=/run&port=1",
}


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(password=TEXTS, options=st.sampled_from(list(OPTIONS)), scheme=st.sampled_from(["postgres", "postgresql"]))
def test_postgresql_gets_the_password_and_the_options_of_the_url(rendered, programs, password, options, scheme):
    with tempfile.TemporaryDirectory() as folder:
        text = '#!/bin/sh\nprintf %s "$PGPASSWORD" >password\nprintf "%s\\n" "$*" >arguments\n'
        fake = replaced(programs, Path(folder, "programs"), pg_dump=text)
        url = f"{scheme}://ada:{quote(password, safe='')}@[::1]:5432/name{options}"
        Scripts(rendered(), fake, Path(folder)).save("backups", DATABASE_URL=url)
        assert Path(folder, "password").read_bytes().decode() == password
        wanted = f"--format=custom --dbname={scheme}://ada@[::1]:5432/name{OPTIONS[options]}\n"
        assert Path(folder, "arguments").read_text() == wanted


# Refusals


def damaged(saved, generator):
    """Yield what is done to a back-up, the words that must be told, and a function that does it to a copy."""
    names = sorted(map(str, files(saved)))
    for name in names:
        size = (saved / name).stat().st_size

        def flip(path, place):
            text = bytearray(path.read_bytes())
            text[place] ^= 1 << generator.randrange(8)
            path.write_bytes(text)

        for place in {0, size - 1, *(generator.randrange(size) for _ in range(3))}:
            # A checksum that is damaged accuses its file.
            told = "" if name == "SHA256SUMS" else name
            yield f"{name}, byte {place}", told, lambda copy, n=name, p=place: flip(copy / n, p)
        for length in {0, size - 1, *(generator.randrange(size) for _ in range(2))}:
            told = "" if name == "SHA256SUMS" else name
            yield f"{name}, cut to {length}", told, lambda copy, n=name, s=length: os.truncate(copy / n, s)
        yield f"{name} is missing", name, lambda copy, n=name: (copy / n).unlink()
        other = generator.choice([other for other in names if other != name])
        yield f"{name} is {other}", name, lambda copy, n=name, o=other: shutil.copy(copy / o, copy / n)
    for name in "extra.tar", ".hidden", "folder/SHA256SUMS", "two words":
        yield f"{name} is added", name, lambda copy, n=name: add(copy / n)


def add(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("foreign")


def test_a_damaged_back_up_is_refused(scripts, database, postgres, key, tmp_path):
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database, **key)
    target, url = scripts.elsewhere(tmp_path / "target"), postgres.database()
    cases = 0
    for what, told, damage in damaged(saved, random.Random(1)):
        copy = tmp_path / "copy"
        shutil.copytree(saved, copy)
        damage(copy)
        line = target.refusal("restore.sh", copy, DATABASE_URL=url, **key)
        assert re.match(f"{copy} (is no back-up, or|cannot be) ", line), what
        assert told in line, what
        assert files(target.folder) == {}, what
        shutil.rmtree(copy)
        cases += 1
    assert postgres.sql(TABLES, url) == "0"
    assert cases > 40
    target.restore(saved, DATABASE_URL=url, **key)


def test_a_dump_that_pg_restore_cannot_read_is_refused(scripts, database, postgres, programs, tmp_path):
    scripts.programs = replaced(programs, tmp_path / "programs", pg_dump="#!/bin/sh\necho no dump\n")
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database)
    target, url = scripts.elsewhere(tmp_path / "target"), postgres.database()
    told = target.refusal("restore.sh", saved, DATABASE_URL=url)
    assert told == f"{saved} cannot be restored: pg_restore cannot read it."
    assert (files(target.folder), postgres.sql(TABLES, url)) == ({}, "0")


def test_a_wrong_key_and_no_key_are_told(scripts, database, postgres, tmp_path):
    keys = {name: tmp_path / name for name in ("right", "wrong", "empty", "none")}
    for name, text in {"right": "right\n", "wrong": "wrong\n", "empty": "\n"}.items():
        keys[name].write_text(text)
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database, BACKUP_KEY_FILE=str(keys["right"]))
    plain = scripts.save(tmp_path / "plain", DATABASE_URL=database)
    target, url = scripts.elsewhere(tmp_path / "target"), postgres.database()
    another = f"{saved} cannot be decrypted: BACKUP_KEY_FILE has another key, or SHA256SUMS.enc is damaged."
    no_key = "BACKUP_KEY_FILE must name a file whose first line is a key."
    for folder, name, told in [
        (saved, "wrong", another),
        (saved, "", f"{saved} is encrypted: set BACKUP_KEY_FILE to the file with its key."),
        (plain, "right", f"{plain} is not encrypted: unset BACKUP_KEY_FILE."),
        (saved, "empty", no_key),
        (saved, "none", no_key),
    ]:
        environment = {"BACKUP_KEY_FILE": str(keys[name])} if name else {}
        assert target.refusal("restore.sh", folder, DATABASE_URL=url, **environment) == told
    for name in "empty", "none":
        environment = {"BACKUP_KEY_FILE": str(keys[name])}
        assert scripts.refusal("backup.sh", tmp_path / "new", DATABASE_URL=database, **environment) == no_key
    assert (files(target.folder), postgres.sql(TABLES, url)) == ({}, "0")
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(scripts, database, postgres, tmp_path):
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database)
    target, url = scripts.elsewhere(tmp_path / "target"), postgres.database()
    told = target.refusal("restore.sh", saved, DATABASE_URL=database)
    assert told == "The database has tables already: create an empty one, and set DATABASE_URL to it."
    assert files(target.folder) == {}
    before = uploads(scripts.folder)
    told = scripts.refusal("restore.sh", saved, DATABASE_URL=url)
    assert told == "The folder media has files already: move them away, and create an empty folder."
    assert uploads(scripts.folder) == before
    assert postgres.sql(TABLES, url) == "0"


def test_a_restore_that_fails_leaves_nothing(scripts, database, postgres, programs, key, tmp_path):
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database, **key)
    target, url = scripts.elsewhere(tmp_path / "target"), postgres.database()
    # The table was created before its index fails.
    postgres.sql("CREATE SEQUENCE items_pkey", url)
    told = target.refusal("restore.sh", saved, DATABASE_URL=url, **key)
    assert told == "Nothing was restored: pg_restore failed."
    assert (files(target.folder), postgres.sql(TABLES, url)) == ({}, "0")
    # The archive ends after its folders, which tar does not report.
    target = scripts.elsewhere(tmp_path / "other")
    reader, files_of = ("openssl", "media.tar.enc") if key else ("cat", "media.tar")
    half = f'#!/bin/sh\ncase "$*" in *{files_of}) ;; *) exec {(programs / reader).resolve()} "$@" ;; esac\n'
    half += f'{(programs / reader).resolve()} "$@" | head -c 1024\nexit 1\n'
    target.programs = replaced(programs, tmp_path / "half", **{reader: half})
    told = target.refusal("restore.sh", saved, DATABASE_URL=postgres.database(), **key)
    assert told == "Nothing was restored: unpacking media failed."
    assert files(target.folder) == {}


URL = "DATABASE_URL must be the URL of a PostgreSQL database: postgres://user:password@host:5432/name."
MISTAKES = [
    ({"DATABASE_URL": ""}, URL),
    ({"DATABASE_URL": "sqlite:///db.sqlite3"}, URL),
    (
        {"DATABASE_URL": "postgres://ada@localhost/name?password=secret"},
        "DATABASE_URL has a password after the ?: write postgres://user:password@host:5432/name.",
    ),
    ({"DATABASE_POOLER": "True"}, "DATABASE_URL must name PostgreSQL itself, and DATABASE_POOLER must be unset."),
    ({"DATABASE_URL_FILE": "/none", "DATABASE_URL": ""}, "DATABASE_URL_FILE must name a file that can be read."),
]


@pytest.mark.parametrize(("environment", "told"), MISTAKES)
def test_a_mistake_is_told(scripts, database, tmp_path, environment, told):
    for name in "backup.sh", "restore.sh":
        assert scripts.refusal(name, tmp_path / "backups", **{"DATABASE_URL": database, **environment}) == told
    assert not (tmp_path / "backups").exists()


def test_a_folder_that_is_no_back_up_is_refused(scripts, database, tmp_path):
    for folder in tmp_path / "none", scripts.folder:
        told = scripts.refusal("restore.sh", folder, DATABASE_URL=database)
        assert told == f"{folder} is no back-up, or it is damaged: SHA256SUMS is missing."
    assert scripts.refusal("restore.sh", DATABASE_URL=database).startswith("Name the folder of the back-up: ")
    assert scripts.refusal("backup.sh", DATABASE_URL=database).startswith("Name the folder of the back-ups: ")


def test_a_server_that_is_down_is_told(scripts, database, tmp_path):
    saved = scripts.save(tmp_path / "backups", DATABASE_URL=database)
    down = f"postgres://ada:secret@127.0.0.1:{free_port()}/name"
    told = scripts.refusal("backup.sh", tmp_path / "backups", DATABASE_URL=down)
    assert told == "No back-up was made: saving database.dump failed."
    assert back_ups(tmp_path / "backups") == [saved.name]
    target = scripts.elsewhere(tmp_path / "target")
    told = target.refusal("restore.sh", saved, DATABASE_URL=down)
    assert told == "Nothing was restored: the database cannot be reached."
    assert files(target.folder) == {}


# Half a back-up never looks like a whole one


@pytest.fixture
def disk(tmp_path):
    """A function that mounts a disk with room for this number of bytes, and returns its folder."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("a full disk needs Linux, root, and permission to mount file systems")
    folder = tmp_path / "disk"
    folder.mkdir()
    with contextlib.ExitStack() as stack:

        def mount(size):
            stack.close()
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
            stack.callback(subprocess.run, ["umount", folder], check=True)
            return folder

        yield mount


def test_a_full_disk_leaves_the_old_back_ups(scripts, database, key, disk, tmp_path):
    (scripts.folder / "media" / "large").write_bytes(random.Random(1).randbytes(100_000))
    old = scripts.save(tmp_path / "old", DATABASE_URL=database, **key)
    told = set()
    # The old back-up, and from nothing to nearly all of the new one; a page has 4096 bytes.
    whole = sum(-len(text) // 4096 * -4096 for text in files(old).values())
    for room in range(0, whole - 4096, whole // 6):
        folder = disk(whole + room)
        shutil.copytree(old, folder / old.name)
        code, out, error = scripts.run("backup.sh", folder, DATABASE_URL=database, **key)
        assert (code != 0, out) == (True, ""), room
        assert error.splitlines()[-1].startswith("No back-up was made: "), room
        assert back_ups(folder) == [old.name]
        assert files(folder / old.name) == files(old)
        told.add(error.splitlines()[-1])
    assert {f"No back-up was made: saving {name} failed." for name in ("database.dump", "media.tar")} <= told


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
@pytest.mark.parametrize("step", ["pg_dump", "tar", "sha256sum", "sync", "mv"])
def test_a_back_up_that_is_killed_is_not_whole(scripts, database, programs, tmp_path, step, signal):
    folder = tmp_path / "backups"
    saved = scripts.save(folder, DATABASE_URL=database)
    killing = replaced(programs, tmp_path / "killing", **{step: KILLS.format(signal=signal)})
    code, _, _ = Scripts(scripts.project, killing, scripts.folder).run("backup.sh", folder, DATABASE_URL=database)
    assert code != 0
    left = [name for name in back_ups(folder) if name != saved.name]
    assert [name[:1] for name in left] == (["."] if signal == "KILL" else [])
    # A later back-up deletes what is left.
    for name in left:
        age(folder / name, 15)
    later = scripts.save(folder, DATABASE_URL=database)
    assert back_ups(folder) == [saved.name, later.name]


def test_two_at_once_do_not_collide(scripts, database, postgres, programs, tmp_path):
    folder = tmp_path / "backups"
    # In one second, one back-up is made, and the others fail.
    same = replaced(programs, tmp_path / "same", date="#!/bin/sh\necho 20260131T020000Z\n")
    frozen = Scripts(scripts.project, same, scripts.folder)
    running = [frozen.start("backup.sh", folder, DATABASE_URL=database) for _ in range(4)]
    told = sorted(process.communicate(timeout=60)[1] for process in running)
    assert sorted(process.returncode for process in running) == [0, 1, 1, 1]
    assert back_ups(folder) == ["20260131T020000Z"]
    again = f"{folder}/20260131T020000Z was made in this second: try again."
    created = f"No back-up was made: {folder}/.20260131T020000Z cannot be created."
    assert told[0] == ""
    assert {text.splitlines()[-1] for text in told[1:]} <= {again, created}
    assert frozen.refusal("backup.sh", folder, DATABASE_URL=database) == again
    # In different seconds, all are made.
    running = []
    for second in range(1, 5):
        later = replaced(programs, tmp_path / f"{second}", date=f"#!/bin/sh\necho 20260131T02000{second}Z\n")
        process = Scripts(scripts.project, later, scripts.folder).start("backup.sh", folder, DATABASE_URL=database)
        running.append(process)
    assert [process.communicate(timeout=60)[1] for process in running] == [""] * 4
    assert len(back_ups(folder)) == 5
    for number, name in enumerate(back_ups(folder)):
        target = scripts.elsewhere(tmp_path / f"target-{number}")
        target.restore(folder / name, DATABASE_URL=postgres.database())


# Retention


def age(path, nights):
    os.utime(path, (time.time() - nights * NIGHT,) * 2)


def test_old_back_ups_are_deleted_after_a_new_one(scripts, database, tmp_path):
    folder = tmp_path / "backups"
    made = [scripts.save(folder, DATABASE_URL=database) for _ in range(3)]
    foreign = [folder / name for name in ("photos", "20200101T000000Z", ".20200101T000000Z.old")]
    for path in foreign:
        path.mkdir()
    (foreign[0] / "SHA256SUMS").touch()
    file = folder / "20200102T000000Z"
    file.touch()
    for path, nights in [*zip(made, (30, 14.1, 13.9)), *((path, 30) for path in [*foreign, file])]:
        age(path, nights)
    kept = [path.name for path in [*foreign, file]]
    # A back-up that fails deletes none.
    scripts.refusal("backup.sh", folder, DATABASE_URL=f"postgres://ada@127.0.0.1:{free_port()}/name")
    assert back_ups(folder) == sorted([*kept, *(path.name for path in made)])
    new = scripts.save(folder, DATABASE_URL=database, BACKUP_KEEP_DAYS="20")
    assert back_ups(folder) == sorted([*kept, made[1].name, made[2].name, new.name])
    newer = scripts.save(folder, DATABASE_URL=database)
    assert back_ups(folder) == sorted([*kept, made[2].name, new.name, newer.name])


@pytest.mark.parametrize("days", ["0", "-1", "two", "1.5", " "])
def test_a_wrong_number_of_days_is_refused(scripts, database, tmp_path, days):
    told = scripts.refusal("backup.sh", tmp_path / "backups", DATABASE_URL=database, BACKUP_KEEP_DAYS=days)
    assert told == "BACKUP_KEEP_DAYS must be a number of days, 1 or more."
    assert not (tmp_path / "backups").exists()


# The files


def test_the_name_is_the_time(scripts, database, programs, tmp_path):
    real = replaced(programs, tmp_path / "real", date=f'#!/bin/sh\nexec {program("date")} "$@"\n')
    began = time.gmtime()
    saved = Scripts(scripts.project, real, scripts.folder).save(tmp_path / "backups", DATABASE_URL=database)
    times = [time.strftime("%Y%m%dT%H%M%SZ", moment) for moment in (began, time.gmtime())]
    assert times[0] <= saved.name <= times[1]
