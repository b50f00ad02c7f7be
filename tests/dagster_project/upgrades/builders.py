"""Runs that upgrade: what several tests of them do and read."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from dagster_project.building import build_definitions
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider

DAYS = [date(2026, 3, 1) + timedelta(days=n) for n in range(3)]


UPGRADED = dg.AssetKey("upgraded_chunks")


def job(home, vendor, name):
    settings = ProviderSettings(api_key="sk-fake", base_url=vendor.url)
    providers = {"anthropic": ConfiguredProvider("anthropic", settings)}
    return build_definitions(home.settings, home=home, providers=providers).resolve_job_def(name)


def upgrade(home, vendor, instance, *, tags=None, run_id=None, **config):
    config = {"target_quality": "good", "budget": {"max_tokens": 500_000}} | config
    return job(home, vendor, "upgrade").execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_id=run_id,
        run_config={"ops": {"upgrade_chunks": {"config": config}}},
        tags=tags or {},
    )


def materialize(home, vendor, instance, *, tags=None, **config):
    """A materialisation of the three days from the UI, with run config."""
    return job(home, vendor, "initial").execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config={"ops": {"dreaming": {"config": config}}},
        tags={
            "dagster/asset_partition_range_start": DAYS[0].isoformat(),
            "dagster/asset_partition_range_end": DAYS[-1].isoformat(),
            **(tags or {}),
        },
    )


def metadata_of(result):
    """Day -> the metadata of what was logged of `upgraded_chunks` last."""
    found = {}
    for event in result.all_events:
        if event.is_step_materialization and event.asset_key == UPGRADED:
            logged = event.step_materialization_data.materialization
            found[logged.partition] = {name: value.value for name, value in logged.metadata.items()}
    return found


def levels(home):
    found = {}
    for day in DAYS:
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            found[day.isoformat()] = sorted({level for (level,) in chunks.cells("quality_level")})
    return found


NIGHT = datetime(2026, 11, 24, 4, tzinfo=UTC)


def set_keys(monkeypatch, environment):
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def is_observation(event):
    return event.event_type_value == "ASSET_OBSERVATION"
