"""Settings: what the environment decides, read once at a front door."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import platformdirs

from dreaming.errors import ConfigurationError
from dreaming.model_call import Delivery
from dreaming.privacy.masking import Masking
from dreaming.privacy.user_marks import read_patterns

DEFAULT_START_DATE = date(2010, 1, 1)
"""Old enough for any export; a day without conversations is no missing day."""

DEFAULT_KEEP_RUNS_DAYS = 90

Planner = Literal["rules", "thinking"]
ExecutorName = Literal["in_process", "multiprocess", "celery", "docker", "k8s"]


@dataclass(frozen=True, slots=True)
class DatabaseSourceSettings:
    """The user's own database as a source of conversations; see `dreaming.sources.database`."""

    name: str
    url: str = field(repr=False)
    query: str
    columns: Mapping[str, str]
    bounds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that dreaming reads from the environment, read once at a front door."""

    home: Path
    """The folder of everything that is kept, absolute (`DREAMING_HOME`)."""
    store_url: str = field(repr=False)
    """Where the partitions are: a path or an fsspec URL, which may hold a password
    (`DREAMING_STORE`).
    """
    database_url: str | None = field(repr=False)
    """A PostgreSQL URL for everything in SQL; None for SQLite files in `home`
    (`DREAMING_DATABASE_URL`).
    """
    time_zone: str | None
    """The IANA zone asked for; None takes the machine's (`DREAMING_TIMEZONE`). The one that was
    pinned wins.
    """
    start_date: date
    """The first day that has a partition (`DREAMING_START_DATE`)."""
    watched_folders: tuple[Path, ...]
    """Folders whose exports are imported as they appear (`DREAMING_WATCH`, separated as in PATH).
    """
    database_source: "DatabaseSourceSettings | None"
    """The user's own database as a source, where there is one (`DREAMING_SOURCE_*`)."""
    local_llm_url: str | None
    """Where the local LLM is (`DREAMING_LOCAL_URL`, else `OLLAMA_HOST`); None looks at the usual
    places.
    """
    local_llm_model: str | None
    """Which model it is (`DREAMING_LOCAL_MODEL`); None is llama-3.2-3b."""
    remember_queries: bool
    """Whether searches are remembered, locally, to tell what matters (`DREAMING_REMEMBER_QUERIES`).
    """
    embedding: bool = False
    """Whether the small multilingual model of the extra `embedding` helps to find topics
    (`DREAMING_EMBEDDING`).
    """
    private_patterns: Path | None = None
    """A file of regular expressions of what must not leave the machine, a line each
    (`DREAMING_PRIVATE_PATTERNS`).
    """
    masking: Masking = field(default_factory=Masking)
    """What is masked: secrets, what is marked as private, and those patterns."""
    local_only_sources: tuple[str, ...] = ()
    """Sources, by name or watched folder, that never leave the machine
    (`DREAMING_LOCAL_ONLY_SOURCES`, by commas).
    """
    own_hosts: tuple[str, ...] = ()
    """Other machines whose local LLM counts as this one (`DREAMING_OWN_HOSTS`, separated by
    commas).
    """
    planner: Planner | None = None
    """Who plans the nightly upgrade, so that the month's budget lasts (`DREAMING_PLANNER`); None
    takes all.
    """
    nightly_delivery: Delivery | None = None
    """How the nightly upgrade's replies come (`DREAMING_NIGHTLY_DELIVERY`); None: in batches where
    there are any.
    """
    executor: ExecutorName = "multiprocess"
    """Where the shards of a large day are cut (`DREAMING_EXECUTOR`)."""
    days_a_run: int | None = None
    """The days that a run of a backfill takes at most (`DREAMING_DAYS_A_RUN`); None makes one run
    of them all.
    """
    keep_runs_days: int = DEFAULT_KEEP_RUNS_DAYS
    """How long Dagster's runs and their events are kept (`DREAMING_KEEP_RUNS_DAYS`); 0 for ever."""

    @property
    def store_name(self) -> str:
        """Where the partitions are, without user and password."""
        return _without_password(self.store_url)

    @property
    def database_name(self) -> str:
        """Where everything in SQL is, without user and password."""
        return _without_password(self.database_url or str(self.home))

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its runs, unless `DAGSTER_HOME` says otherwise."""
        return self.home / "dagster"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings; raises `ConfigurationError` naming the variable, its value and what
        was expected.
        """
        env = os.environ if environment is None else environment
        home = absolute_path(env.get("DREAMING_HOME") or platformdirs.user_data_path("dreaming"))
        database_url = env.get("DREAMING_DATABASE_URL") or None
        store_url = _store_url(env.get("DREAMING_STORE"), home)
        if "://" in store_url and not store_url.startswith("file://") and database_url is None:
            raise ConfigurationError(
                f"DREAMING_STORE={_without_password(store_url)!r} is shared storage, which needs "
                "DREAMING_DATABASE_URL "
                "(PostgreSQL) for its locks. Set it, or leave DREAMING_STORE unset to keep "
                "partitions in DREAMING_HOME."
            )
        advice = f"Use one, {DEFAULT_KEEP_RUNS_DAYS} for example; 0 is for ever."
        keep_runs_days = _days(env, "DREAMING_KEEP_RUNS_DAYS", 0, advice)
        if keep_runs_days is None:
            keep_runs_days = DEFAULT_KEEP_RUNS_DAYS
        patterns = None
        masking = Masking()
        if env.get("DREAMING_PRIVATE_PATTERNS"):
            patterns = absolute_path(env["DREAMING_PRIVATE_PATTERNS"])
            # Read now: a broken pattern is an error before anything leaves the machine.
            masking = Masking(read_patterns(patterns))
        folders = (env.get("DREAMING_WATCH") or "").split(os.pathsep)
        return cls(
            home=home,
            store_url=store_url,
            database_url=_postgresql_url(database_url),
            time_zone=_zone_name(env.get("DREAMING_TIMEZONE") or None),
            start_date=_start_date(env.get("DREAMING_START_DATE") or None),
            watched_folders=tuple(absolute_path(folder) for folder in folders if folder),
            database_source=_database_source(env),
            local_llm_url=env.get("DREAMING_LOCAL_URL") or env.get("OLLAMA_HOST") or None,
            local_llm_model=env.get("DREAMING_LOCAL_MODEL") or None,
            remember_queries=_switch(env, "DREAMING_REMEMBER_QUERIES", default=True),
            embedding=_switch(env, "DREAMING_EMBEDDING", default=False),
            private_patterns=patterns,
            masking=masking,
            local_only_sources=_listed(env.get("DREAMING_LOCAL_ONLY_SOURCES")),
            own_hosts=_listed(env.get("DREAMING_OWN_HOSTS")),
            planner=_planner(env.get("DREAMING_PLANNER") or None),
            nightly_delivery=_delivery(env.get("DREAMING_NIGHTLY_DELIVERY") or None),
            executor=_executor(env.get("DREAMING_EXECUTOR") or "multiprocess"),
            days_a_run=_days(env, "DREAMING_DAYS_A_RUN", 1, "Set it to 1 or more."),
            keep_runs_days=keep_runs_days,
        )


