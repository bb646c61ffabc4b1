"""The files for Docker: linted, and merged as Compose does; tests/deployed/test_image.py builds and runs the image."""

import json
import re
import subprocess

import pytest
import yaml

from template_code.questions import QUESTIONS
from tests.support.containers import DEVELOPMENT, PRODUCTION, compose, composed
from tests.support.machine import clean_environment
from tests.support.rendering import listing, name_of
from tests.support.user import PROGRAMS

ANSWERS = [{"interface": interface} for interface in QUESTIONS["interface"]]
ANSWERS += [{"background_tasks": "Celery"}, {"python_version": "3.9"}, {"project_slug": "a__b_"}]
# What the project's own image runs.
OWN = {"web", "migrate", "worker", "beat"}

every_answer = pytest.mark.parametrize("answers", ANSWERS, ids=name_of)


def lint(*command):
    """Run a linter of the tests' environment; return its output, or None if it finds nothing."""
    words = [PROGRAMS / command[0], *command[1:]]
    done = subprocess.run(words, env=clean_environment(), capture_output=True, text=True)
    return f"{done.stdout}{done.stderr}" if done.returncode else None


def addresses(services):
    """Return service -> the addresses that it opens on the machine."""
    return {
        name: [f"{port.get('host_ip', '')}:{port['published']}/{port['protocol']}" for port in service["ports"]]
        for name, service in services.items()
        if "ports" in service
    }


def mounts(service):
    return [(volume["source"], volume["target"]) for volume in service["volumes"]]


@every_answer
def test_the_linters_accept_the_files(rendered, answers):
    project = rendered(**answers)
    assert lint("hadolint", project.path / "Dockerfile") is None
    for names in DEVELOPMENT, PRODUCTION:
        assert composed(project, names)["services"]


