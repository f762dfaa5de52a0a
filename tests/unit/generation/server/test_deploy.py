"""The deployment names arguments that the server has, and routes that it answers."""

from pathlib import Path

import pytest
import yaml

from fmlab.generation.server import __main__ as command
from fmlab.generation.server.app import make_app
from fmlab.models.pretrained import SHIPPED, SMOLLM2

DEPLOY = Path(__file__).resolve().parents[4] / "deploy" / "serving"


@pytest.fixture(scope="module")
def parts():
    documents = yaml.safe_load_all((DEPLOY / "server.yaml").read_text(encoding="utf-8"))
    return {document["kind"]: document for document in documents}


@pytest.fixture(scope="module")
def container(parts):
    (container,) = parts["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container


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


def test_a_pod_is_given_longer_to_stop_than_the_server_takes(parts, container):
    seconds = parts["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert seconds > before + command.SECONDS_TO_FINISH


def test_the_service_and_the_budget_select_the_pods(parts):
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert parts["Service"]["spec"]["selector"] == labels
    assert parts["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert parts["Deployment"]["spec"]["selector"]["matchLabels"] == labels