def _listed(text: str | None) -> tuple[str, ...]:
    """The items of a list that is separated by commas."""
    parts = [part.strip() for part in (text or "").split(",")]
    return tuple(part for part in parts if part)


def _planner(name: str | None) -> Planner | None:
    if name is not None and name not in get_args(Planner):
        raise ConfigurationError(
            f"DREAMING_PLANNER={name!r} is none. Set it to rules or thinking, or leave it unset."
        )
    return name  # type: ignore[return-value] # one of them, as was just looked


def _delivery(name: str | None) -> Delivery | None:
    if name is not None and name not in get_args(Delivery):
        raise ConfigurationError(
            f"DREAMING_NIGHTLY_DELIVERY={name!r} is none. Set it to now or batch, or leave it "
            "unset."
        )
    return name  # type: ignore[return-value] # one of them, as was just looked


def _executor(name: str) -> ExecutorName:
    names = get_args(ExecutorName)
    if name not in names:
        raise ConfigurationError(
            f"DREAMING_EXECUTOR={name!r} is none. Set it to one of {', '.join(names)}."
        )
    return name  # type: ignore[return-value] # one of them, as was just looked


def absolute_path(path: str | Path) -> Path:
    """The absolute path that a setting names, with `~` as the user's folder."""
    # Absolute: other processes, with other current folders, get the path too.
    return Path(path).expanduser().absolute()


