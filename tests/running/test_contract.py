"""Test the API against its schema: Schemathesis sends requests that the schema allows and requests that it forbids."""

import json
import re
import subprocess
import sys

import pytest

from template_code.questions import ROOT
from tests.support.client import PASSWORD, Client
from tests.support.machine import clean_environment

pytestmark = [
    pytest.mark.matrix,
    pytest.mark.skipif(
        sys.version_info < (3, 10), reason="the Schemathesis for Python 3.9 sends cookies that no server accepts"
    ),
]

# Interface, maximum number of cases per operation and phase, minimum number of cases in total.
RUNS = [("ASGI", 80, 800), ("WSGI", 12, 120)]


def schemathesis(description, server, username, examples):
    """Run all phases with all checks; return the report."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
        *("run", description, "--url", server.url, "--header", "X-Forwarded-Proto: https"),
        *("--checks", "all", "--max-examples", str(examples), "--continue-on-failure"),
        *("--seed", "1", "--generation-database", "none"),
    ]
    account = {"SITE": server.url, "USERNAME": username, "OTHER": "other", "PASSWORD": PASSWORD}
    environment = clean_environment(PYTHONPATH=ROOT, SCHEMATHESIS_HOOKS="tests.support.contract", **account)
    done = subprocess.run(
        command,
        cwd=description.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{server.log[-20_000:]}"
    return done.stdout


@pytest.mark.parametrize(("interface", "examples", "wanted"), RUNS)
def test_every_response_matches_the_schema(deploy, postgres, tmp_path, interface, examples, wanted):
    deployment = deploy(interface).without_throttling()
    description = tmp_path / "schema.json"
    deployment.run("spectacular", "--format", "openapi-json", "--file", description)
    with deployment.serve() as server:
        for name in "ada", "other":
            Client(server, https=True).sign_up(name)
        report = schemathesis(description, server, "ada", examples)
    paths = json.loads(description.read_text(encoding="utf-8"))["paths"]
    assert f"Tested: {sum(map(len, paths.values()))}\n" in report, report
    assert int(re.search(r"(\d+) generated", report)[1]) >= wanted, report
    # The requests must not all be rejected.
    assert int(postgres.sql("SELECT last_value FROM items_item_id_seq", deployment.database)) > wanted / 20