def test_the_linters_report_faults(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp\n")
    assert "DL3006" in lint("hadolint", tmp_path / "Dockerfile")
    (tmp_path / "compose.yaml").write_text("services: {web: {image: python, port: [80]}}\n")
    assert "services.web.port" in compose(tmp_path, ["compose.yaml"]).stderr


@every_answer
def test_each_service_has_an_image_and_one_builds_that_of_the_project(rendered, answers):
    project = rendered(**answers)
    wanted = OWN if "background_tasks" in answers else {"web", "migrate"}
    for names, stage in (DEVELOPMENT, "development"), (PRODUCTION, "production"):
        services = composed(project, names)["services"]
        assert OWN & set(services) == wanted
        images = {name: service["image"] for name, service in services.items()}
        assert {images[name] for name in wanted} == {f"{project.answers['__image']}:{stage}"}
        # Docker's rule for names.
        assert re.fullmatch("[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*", project.answers["__image"])
        built = {name: service["build"] for name, service in services.items() if "build" in service}
        assert built == {"migrate": {"context": ".", "target": stage}}
        policies = {name: service.get("pull_policy") for name, service in services.items()}
        assert {name for name, policy in policies.items() if policy == "never"} == wanted - {"migrate"}


def test_all_wait_for_the_migration_and_it_for_a_healthy_database(rendered):
    project = rendered(background_tasks="Celery")
    for names in DEVELOPMENT, PRODUCTION:
        services = composed(project, names)["services"]
        for name in OWN - {"migrate"}:
            assert services[name]["depends_on"] == {
                "migrate": {"condition": "service_completed_successfully", "required": True},
                "redis": {"condition": "service_healthy", "required": True},
            }
        assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy", "required": True}}
        assert all("test" in services[name]["healthcheck"] for name in ("database", "redis"))
    assert services["caddy"]["depends_on"] == {"web": {"condition": "service_healthy", "required": True}}
    assert services["migrate"]["restart"] == "no"


def test_development_opens_ports_on_this_machine_alone(rendered):
    services = composed(rendered(background_tasks="Celery"), DEVELOPMENT)["services"]
    assert addresses(services) == {"web": ["127.0.0.1:8000/tcp"], "mail": ["127.0.0.1:8025/tcp"]}
    assert all(mounts(services[name]) == [(".", "/app")] for name in OWN)


def test_a_change_of_the_code_restarts_the_worker(rendered):
    for interface in QUESTIONS["interface"]:
        project = rendered(background_tasks="Celery", interface=interface)
        command = composed(project, DEVELOPMENT)["services"]["worker"]["command"]
        assert command == ["watchfiles", "--filter", "python", "celery --app my_project worker"]
        assert '\nwatchfiles = "*"\n' in (project.path / "Pipfile").read_text().partition("[dev-packages]")[2]


def test_production_opens_the_ports_of_the_web_server_alone_and_mounts_no_code(rendered):
    services = composed(rendered(background_tasks="Celery"), PRODUCTION)["services"]
    assert addresses(services) == {"caddy": [":80/tcp", ":443/tcp", ":443/udp"]}
    volumes = [("media", "/app/media"), ("private", "/app/private")]
    assert {name: mounts(services[name]) for name in OWN} == dict.fromkeys(OWN, volumes)
    assert set(services) == OWN | {"caddy", "database", "redis"}


def test_back_ups_are_made_and_restored_only_on_demand(rendered):
    for tasks in "none", "Celery":
        project = rendered(background_tasks=tasks)
        folders = project.answers["__data_folders"].split()
        assert not {"backup", "restore"} & set(composed(project, PRODUCTION)["services"])
        services = composed(project, PRODUCTION, profiles="backup")["services"]
        for name, script, words in ("backup", "backup.sh", ["backups"]), ("restore", "restore.sh", None):
            service = services[name]
            assert service["entrypoint"] == ["sh", f"deploy/{script}"]
            assert (service["command"] or None) == words
            assert (project.path / "deploy" / script).is_file()
            # The version of pg_dump is that of the server.
            assert service["image"] == services["database"]["image"]
            # The owner of the uploads.
            assert (service["user"], service["restart"]) == ("1000:1000", "no")
            assert service["depends_on"] == {"database": {"condition": "service_healthy", "required": True}}
            (secret,) = service["secrets"]
            assert service["environment"] == {"DATABASE_URL_FILE": f"/run/secrets/{secret['source']}"}
            written = {volume["target"] for volume in service["volumes"] if not volume.get("read_only")}
            uploads = {f"/app/{folder}" for folder in folders}
            assert written == ({"/app/backups"} if name == "backup" else uploads)
            assert {target for _, target in mounts(service)} == {"/app/backups", "/app/deploy", *uploads}
    # Neither git nor the image has them.
    assert "\n/backups/\n" in (project.path / ".gitignore").read_text()
    assert "\nbackups\n" in (project.path / ".dockerignore").read_text()


def test_production_and_development_share_no_volume(rendered):
    project = rendered()
    names = [composed(project, files)["name"] for files in (DEVELOPMENT, PRODUCTION)]
    assert names == ["my_project", "my-project-production"]


def test_each_service_of_production_is_confined(rendered):
    services = composed(rendered(background_tasks="Celery"), PRODUCTION, profiles="backup")["services"]
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "/tmp" in service["tmpfs"], name
        assert {"max-size", "max-file"} <= set(service["logging"]["options"]), name
        if name not in ("backup", "restore", "migrate"):
            assert service["restart"] == "unless-stopped", name
        if name != "migrate":
            assert {"cpus", "memory"} == set(service["deploy"]["resources"]["limits"]), name
    assert {name: service["cap_add"] for name, service in services.items() if "cap_add" in service} == {
        "caddy": ["NET_BIND_SERVICE"]
    }
    assert services["web"]["deploy"]["replicas"] > 1
    # Not one process for each core of the machine, which could need more memory.
    assert "--concurrency" in services["worker"]["command"]


def test_compose_sets_variables_of_the_project_and_secrets_of_production_are_files(rendered):
    project = rendered()
    code = (project.path / "my_project" / "environment.py").read_text()
    declared = re.findall(r'^    Variable\(\s*"(\w+)"(.*?)\),$', code, re.MULTILINE | re.DOTALL)
    names = {name for name, _ in declared}
    secrets = {name for name, rest in declared if "secret=True" in rest}
    assert {"SECRET_KEY", "DATABASE_URL", "EMAIL_URL"} <= secrets
    development, production = composed(project, DEVELOPMENT), composed(project, PRODUCTION)
    assert set(development["services"]["web"]["environment"]) <= names
    environment = production["services"]["web"]["environment"]
    assert set(environment) <= names | {f"{name}_FILE" for name in secrets}
    # Redis has no password, and no port outside.
    assert secrets & set(environment) == {"REDIS_URL"}
    used = {secret["target"] for secret in production["services"]["web"]["secrets"]}
    assert {value for name, value in environment.items() if name.endswith("_FILE")} == used


def test_the_commands_of_the_page_make_the_secrets(rendered, tmp_path):
    project = rendered()
    page = (project.path / "docs" / "containers.md").read_text().partition("\n## Production\n")[2]
    script, _, last = page.partition("    docker compose ")
    (tmp_path / "secrets").mkdir()
    commands = [line[4:] for line in script.splitlines() if line.startswith("    ")]
    subprocess.run(["bash", "-euc", "umask 077\n" + "\n".join(commands)], cwd=tmp_path, check=True)
    assert last.startswith("up --detach\n")
    wanted = {secret["file"] for secret in composed(project, PRODUCTION)["secrets"].values()}
    files = {path.relative_to(tmp_path).as_posix(): path for path in (tmp_path / "secrets").iterdir()}
    assert set(files) == wanted
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o644}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert len(files["secrets/secret_key"].read_text()) > 50
    assert files["secrets/database_password"].read_text().strip() in files["secrets/database_url"].read_text()
    settings = (tmp_path / ".env").read_text().splitlines()
    assert settings == [f"COMPOSE_FILE={':'.join(PRODUCTION)}", "ALLOWED_HOSTS=www.example.com"]
    # git and the image leave them out.
    assert (project.path / "secrets" / ".gitignore").read_text() == "*\n!.gitignore\n"


