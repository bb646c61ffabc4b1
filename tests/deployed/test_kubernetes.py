"""The manifests for Kubernetes: rendered by kubectl, valid, and right for each other and for the project."""

import base64
import re
import subprocess
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import requests
import yaml

from template_code.questions import QUESTIONS
from tests.support.kubernetes import (
    BASE,
    DEPLOYMENT,
    PRODUCTION,
    allowed_ports,
    kubectl,
    manifests,
    of_kind,
    pods,
    selected,
)
from tests.support.rendering import assigned, name_of

pytestmark = pytest.mark.matrix

ANSWERS = [
    {"interface": interface, "background_tasks": tasks}
    for interface in QUESTIONS["interface"]
    for tasks in QUESTIONS["background_tasks"]
]
# The oldest version that is maintained, and that of kubectl.
VERSIONS = ["1.35", "1.37"]
PORTS = {"postgres": 5432, "rediss": 6379, "s3": 443, "smtp+tls": 587}
# These pods connect to more than the database.
CONNECTED = {"web", "worker", "beat"}
UNITS = {"m": 1e-3, "": 1, "Mi": 2**20, "Gi": 2**30}

every_answer = pytest.mark.parametrize("answers", ANSWERS, ids=name_of)


def quantity(text):
    """Return the number that an amount of CPU or memory stands for."""
    number, unit = re.fullmatch(r"(\d+)(\D*)", str(text)).groups()
    return int(number) * UNITS[unit]


def page(project):
    """Return the page about Kubernetes, and its commands as the scripts of its sections."""
    text = (project.path / DEPLOYMENT / "README.md").read_text(encoding="utf-8")
    scripts = {}
    for section in text.split("\n## ")[1:]:
        title, *lines = section.splitlines()
        scripts[title] = "\n".join(line[4:] for line in lines if line.startswith("    "))
    return text, scripts


@pytest.fixture(scope="module")
def production(rendered):
    """Give the objects of the overlay for production of these answers: `production(interface="WSGI")`."""
    return lambda **answers: manifests(rendered(**answers))


@every_answer
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_accepts_what_kubectl_renders(rendered, answers, version):
    for folder in BASE, PRODUCTION:
        objects = manifests(rendered(**answers), folder)
        assert {"Deployment", "Job", "Service"} <= {found["kind"] for found in objects}
        for found in objects:
            kubernetes_validate.validate(found, version, strict=True)


def test_a_field_that_does_not_exist_is_found(production):
    (web,) = of_kind(production(), "PodDisruptionBudget").values()
    web["spec"]["maxUnavailabel"] = web["spec"].pop("maxUnavailable")
    with pytest.raises(kubernetes_validate.ValidationError, match="maxUnavailabel"):
        kubernetes_validate.validate(web, VERSIONS[-1], strict=True)


@every_answer
def test_each_answer_has_the_pods_of_its_processes(production, answers):
    celery = answers["background_tasks"] == "Celery"
    wanted = {"web", "migrate", "backup"} | ({"worker", "beat"} if celery else {"cleanup"})
    assert pods(production(**answers)).keys() == wanted


@every_answer
def test_production_names_the_image_with_a_tag_and_the_namespace_everywhere(rendered, production, answers):
    name = rendered(**answers).answers["__image"]
    objects = production(**answers)
    assert {found["metadata"]["namespace"] for found in objects} == {name}
    images = {container["image"] for pod in pods(objects).values() for container in pod.containers}
    assert images == {f"registry.example.com/{name}:1", "postgres:18"}


def test_each_name_is_one_that_kubernetes_allows(production):
    for slug in "a__b_", "z" * 40:
        for found in production(project_slug=slug):
            for name in found["metadata"]["name"], found["metadata"]["namespace"]:
                assert re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name)


