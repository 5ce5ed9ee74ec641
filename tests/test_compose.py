"""docker-compose.yml and what it mounts, as far as that can be told without docker."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from streams.settings import Settings
from tests.prometheus_tools import PrometheusTools, prometheus_tools_fixture

__all__ = ["prometheus_tools_fixture"]

REPO = Path(__file__).parent.parent
SPECIFICATION = REPO / "tests/compose_spec/compose-spec.json"
ONE_SHOT = {"init"}


@cache
def compose() -> dict[str, Any]:
    """The file, anchors and merges resolved."""
    return dict(yaml.safe_load((REPO / "docker-compose.yml").read_text()))


def services() -> dict[str, dict[str, Any]]:
    return dict(compose()["services"])


def mounts(service: str) -> dict[str, str]:
    """What is mounted where, by its place in the container."""
    parts = [str(each).split(":") for each in services()[service].get("volumes", [])]
    return {part[1]: part[0] for part in parts}


def test_it_is_as_the_compose_specification_says() -> None:
    schema = json.loads(SPECIFICATION.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.validate(compose())
    wrong = json.loads(json.dumps(compose()))
    wrong["services"]["kafka"]["healthchek"] = {}
    assert [error.validator for error in validator.iter_errors(wrong)] == ["unevaluatedProperties"]


def test_every_image_is_pinned_by_its_version() -> None:
    images = [service["image"] for service in services().values()]
    images += re.findall(r"^FROM (\S+)", (REPO / "Dockerfile").read_text(), re.MULTILINE)
    assert len(images) > len(services())
    for image in images:
        assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+[\w.-]*", image), image
    assert re.fullmatch(
        r"[\w-]+@\d+\.\d+\.\d+", services()["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]
    )


def test_images_are_of_the_versions_that_the_tests_run() -> None:
    pom = (REPO / "streams/broker/pom.xml").read_text()
    kafka = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([\d.]+)</version>", pom)
    assert kafka and services()["kafka"]["image"] == f"apache/kafka:{kafka[1]}"
    engine = re.search(r"^chdb-core==(\d+\.\d+)\.", (REPO / "constraints.txt").read_text(), re.MULTILINE)
    assert engine and services()["clickhouse"]["image"].startswith(
        f"clickhouse/clickhouse-server:{engine[1]}."
    )
    version = re.search(r'^version = "(.*)"', (REPO / "pyproject.toml").read_text(), re.MULTILINE)
    assert version and services()["worker"]["image"] == f"groupbeat:{version[1]}"


def test_nothing_is_bound_beyond_localhost() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert len(published) == len(set(published)) == 5
    for port in published:
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), port
    for service in services().values():
        assert "network_mode" not in service
        assert "privileged" not in service


def test_what_is_mounted_is_there_and_only_volumes_can_be_written_to() -> None:
    used = set()
    for name, service in services().items():
        for mount in service.get("volumes", []):
            source, _, *mode = mount.split(":")
            if source.startswith("./"):
                assert (REPO / source).exists(), f"{name}: {source}"
                assert mode == ["ro"], f"{name}: {mount}"
            else:
                used.add(source)
    assert used == set(compose()["volumes"])


def test_services_wait_for_what_they_need() -> None:
    for name, service in services().items():
        assert (name in ONE_SHOT) != ("healthcheck" in service), name
        assert service["restart"] == ("on-failure:5" if name in ONE_SHOT else "unless-stopped"), name
        for other, how in service.get("depends_on", {}).items():
            ends = other in ONE_SHOT
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")
    assert set(services()["sink"]["depends_on"]) == {"init", "clickhouse"}
    assert set(services()["worker"]["depends_on"]) == {"init"}
    assert set(services()["init"]["depends_on"]) == {"kafka"}


@pytest.mark.usefixtures("clean_environment")
@pytest.mark.parametrize("name", ["init", "worker", "sink"])
def test_the_environment_of_ours_is_of_settings_that_exist(name: str) -> None:
    given = {}
    for variable, value in services()[name]["environment"].items():
        assert variable.startswith("GROUPBEAT_")
        setting = variable.removeprefix("GROUPBEAT_").removesuffix("_FILE").lower()
        assert setting in Settings.model_fields, variable
        given[setting] = re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
    settings = Settings.model_validate(given)
    assert settings.broker == "kafka:19092"
    command = services()[name]["command"]
    assert command == [name]


def test_health_is_asked_where_it_is_answered() -> None:
    for name, port in (("worker", Settings().worker_port), ("sink", Settings().sink_port)):
        assert f"'http://127.0.0.1:{port}/health'" in services()[name]["healthcheck"]["test"][-1]
        assert services()[name]["environment"]["GROUPBEAT_HOST"] == "0.0.0.0"  # or Prometheus finds nobody
        assert "ports" not in services()[name]


def test_every_secret_is_asked_for_and_stands_in_no_environment() -> None:
    variables = {secret["environment"] for secret in compose()["secrets"].values()}
    required = {re.fullmatch(r"\$\{(\w+):\?.+\}", each) for each in compose()["x-required"]}
    assert {found[1] for found in required if found} == variables  # `:?` refuses an empty one, too
    example = dict(re.findall(r"^(\w+)=(.*)$", (REPO / ".env.example").read_text(), re.MULTILINE))
    assert example == dict.fromkeys(variables, "")
    assert ".env" in (REPO / ".gitignore").read_text().split()
    for name, service in services().items():
        text = json.dumps(service)
        assert not [variable for variable in variables if f"{{{variable}" in text], name
        for secret in service.get("secrets", []):
            assert secret["source"] in compose()["secrets"]
            assert secret["mode"] == "0444"  # the image's user isn't root
        files = re.findall(r"/run/secrets/(\w+)", text)
        assert set(files) <= {secret["source"] for secret in service.get("secrets", [])}, name


def test_prometheus_has_the_rules_and_jobs_of_ours(prometheus_tools: PrometheusTools, tmp_path: Path) -> None:
    at = mounts("prometheus")
    root = tmp_path / "etc/prometheus"
    root.mkdir(parents=True)
    (root / "prometheus.yml").write_text((REPO / at["/etc/prometheus/prometheus.yml"]).read_text())
    (root / "rules").symlink_to((REPO / at["/etc/prometheus/rules"]).resolve())
    checked = prometheus_tools.run(prometheus_tools.promtool, "check", "config", root / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout

    here = yaml.safe_load((root / "prometheus.yml").read_text())
    elsewhere = yaml.safe_load((REPO / "dashboards/prometheus/prometheus.yml").read_text())
    assert here["rule_files"] == [f"rules/{name}" for name in elsewhere["rule_files"]]
    assert here["global"] == elsewhere["global"]
    targets = {each["job_name"]: each["static_configs"][0]["targets"] for each in here["scrape_configs"]}
    assert targets == {
        each["job_name"]: [f"{each['job_name'].removeprefix('groupbeat-')}:{port}"]
        for each, port in zip(
            elsewhere["scrape_configs"], (Settings().worker_port, Settings().sink_port), strict=True
        )
    }
    managers = here["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert managers == ["alertmanager:9093"]


def test_alertmanager_reads_its_configuration_where_it_is_mounted(prometheus_tools: PrometheusTools) -> None:
    folder = REPO / mounts("alertmanager")["/etc/alertmanager"]
    assert "--config.file=/etc/alertmanager/alertmanager.yml" in services()["alertmanager"]["command"]
    checked = prometheus_tools.run(prometheus_tools.amtool, "check-config", folder / "alertmanager.yml")
    assert checked.returncode == 0, checked.stdout
    assert "1 templates" in checked.stdout


def test_the_rules_of_the_worker_are_the_defaults() -> None:
    from schemas.rules import load_rules

    mounted = mounts("worker")[services()["worker"]["environment"]["GROUPBEAT_RULES"]]
    assert load_rules(REPO / mounted) == load_rules(None)


def test_grafana_asks_as_the_reader_with_the_plugin_that_is_installed() -> None:
    at = mounts("grafana")
    provisioning = REPO / at["/etc/grafana/provisioning"]
    [file] = (provisioning / "datasources").glob("*.yml")
    clickhouse, prometheus = yaml.safe_load(file.read_text())["datasources"]
    plugin = services()["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]
    assert plugin.partition("@")[0] == clickhouse["type"]
    assert (clickhouse["jsonData"]["host"], clickhouse["jsonData"]["port"]) == ("clickhouse", 8123)
    assert clickhouse["jsonData"]["username"] == "reader"
    assert clickhouse["secureJsonData"]["password"] == "$__file{/run/secrets/clickhouse_reader}"
    assert "clickhouse_reader" in {secret["source"] for secret in services()["grafana"]["secrets"]}
    assert prometheus["url"] == "http://prometheus:9090"
    [file] = (provisioning / "dashboards").glob("*.yml")
    [provider] = yaml.safe_load(file.read_text())["providers"]
    assert list((REPO / at[provider["options"]["path"]]).glob("*.json"))