def test_the_server_may_finish_its_requests_before_it_is_killed(rendered):
    project = rendered()
    server = (project.path / "my_project" / "server.py").read_text()
    environment = (project.path / "my_project" / "environment.py").read_text()
    drains = int(re.search(r'Variable\("DRAIN_SECONDS".*, "(\d+)", "0"\)', environment)[1])
    finishes = int(re.search(r"timeout_graceful_shutdown=(\d+)", server)[1])
    period = composed(project, PRODUCTION)["services"]["web"]["stop_grace_period"]
    assert int(period.rstrip("s")) > drains + finishes


def test_caddy_has_the_upload_limit_of_the_settings(rendered):
    project = rendered()
    settings = (project.path / "my_project" / "settings.py").read_text()
    (limit,) = re.findall(r"^REQUEST_MAX_SIZE = (\d+) \* 1024 \* 1024 ", settings, re.MULTILINE)
    assert f"max_size {limit}MiB\n" in (project.path / "deploy" / "Caddyfile").read_text()


def test_the_devcontainer_uses_the_services_of_development(rendered):
    project = rendered()
    file = project.path / ".devcontainer" / "devcontainer.json"
    content = json.loads(file.read_text())
    paths = [(file.parent / name).resolve() for name in content["dockerComposeFile"]]
    assert paths == [(project.path / name).resolve() for name in DEVELOPMENT]
    services = composed(project, DEVELOPMENT)["services"]
    assert mounts(services[content["service"]]) == [(".", content["workspaceFolder"])]
    dockerfile = (project.path / "Dockerfile").read_text()
    assert f"\nWORKDIR {content['workspaceFolder']}\n" in dockerfile
    interpreter = content["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert f" {interpreter.removesuffix('/bin/python')}\n" in dockerfile


def test_github_and_gitlab_check_the_image_in_the_same_way(rendered):
    github, gitlab = rendered(ci="GitHub"), rendered(ci="GitLab")
    workflow = yaml.safe_load((github.path / ".github" / "workflows" / "image.yml").read_text())
    steps = workflow["jobs"]["image"]["steps"]
    job = yaml.safe_load((gitlab.path / ".gitlab-ci.yml").read_text())["container"]
    commands = [step["run"] for step in steps if "run" in step]
    assert [
        command.replace("CI_COMMIT_SHA", "GITHUB_SHA") for command in [*job["script"], *job["after_script"]]
    ] == commands
    (settings,) = [step["env"] for step in steps if "env" in step]
    assert settings.items() <= job["variables"].items()


def test_without_containers_nothing_names_them(rendered):
    for ci in "GitHub", "GitLab":
        project = rendered(containers="none", ci=ci, background_tasks="Celery")
        for name in listing(project):
            text = (project.path / name).read_bytes()
            assert not re.search(b"docker|compose[.-]|containers\\.md|caddy|kubernetes", text, re.IGNORECASE), name