@every_answer
def test_each_selector_matches_the_pods_that_it_is_for(production, answers):
    objects = production(**answers)
    names = pods(objects).keys()
    for name, deployment in of_kind(objects, "Deployment").items():
        spec = deployment["spec"]
        assert selected(spec["selector"], objects) == {name}
        for spread in spec["template"]["spec"].get("topologySpreadConstraints", []):
            assert selected(spread["labelSelector"], objects) == {name}
    (service,) = of_kind(objects, "Service").values()
    assert selected({"matchLabels": service["spec"]["selector"]}, objects) == {"web"}
    (budget,) = of_kind(objects, "PodDisruptionBudget").values()
    assert selected(budget["spec"]["selector"], objects) == {"web"}
    (scaler,) = of_kind(objects, "HorizontalPodAutoscaler").values()
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    policies = of_kind(objects, "NetworkPolicy")
    matched = {name: selected(policy["spec"]["podSelector"], objects) for name, policy in policies.items()}
    assert matched == {
        "default-deny": set(names),
        "database": set(names),
        "services": CONNECTED & names,
        "ingress": {"web"},
    }


def test_requests_reach_the_port_of_the_server(rendered, production):
    objects = production()
    container = pods(objects)["web"].spec["containers"][0]
    (port,) = container["ports"]
    dockerfile = (rendered().path / "Dockerfile").read_text()
    assert f"\nENV PORT={port['containerPort']}\nEXPOSE {port['containerPort']}\n" in dockerfile
    (service,) = of_kind(objects, "Service").values()
    assert [entry["targetPort"] for entry in service["spec"]["ports"]] == [port["name"]]
    (ingress,) = of_kind(objects, "Ingress").values()
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    named = {"name": "web", "port": {"name": service["spec"]["ports"][0]["name"]}}
    assert (path["path"], path["pathType"], path["backend"]["service"]) == ("/", "Prefix", named)
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    (settings,) = of_kind(objects, "ConfigMap").values()
    assert settings["data"]["ALLOWED_HOSTS"] == rule["host"]
    policy = of_kind(objects, "NetworkPolicy")["ingress"]["spec"]["ingress"]
    assert [entry["ports"] for entry in policy] == [[{"port": port["name"]}]]
    probes = {name: probe["httpGet"] for name, probe in container.items() if name.endswith("Probe")}
    assert probes == {
        "startupProbe": {"path": "/livez", "port": port["name"]},
        "livenessProbe": {"path": "/livez", "port": port["name"]},
        "readinessProbe": {"path": "/readyz", "port": port["name"]},
    }


@pytest.mark.parametrize("interface", QUESTIONS["interface"])
def test_the_server_answers_the_probes_though_they_name_the_pod_as_host(production, deploy, interface):
    objects = production(interface=interface)
    (settings,) = of_kind(objects, "ConfigMap").values()
    container = pods(objects)["web"].spec["containers"][0]
    paths = {probe["httpGet"]["path"] for name, probe in container.items() if name.endswith("Probe")}
    host = {"Host": "10.0.0.1:8000"}
    with deploy(interface).serve(**settings["data"]) as server:
        statuses = {path: requests.get(f"{server.url}{path}", headers=host).status_code for path in paths}
        assert statuses == {"/livez": 200, "/readyz": 200}
        # For other paths it is no name of the site.
        forwarded = {**host, "X-Forwarded-Proto": "https"}
        assert requests.get(f"{server.url}/accounts/login/", headers=forwarded).status_code == 400


