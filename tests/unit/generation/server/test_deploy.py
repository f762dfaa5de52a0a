"""The deployment: its schema, the arguments and probes that it names, and its command, run here."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from fmlab.generation.server import __main__ as command
from fmlab.generation.server.app import make_app
from fmlab.models.pretrained import SHIPPED, SMOLLM2
from tools.processes import free_port

ROOT = Path(__file__).resolve().parents[4]
DEPLOY = ROOT / "deploy" / "serving"
DOCUMENTS = list(yaml.safe_load_all((DEPLOY / "server.yaml").read_text(encoding="utf-8")))
SECONDS = 120  # to load the models on a busy machine


@pytest.fixture(scope="module")
def parts():
    return {document["kind"]: document for document in DOCUMENTS}


@pytest.fixture(scope="module")
def pod(parts):
    return parts["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def container(pod):
    (container,) = pod["containers"]
    return container


# The files


@pytest.mark.parametrize("document", DOCUMENTS, ids=[document["kind"] for document in DOCUMENTS])
def test_every_object_follows_the_schema_of_kubernetes(document):
    validator = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    version = validator.latest_version()
    validator.validate(document, version, strict=True)
    broken = document | {"spec": document["spec"] | {"replica": 2}}
    with pytest.raises(validator.ValidationError):
        validator.validate(broken, version, strict=True)


def test_the_arguments_are_the_servers(container):
    given = command.parser().parse_args(container["args"])
    assert set(given.model) <= {*SHIPPED, SMOLLM2}
    assert given.threads == int(container["resources"]["limits"]["cpu"])


def test_the_probes_ask_routes_that_there_are(container):
    routes = {route.path for route in make_app(None).routes}
    probes = [container[name]["httpGet"] for name in ("readinessProbe", "livenessProbe")]
    assert {probe["path"] for probe in probes} <= routes
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert all(ports[probe["port"]] == 8000 for probe in probes)


def test_the_service_leads_to_the_port_of_the_container(parts, container):
    (port,) = parts["Service"]["spec"]["ports"]
    ports = {entry["name"]: entry["containerPort"] for entry in container["ports"]}
    assert ports[port["targetPort"]] == command.parser().get_default("port")
    annotations = parts["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert int(annotations["prometheus.io/port"]) == ports[port["targetPort"]]
    assert annotations["prometheus.io/path"] in {route.path for route in make_app(None).routes}


def test_a_pod_is_given_longer_to_stop_than_the_server_takes(pod, container):
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > before + command.SECONDS_TO_FINISH


def test_the_service_and_the_budget_select_the_pods(parts):
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert parts["Service"]["spec"]["selector"] == labels
    assert parts["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert parts["Deployment"]["spec"]["selector"]["matchLabels"] == labels


def test_memory_and_cores_are_limited_and_every_mount_has_a_volume(pod, container):
    resources = container["resources"]
    assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    home = {entry["name"]: entry["value"] for entry in container["env"]}["HOME"]
    assert home in mounts.values(), "the root is read-only"


def test_the_image_copies_files_that_there_are_and_has_the_ports_of_the_server(container):
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+) \S+$", image, re.M):
        assert all((ROOT / name).exists() for name in line.split()), line
    (port,) = re.findall(r"^EXPOSE (\d+)$", image, re.M)
    assert int(port) == container["ports"][0]["containerPort"]
    assert re.findall(r"^USER (\d+):(\d+)$", image, re.M) == [("1000", "1000")]


# The command of the container, run here


def entrypoint():
    """Return what the image runs, as a list of words."""
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    return yaml.safe_load(re.search(r"^ENTRYPOINT (\[.+\])$", image, re.M)[1])


@pytest.fixture
def server(container, tmp_path):
    """Start the command of the container with its arguments, on a port that is free here."""
    port = free_port()
    python, *rest = entrypoint()
    assert python == "python"
    words = [sys.executable, *rest, *container["args"], "--port", str(port)]
    environment = os.environ | {entry["name"]: str(tmp_path) for entry in container["env"]}
    process = subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield process, f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


def when_ready(process, address, path):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            return httpx.get(f"{address}{path}", timeout=5)
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(f"no answer; exit status {process.poll()}")


def test_the_command_answers_the_probes_and_a_request_and_stops(server, container):
    process, address = server
    for name in ("readinessProbe", "livenessProbe"):
        assert when_ready(process, address, container[name]["httpGet"]["path"]).status_code == 200
    given = command.parser().parse_args(container["args"])
    models = httpx.get(f"{address}/v1/models", timeout=60).json()["data"]
    assert [model["id"] for model in models] == given.model
    fields = {"model": given.model[0], "prompt": "Ada lives in", "max_tokens": 2}
    answer = httpx.post(f"{address}/v1/completions", json=fields, timeout=60)
    assert answer.json()["usage"]["completion_tokens"] == 2
    process.send_signal(signal.SIGTERM)  # as a cluster does
    assert process.wait(timeout=60) in (0, -signal.SIGTERM)  # uvicorn passes the signal on
