"""The deployment files: Dagster, Celery, Kubernetes and Compose take what they say, and no secret
is in them.
"""

import re
import shutil
import subprocess
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._config import validate_config
from dagster._core.instance.config import dagster_instance_config_schema
from dagster._core.instance.ref import InstanceRef
from dagster_celery.cli import get_validated_config
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext

from dagster_project.executors import STEP_QUEUE
from dagster_project.instance import dagster_yaml, prepare_dagster_home
from dreaming.testing import make_settings

ROOT = Path(__file__).parent.parent
COMPOSE = ROOT / "deploy" / "compose"
ENGINES = ("celery", "docker")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture
def environment(monkeypatch):
    """What `dreaming.env` and compose.yaml give the daemon."""
    given = dict(
        line.split("=", 1)
        for line in example("dreaming").splitlines()
        if line and not line.startswith("#")
    )
    given |= {
        name: value
        for name, value in services()["daemon"]["environment"].items()
        if name != "DREAMING_HOME"
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


def example(name):
    return (COMPOSE / f"{name}.env.example").read_text(encoding="utf-8")


def services():
    return read(COMPOSE / "compose.yaml")["services"]


@pytest.mark.parametrize("engine", ENGINES)
def test_dagster_takes_the_instance_and_makes_its_run_launcher(engine, environment):
    """With the environment that the daemon has, and what its launcher hands on by name is set
    there.
    """
    reference = InstanceRef.from_dir(str(COMPOSE), config_filename=f"dagster-{engine}.yaml")
    launcher = reference.run_launcher
    assert (
        type(launcher).__name__
        == {"celery": "CeleryRunLauncher", "docker": "DockerRunLauncher"}[engine]
    )
    assert launcher.supports_resume_run
    if engine == "docker":
        assert set(launcher.env_vars) <= set(environment)


def test_the_instance_on_postgresql_is_opened(tmp_path, monkeypatch, postgres_url):
    """Its storage is made in the database that dreaming has."""
    monkeypatch.setenv("DREAMING_DATABASE_URL", postgres_url)
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "redis://127.0.0.1:1/1")
    shutil.copy(COMPOSE / "dagster-celery.yaml", tmp_path / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert instance.get_runs() == []
        assert instance.run_monitoring_max_resume_run_attempts == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_the_instances_agree_with_the_one_of_a_single_machine(engine, tmp_path):
    """In all but where runs go, how many at once, and that a run whose worker died is resumed
    first.
    """
    here, single = (
        read(COMPOSE / f"dagster-{engine}.yaml"),
        yaml.safe_load(dagster_yaml(tmp_path, on_postgresql=True)),
    )
    assert here["run_monitoring"].pop("max_resume_run_attempts") == 1
    for each in (here, single):
        each["concurrency"]["runs"].pop("max_concurrent_runs")
    assert {name: here[name] for name in single} == single
    assert set(here) - set(single) == {"run_launcher", "compute_logs"}


def test_celerys_workers_are_told_where_the_broker_is(environment):
    """It must stand below execution/config, or it is silently ignored."""
    config = get_validated_config(str(COMPOSE / "celery.yaml"))
    assert config["broker"] == environment["CELERY_BROKER_URL"]
    assert config["backend"] == environment["CELERY_RESULT_BACKEND"]
    assert config["config_source"]["worker_prefetch_multiplier"] == 1
    assert services()["step-worker"]["command"][-3] == STEP_QUEUE


def test_only_this_machine_reaches_the_ui_and_nothing_else_is_open():
    """It asks nobody who they are."""
    assert {name: each["ports"] for name, each in services().items() if "ports" in each} == {
        "webserver": ["127.0.0.1:3000:3000"]
    }
    assert all("healthcheck" in each for each in services().values())


@pytest.mark.parametrize(
    "path", sorted((ROOT / "deploy").rglob("*.y*ml")), ids=lambda path: path.name
)
def test_no_secret_stands_in_a_deployment_file(path):
    """They are in files of their own, which Git does not have, or in secrets of Kubernetes, by
    name.
    """
    text = path.read_text(encoding="utf-8")
    assert not re.findall(
        r"(?im)^[^#\n]*(password|api_key|secret_access_key)(?!Secret)\w*['\"]?\s*[:=]\s*\S+", text
    )
    assert not re.findall(r"(?m)^[^#\n]*\w+://[^\s/]*:[^\s/]*@", text)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/deploy/compose/*.env" in ignored


@pytest.mark.parametrize("files", [("compose.yaml",), ("compose.yaml", "compose.docker.yaml")])
def test_docker_compose_takes_the_files(tmp_path, monkeypatch, files):
    """By its own word, where it is installed: it wants no engine to say so."""
    command = compose_command()
    shutil.copytree(COMPOSE, tmp_path / "deploy" / "compose")
    for path in (tmp_path / "deploy" / "compose").glob("*.env.example"):
        shutil.copy(path, path.with_suffix(""))
    monkeypatch.setenv("DOCKER_GROUP", "998")
    named = [word for file in files for word in ("--file", file)]
    checked = subprocess.run(
        [*command, *named, "config", "--quiet"],
        cwd=tmp_path / "deploy" / "compose",
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, b"")


def compose_command():
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and not subprocess.run([*command, "version"], capture_output=True).returncode
        ):
            return command
    pytest.skip("neither `docker compose` nor `docker-compose` is here")


def helm():
    return read(ROOT / "deploy" / "helm" / "values.yaml")


def test_kubernetes_runs_have_the_environment_of_the_code_location():
    """As the chart hands it to Dagster: the fields that a run's pod takes over."""
    [deployment] = helm()["dagster-user-deployments"]["deployments"]
    assert deployment["includeConfigInLaunchedRuns"]["enabled"]
    context = K8sContainerContext.create_from_config(
        {
            "k8s": {
                "image_pull_policy": deployment["image"]["pullPolicy"],
                "env_secrets": [each["name"] for each in deployment["envSecrets"]],
                "env_vars": [f"{each['name']}={each['value']}" for each in deployment["env"]],
                "volumes": deployment["volumes"],
                "volume_mounts": deployment["volumeMounts"],
                "resources": deployment["resources"],
                "security_context": deployment["securityContext"],
            }
        }
    )
    container = context.run_k8s_config.container_config
    assert {"name": "DREAMING_EXECUTOR", "value": "k8s"} in container["env"]
    assert [each["secret_ref"]["name"] for each in container["env_from"]] == ["dreaming-env"]
    assert container["volume_mounts"] == [{"name": "scratch", "mount_path": "/dreaming"}]


def test_runs_on_kubernetes_may_do_no_more_than_the_code_location():
    """The chart does not hand its security contexts on."""
    values = helm()
    [deployment] = values["dagster-user-deployments"]["deployments"]
    launcher = values["runLauncher"]["config"]["k8sRunLauncher"]
    assert launcher["securityContext"] == deployment["securityContext"]
    assert (
        launcher["runK8sConfig"]["podSpecConfig"]["securityContext"]
        == deployment["podSecurityContext"]
    )
    told = {
        "service_account_name": "dagster",
        "dagster_home": "/opt/dagster/dagster_home",
        "instance_config_map": "dagster-instance",
        "security_context": snake(launcher["securityContext"]),
        "run_k8s_config": {"pod_spec_config": launcher["runK8sConfig"]["podSpecConfig"]},
    }
    checked = validate_config(K8sRunLauncher.config_type(), told)
    assert checked.success, checked.errors


def test_dagster_takes_what_the_chart_writes_into_its_instance():
    """Run monitoring, retries, limits and retention, by the names that Dagster has for them."""
    values = helm()
    told = {
        "run_monitoring": values["dagsterDaemon"]["runMonitoring"],
        "run_retries": values["dagsterDaemon"]["runRetries"],
        "concurrency": {
            name: part for name, part in values["concurrency"].items() if name != "enabled"
        },
        "retention": {
            name: part for name, part in values["retention"].items() if name != "enabled"
        },
        "telemetry": values["telemetry"],
    }
    checked = validate_config(dagster_instance_config_schema(), snake(told))
    assert checked.success, checked.errors
    assert values["runLauncher"]["type"] == "K8sRunLauncher"
    assert values["generatePostgresqlPasswordSecret"] is False


def snake(told):
    """The names of the chart as Dagster's."""
    if isinstance(told, list):
        return [snake(each) for each in told]
    if not isinstance(told, dict):
        return told
    return {
        name
        if name == "applyLimitPerUniqueValue"
        else re.sub("([A-Z])", r"_\1", name).lower(): snake(value)
        for name, value in told.items()
    }


def test_a_home_that_an_installed_dreaming_made_is_opened_by_the_checkout(tmp_path, monkeypatch):
    """Its event log has another name there; what a person wrote stays, an empty file too."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    configuration = tmp_path / "dagster.yaml"
    wanted = dagster_yaml(tmp_path, on_postgresql=False)
    installed = wanted.replace("dagster_project.event_log", "dreaming_dagster.event_log")
    for written, expected in (
        (installed, wanted),
        ("# mine\n" + installed, "# mine\n" + wanted),
        ("", ""),
    ):
        configuration.write_text(written)
        prepare_dagster_home(make_settings(tmp_path))
        assert configuration.read_text() == expected