def test_a_pod_may_finish_its_work_before_it_is_killed(rendered, production):
    project, objects = rendered(background_tasks="Celery"), production(background_tasks="Celery")
    server = (project.path / "my_project" / "server.py").read_text()
    environment = (project.path / "my_project" / "environment.py").read_text()
    drains = int(re.search(r'Variable\("DRAIN_SECONDS".*, "(\d+)", "0"\)', environment)[1])
    finishes = int(re.search(r"timeout_graceful_shutdown=(\d+)", server)[1])
    # gunicorn too waits for 30 s by default.
    assert "graceful_timeout" not in (rendered(interface="WSGI").path / "gunicorn.conf.py").read_text()
    assert finishes >= 30
    assert pods(objects)["web"].spec["terminationGracePeriodSeconds"] > drains + finishes
    task = re.search(r"^CELERY_TASK_SOFT_TIME_LIMIT, CELERY_TASK_TIME_LIMIT = \d+, (\d+)$", settings(project), re.M)
    assert pods(objects)["worker"].spec["terminationGracePeriodSeconds"] > int(task[1])


def settings(project):
    return (project.path / "my_project" / "settings.py").read_text()


@every_answer
def test_a_new_version_loses_no_request(production, answers):
    deployments = of_kind(production(**answers), "Deployment")
    web = deployments["web"]["spec"]
    assert web["strategy"] == {"rollingUpdate": {"maxUnavailable": 0}}
    assert "readinessProbe" in web["template"]["spec"]["containers"][0]
    # Otherwise `kubectl apply` would undo what the autoscaler has done.
    assert "replicas" not in web
    if answers["background_tasks"] == "Celery":
        (first,) = deployments["worker"]["spec"]["template"]["spec"]["initContainers"]
        assert first["command"] == ["python", "manage.py", "migrate", "--check"]


def test_there_is_never_more_than_one_scheduler(production):
    beats = [
        (name, owner["spec"].get("replicas"), owner["spec"].get("strategy"))
        for name, owner in of_kind(production(background_tasks="Celery"), "Deployment").items()
        for container in owner["spec"]["template"]["spec"]["containers"]
        if "beat" in container.get("command", []) or "--beat" in container.get("command", [])
    ]
    assert beats == [("beat", 1, {"type": "Recreate"})]


