"""A line of .env means the same with `pipenv run` and without Pipenv."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.machine import RUNNING_PYTHON

# Each is the content of a file. The variables are A, B and so on.
FILES = [
    "A=1",
    "A=",
    "A= ",
    "A= # comment",
    "A=''",
    'A=""',
    " A=1",
    "\tA=1",
    "A =1",
    "A= 1",
    "A = 1",
    "A=1 ",
    "A=1\t",
    "A=a b",
    "A=a  b  ",
    "export A=1",
    "export  A = 1",
    "A=1 # comment",
    "A=1  #comment",
    "A=1# no comment",
    "A=#no-comment",
    "A='1' # comment",
    'A="1" # comment',
    "A='a # b'",
    'A="a # b"',
    "# A=1",
    "  # A=1",
    "\n\nA=1\n\n",
    "A=1\r\nB=2\r\n",
    "A=1\nA=2",
    "A=a=b",
    "A==",
    "A='a=b'",
    "A=a'b",
    'A=a"b',
    "A=it's",
    "A='it\\'s'",
    "A='a\"b'",
    'A="a\'b"',
    'A="a\\"b"',
    'A="a\\nb"',
    "A='a\\nb'",
    "A=a\\nb",
    'A="a\\tb"',
    'A="a\\\\b"',
    "A='a\\\\b'",
    "A=a\\b",
    'A="a\nb"',
    "A='a\nb'",
    "A=${HOME}",
    'A="${HOME}"',
    "A='${HOME}'",
    "A=$HOME",
    "A=1\nB=${A}",
    "B=${A}\nA=1",
    "A=${NONE}",
    "A=${NONE:-else}",
    "A=1\nB=${A}2${A}",
    "A=\\${HOME}",
    "A=a$b",
    "A=$(pwd)",
    "A=`pwd`",
    "A=ä€",
    "A='ä€'",
    "A=a,b",
    "A=%41",
    "A=~",
    "A=*",
    "A=!",
    "A=a;B=2",
    "A=a&b",
    "'A'=1",
    "A.B=1",
    "A-B=1",
    "A",
    "export A",
    "A=postgres://user:12%2Fb@host:5432/name?sslmode=require",
]
# The project refuses these. Pipenv only warns about the malformed line and continues.
REFUSED = ["A='a", 'A="a', "A='a' b", "'A=1", "=1", "A B=1", "A: 1", "A='a\nB=1"]

# Reads a list of files from its standard input; prints a list of the variables that each file sets.
SHOW = """
import json, os, sys, tempfile
from pathlib import Path
from {module} import {function} as read
for text in json.load(sys.stdin):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, ".env")
        file.write_bytes(text.encode())
        os.environ.clear()
        os.environ["HOME"] = "/home/ada"
        try:
            read(file{arguments})
        except SystemExit as error:
            print(json.dumps(str(error)))
        else:
            print(json.dumps(dict(os.environ)))
"""
PIPENV = SHOW.format(module="pipenv.vendor.dotenv", function="load_dotenv", arguments=", override=True")
PROJECT = SHOW.format(module="my_project.environment", function="read_dotenv", arguments="")


@pytest.fixture(params=[RUNNING_PYTHON, pytest.param("3.9", marks=pytest.mark.matrix)])
def read(request, installed):
    """Two functions: the first reads files as a project does, the second as the Pipenv of its Python does."""
    project = installed("WSGI", request.param)
    pipenv = sys.executable
    if request.param == "3.9" != RUNNING_PYTHON:
        pipenv = Path(request.getfixturevalue("older_pipenv")).with_name("python")

    def output(done):
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def by_project(files):
        return output(project.call("python", "-c", PROJECT, stdin=json.dumps(files)))

    def by_pipenv(files):
        command = [pipenv, "-c", PIPENV]
        return output(subprocess.run(command, input=json.dumps(files), capture_output=True, text=True, timeout=60))

    return by_project, by_pipenv


def test_all_lines_mean_the_same(read):
    by_project, by_pipenv = read
    expected = zip(FILES, by_pipenv(FILES))
    assert list(zip(FILES, by_project(FILES))) == list(expected)


def test_malformed_lines_are_refused(read):
    by_project, _ = read
    sentence = ".env, line 2, is malformed: it must be NAME=value."
    assert by_project([f"# Settings\n{text}" for text in REFUSED]) == [sentence] * len(REFUSED)


def test_pipenv_run_starts_with_the_same_settings(installed, tmp_path):
    project = installed("WSGI").copy(tmp_path)
    with (project.path / ".env").open("a") as file:
        file.write("ALLOWED_HOSTS = a.example, b.example # both\nADMIN_URL='a' # b\nLOG_LEVEL=${NONE:-error}\n")
    show = ("python", "-c", "from my_project.environment import env; print(env)")
    plain = project.call(*show).stdout
    assert "['a.example', 'b.example']" in plain
    assert project.call("pipenv", "run", *show).stdout == plain