def parse_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name; raises `ConfigurationError`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"Time zone {name!r} is unknown. Use an IANA name such as 'Europe/Berlin' or "
            "'Asia/Tokyo'."
        ) from error


def parse_day(text: str) -> date:
    """The day of an ISO date; raises `ConfigurationError`."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is no day. Write it as YYYY-MM-DD, for example 2026-02-13."
        ) from error


def _database_source(env: Mapping[str, str]) -> DatabaseSourceSettings | None:
    url = env.get("DREAMING_SOURCE_URL")
    if not url:
        return None
    query = env.get("DREAMING_SOURCE_QUERY")
    if not query:
        raise ConfigurationError(
            "DREAMING_SOURCE_URL is set, so DREAMING_SOURCE_QUERY must hold the query to ask."
        )
    text = env.get("DREAMING_SOURCE_COLUMNS") or "{}"
    try:
        columns = {str(ours): str(theirs) for ours, theirs in json.loads(text).items()}
    except (ValueError, AttributeError) as error:
        raise ConfigurationError(
            f"DREAMING_SOURCE_COLUMNS={text!r} is no JSON object of column names, for example "
            '{"conversation_id": "chat_id"}.'
        ) from error
    name = env.get("DREAMING_SOURCE_NAME") or "database"
    bounds = env.get("DREAMING_SOURCE_BOUNDS") or "datetime"
    return DatabaseSourceSettings(name, url, query, columns, bounds)


def _zone_name(name: str | None) -> str | None:
    return parse_zone(name).key if name else None


def _start_date(text: str | None) -> date:
    try:
        return parse_day(text) if text else DEFAULT_START_DATE
    except ConfigurationError as error:
        raise ConfigurationError(f"DREAMING_START_DATE: {error}") from error


def _store_url(text: str | None, home: Path) -> str:
    if not text:
        return str(home / "partitions")
    return text if "://" in text else str(absolute_path(text))


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    # By the last @: a password may hold one.
    _, _, without_password = rest.rpartition("@")
    return f"{scheme}{separator}{without_password}"


def _postgresql_url(url: str | None) -> str | None:
    if url is None or url.startswith(("postgresql://", "postgresql+psycopg2://")):
        return url
    scheme = url.split(":", 1)[0]
    raise ConfigurationError(
        f"DREAMING_DATABASE_URL has scheme {scheme!r}; expected "
        "'postgresql://USER:PASSWORD@HOST/NAME'. "
        "Leave it unset to use SQLite files in DREAMING_HOME."
    )


def _days(env: Mapping[str, str], name: str, least: int, advice: str) -> int | None:
    text = env.get(name)
    if not text:
        return None
    if not text.isdecimal() or int(text) < least:
        raise ConfigurationError(f"{name}={text!r} is no number of days. {advice}")
    return int(text)


def _switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    words = {"": default, "1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    value = env.get(name, "").strip().lower()
    if value not in words:
        raise ConfigurationError(f"{name}={value!r} is neither on nor off. Use 1 or 0.")
    return words[value]