def test_the_site_is_on_several_nodes(production):
    objects = production()
    (scaler,) = of_kind(objects, "HorizontalPodAutoscaler").values()
    (budget,) = of_kind(objects, "PodDisruptionBudget").values()
    assert scaler["spec"]["minReplicas"] > budget["spec"]["maxUnavailable"] > 0
    assert scaler["spec"]["maxReplicas"] > scaler["spec"]["minReplicas"]
    (spread,) = pods(objects)["web"].spec["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["maxSkew"]) == ("kubernetes.io/hostname", 1)


def faults(pod, service_accounts):
    """Yield how a pod breaks the Pod Security Standard `restricted`, and what else could harm its node."""
    whole = pod.spec.get("securityContext", {})
    for field in "hostNetwork", "hostPID", "hostIPC":
        if pod.spec.get(field):
            yield field
    volumes = {volume["name"]: set(volume) - {"name"} for volume in pod.spec.get("volumes", [])}
    for kinds in volumes.values():
        if not kinds <= {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}:
            yield f"volume of {kinds}"
    account = service_accounts.get(pod.spec.get("serviceAccountName"))
    if not account or account["automountServiceAccountToken"] is not False:
        yield "token"
    for container in pod.containers:
        own = container.get("securityContext", {})
        if {**whole, **own}.get("runAsNonRoot") is not True or {**whole, **own}.get("runAsUser", 1000) == 0:
            yield f"{container['name']} runs as root"
        if {**whole, **own}.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{container['name']} may use all system calls"
        if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
            yield f"{container['name']} may gain privileges"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{container['name']} has capabilities"
        if own.get("readOnlyRootFilesystem") is not True:
            yield f"{container['name']} may write anywhere"
        mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
        if volumes.get(mounts.get("/tmp")) != {"emptyDir"}:
            yield f"{container['name']} has no /tmp"


@every_answer
def test_each_pod_is_restricted(production, answers):
    objects = production(**answers)
    accounts = of_kind(objects, "ServiceAccount")
    assert {name: list(faults(pod, accounts)) for name, pod in pods(objects).items()} == {
        name: [] for name in pods(objects)
    }
    # The image of PostgreSQL names no user by number, so Kubernetes could not tell that it is not root.
    assert pods(objects)["backup"].spec["securityContext"]["runAsUser"] > 0


@every_answer
def test_each_container_says_what_it_needs(production, answers):
    objects = production(**answers)
    for pod in pods(objects).values():
        for container in pod.containers:
            requested, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert requested.keys() == {"cpu", "memory"}, container["name"]
            # A limit of the CPU would only slow down the start.
            assert limits.keys() == {"memory"}, container["name"]
            assert quantity(requested["memory"]) <= quantity(limits["memory"])


def test_the_server_may_check_as_many_passwords_at_once_as_it_has_threads(rendered, production):
    threads = assigned(rendered().path / "my_project" / "settings.py")["ASGI_THREADS"]
    (container,) = pods(production())["web"].containers
    # The server itself needs 110 MiB, and Argon2 100 MiB for each password.
    assert quantity(container["resources"]["limits"]["memory"]) > (110 + 100 * threads) * 2**20 * 1.2


@every_answer
def test_the_policies_allow_what_each_pod_needs_and_no_more(production, answers):
    objects = production(**answers)
    denied = of_kind(objects, "NetworkPolicy")["default-deny"]["spec"]
    assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, pod in pods(objects).items():
        ports = PORTS.values() if name in CONNECTED else [PORTS["postgres"]]
        assert allowed_ports(objects, pod) == {(53, "UDP"), (53, "TCP"), *((port, "TCP") for port in ports)}, name
    entrances = [
        policy["spec"] for policy in of_kind(objects, "NetworkPolicy").values() if "ingress" in policy["spec"]
    ]
    assert [policy["podSelector"] for policy in entrances] == [{"matchLabels": {"app.kubernetes.io/component": "web"}}]


def made_secrets(project, folder):
    """Run the commands of the page that make the secrets; return name -> data of what kubectl would create."""
    (folder / "secrets").mkdir()
    _, scripts = page(project)
    script = scripts["The namespace and the secrets"]
    begin = script.index("cat > secrets/")
    # Without a cluster, kubectl prints what it would create. openssl makes the certificate.
    (folder / "kubectl").write_text('#!/bin/sh\necho ---; exec "$KUBECTL" "$@" --dry-run=client --output yaml\n')
    (folder / "kubectl").chmod(0o755)
    certificate = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=www.example.com 2>/dev/null"
    certificate += " -keyout secrets/key.pem -out secrets/certificate.pem"
    done = subprocess.run(
        ["bash", "-euc", f"{certificate}\n{script[begin:]}"],
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "KUBECTL": str(kubectl()), "KUBECONFIG": "/dev/null"},
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
    )
    return {found["metadata"]["name"]: decoded(found["data"]) for found in yaml.safe_load_all(done.stdout)}


def decoded(data):
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


@every_answer
def test_the_commands_of_the_page_make_the_secrets_that_the_pods_use(installed, tmp_path, answers):
    project = installed(**answers)
    made = made_secrets(project, tmp_path)
    objects = manifests(project)
    (ingress,) = of_kind(objects, "Ingress").values()
    (configured,) = of_kind(objects, "ConfigMap")
    sources, keys = [], set()
    for pod in pods(objects).values():
        for container in pod.containers:
            sources += container.get("envFrom", [])
            keys |= {entry["valueFrom"]["secretKeyRef"]["key"] for entry in container.get("env", [])}
    assert {source["secretRef"]["name"] for source in sources if "secretRef" in source} == {"secrets"}
    assert {source["configMapRef"]["name"] for source in sources if "configMapRef" in source} == {configured}
    assert made.keys() == {"secrets", *(entry["secretName"] for entry in ingress["spec"]["tls"])}
    assert keys <= made["secrets"].keys()
    ports = {
        urlsplit(value).port or PORTS[urlsplit(value).scheme] for value in made["secrets"].values() if "://" in value
    }
    assert ports == set(PORTS.values())


