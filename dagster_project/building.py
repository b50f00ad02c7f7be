"""The definitions, buildable with overrides."""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import dagster as dg

from assets.day import build_assets
from assets.segmenter import segmenter
from dagster_project.executors import build_executor
from dagster_project.jobs import (
    build_initial_job,
    build_learn_job,
    dream_days,
    import_watched_folders,
    upgrade,
)
from dagster_project.large_day import build_large_day_job
from dagster_project.retention import build_retention_sensor
from dagster_project.schedules import (
    build_initial_schedule,
    build_learn_schedule,
    build_upgrade_schedule,
)
from dagster_project.sensors import (
    build_batches_sensor,
    build_imports_sensor,
    build_orphans_sensor,
    build_tasks_sensor,
)
from dreaming.days import Calendar
from dreaming.home import Home, open_home, utc_now
from dreaming.providers.configured import CLOUD_PREFIXES, configured_providers
from dreaming.providers.registry import ConfiguredProvider
from dreaming.settings import Settings
from resources import (
    AnthropicResource,
    DatabaseSourceResource,
    HomeResource,
    LocalLLMResource,
    OpenAIResource,
    WatchedFoldersResource,
)


def build_definitions(
    settings: Settings,
    *,
    home: object | None = None,
    providers: Mapping[str, object] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> dg.Definitions:
    """The definitions for settings.

    Args:
        settings: the settings of the environment.
        home: an open `Home` (or a resource that opens one) instead of the configured resource, for
            runs in the caller's own process and for tests.
        providers: configured providers (or resources of them) instead of the resources of these
            names.
        clock: the time for schedules and sensors, for tests.

    """

    # Schedules and sensors get no resources: each tick opens these for itself.
    def configured() -> dict[str, ConfiguredProvider]:
        return _providers_with(settings, providers)

    def open_configured() -> AbstractContextManager[Home]:
        return open_home(settings, clock=clock)

    # Opened once, for the zone and the first day that are pinned in the home.
    with open_configured() as opened:
        calendar = opened.archive.calendar
    partitions = daily_partitions(calendar)
    initial = build_initial_job()
    learn = build_learn_job()
    return dg.Definitions(
        assets=[build_assets(partitions, days_a_run=settings.days_a_run), segmenter],
        jobs=[
            initial,
            learn,
            dream_days,
            build_large_day_job(build_executor(settings.executor)),
            upgrade,
            import_watched_folders,
        ],
        schedules=[
            build_initial_schedule(initial, calendar, clock),
            build_learn_schedule(learn, calendar, clock),
            build_upgrade_schedule(
                upgrade,
                calendar,
                clock,
                open_configured,
                configured,
                planner=settings.planner or "",
                delivery=settings.nightly_delivery,
            ),
        ],
        sensors=[
            build_imports_sensor(open_configured),
            build_orphans_sensor(open_configured),
            build_batches_sensor(open_configured, configured),
            build_tasks_sensor(open_configured, [initial, upgrade], clock),
            build_retention_sensor(
                import_watched_folders, keep_days=settings.keep_runs_days, clock=clock
            ),
        ],
        resources={
            "home": home if home is not None else home_resource(settings),
            **provider_resources(settings),
            **(providers or {}),
        },
        executor=dg.in_process_executor,
    )


def daily_partitions(calendar: Calendar) -> dg.DailyPartitionsDefinition:
    """A partition for every local day from the start day to today, the current day included."""
    return dg.DailyPartitionsDefinition(
        start_date=calendar.start.isoformat(), timezone=calendar.zone.key, end_offset=1
    )


def home_resource(settings: Settings) -> HomeResource:
    """The resource for settings; URLs that may hold a password stay environment variables."""
    # The UI shows a resource's values, and of an `EnvVar` only its name.
    store_url = (
        dg.EnvVar("DREAMING_STORE") if "DREAMING_STORE" in os.environ else settings.store_url
    )
    return HomeResource(
        home=str(settings.home),
        store_url=store_url,
        database_url=dg.EnvVar("DREAMING_DATABASE_URL") if settings.database_url else "",
        time_zone=settings.time_zone or "",
        start_date=settings.start_date.isoformat(),
        remember_queries=settings.remember_queries,
        embedding=settings.embedding,
        local_only_sources=list(settings.local_only_sources),
        watched_folders=WatchedFoldersResource(
            folders=[str(folder) for folder in settings.watched_folders]
        ),
        database_source=database_source(settings),
    )


def provider_resources(
    settings: Settings,
) -> dict[str, dg.ConfigurableResource[ConfiguredProvider]]:
    """The providers by the names of their resources; keys stay in the environment."""
    patterns = str(settings.private_patterns or "")
    return {
        "anthropic": AnthropicResource(
            private_patterns=patterns, **_from_environment(CLOUD_PREFIXES["anthropic"])
        ),
        "openai": OpenAIResource(
            private_patterns=patterns, **_from_environment(CLOUD_PREFIXES["openai"])
        ),
        "local_llm": LocalLLMResource(
            base_url=settings.local_llm_url or "",
            model=settings.local_llm_model or "",
            private_patterns=patterns,
            own_hosts=list(settings.own_hosts),
        ),
    }


def _providers_with(
    settings: Settings, instead: Mapping[str, object] | None
) -> dict[str, ConfiguredProvider]:
    """The providers of the environment by name, the preferred first; `instead` replaces some."""
    providers = configured_providers(settings)
    if instead:
        with dg.build_resources(instead) as opened:
            for provider in opened._asdict().values():
                providers[provider.name] = provider
    return providers


def _from_environment(prefix: str) -> dict[str, Any]:
    """A vendor's own variables, which are read when a run starts."""
    variables = {
        "api_key": f"{prefix}_API_KEY",
        "admin_key": f"{prefix}_ADMIN_KEY",
        "base_url": f"{prefix}_BASE_URL",
    }
    # Only those that are set: Dagster fails every run on another one.
    return {field: dg.EnvVar(name) for field, name in variables.items() if os.environ.get(name)}


def database_source(settings: Settings) -> DatabaseSourceResource:
    """The user's own database as a source, or one that is switched off."""
    source = settings.database_source
    if source is None:
        return DatabaseSourceResource()
    return DatabaseSourceResource(
        name=source.name,
        url=dg.EnvVar("DREAMING_SOURCE_URL"),
        query=source.query,
        columns=dict(source.columns),
        bounds=source.bounds,
    )