@every_answer
def test_the_project_accepts_the_settings_and_the_secrets(installed, tmp_path, answers):
    project = installed(**answers)
    (settings,) = of_kind(manifests(project), "ConfigMap").values()
    code = (project.path / "my_project" / "environment.py").read_text()
    declared = dict(re.findall(r'^    Variable\(\s*"(\w+)"(.*?)\),$', code, re.MULTILINE | re.DOTALL))
    hidden = {name for name, rest in declared.items() if "secret=True" in rest} | {"CELERY_BROKER_URL"}
    made = made_secrets(project, tmp_path)["secrets"]
    assert settings["data"].keys() <= declared.keys() - hidden
    assert made.keys() <= hidden
    assert ("CELERY_BROKER_URL" in made) == (answers["background_tasks"] == "Celery")
    clean = project.copy(tmp_path)
    (clean.path / ".env").unlink()
    done = clean.run("check", "--deploy", "--fail-level", "WARNING", env={**settings["data"], **made})
    assert "System check identified no issues" in done.stdout


@every_answer
def test_the_page_names_what_exists(rendered, production, answers):
    text, scripts = page(rendered(**answers))
    objects = production(**answers)
    kinds = {"job": "Job", "cronjob": "CronJob", "deployment": "Deployment"}
    named = set(re.findall(r"\b(job|cronjob|deployment)[ /]([a-z][a-z-]+)", "\n".join(scripts.values())))
    # The page makes these two from the one that saves.
    assert named >= {("job", "migrate"), ("job", "restore"), ("cronjob", "backup"), ("deployment", "web")}
    for kind, name in named - {("job", "restore"), ("job", "backup-now")}:
        assert name in of_kind(objects, kinds[kind]), (kind, name)
    for name in re.findall(r"`((?:base|overlays)/[\w./-]+)`", text):
        assert (rendered(**answers).path / DEPLOYMENT / name).exists(), name
    script = scripts["The namespace and the secrets"]
    assert f"kubectl create namespace {objects[0]['metadata']['namespace']}\n" in script
    assert f"--namespace {objects[0]['metadata']['namespace']}\n" in script


def test_the_migration_is_new_for_each_version(rendered):
    _, scripts = page(rendered())
    commands = scripts["The image and the site"].splitlines()
    # The template of a Job cannot be changed.
    (gone,) = (
        number for number, line in enumerate(commands) if line == "kubectl delete job migrate --ignore-not-found"
    )
    assert commands[gone + 1] == f"kubectl apply --kustomize {DEPLOYMENT}/{PRODUCTION}"


def test_the_page_turns_a_backup_into_a_restore(rendered, production):
    _, scripts = page(rendered())
    (expression,) = re.findall("sed '(.+)'", scripts["Back-ups"])
    backup = of_kind(production(), "CronJob")["backup"]["spec"]["jobTemplate"]
    done = subprocess.run(["sed", expression], input=yaml.safe_dump(backup), capture_output=True, encoding="utf-8")
    changed = yaml.safe_load(done.stdout)["spec"]["template"]["spec"]
    (container,) = backup["spec"]["template"]["spec"]["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert container["command"] == ["sh", "-c", "sh /tmp/backup.sh /backups"]
    container["command"] = ["sh", "-c", "sh /tmp/restore.sh /backups/TIME"]
    assert changed == backup["spec"]["template"]["spec"]
    (copier,) = changed["initContainers"]
    assert copier["command"] == ["sh", "-c", "cp /app/deploy/*.sh /tmp"]
    volumes = {volume["name"]: volume for volume in changed["volumes"]}
    claims = of_kind(production(), "PersistentVolumeClaim")
    assert volumes[mounts["/backups"]]["persistentVolumeClaim"]["claimName"] in claims
