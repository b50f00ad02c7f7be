"""A home, and the environment of a server for it."""

import os

import pytest

from dreaming.home import open_home
from dreaming.settings import Settings
from dreaming.testing import make_conversation
from tests.builders import talk


@pytest.fixture
def environment(tmp_path, vendor):
    """Of a server over a home of three conversations."""
    own = {
        "DREAMING_HOME": str(tmp_path / "home"),
        "DREAMING_TIMEZONE": "UTC",
        "DREAMING_LOCAL_URL": "http://127.0.0.1:9/v1",
        "ANTHROPIC_API_KEY": "sk-fake",
        "ANTHROPIC_BASE_URL": vendor.url,
    }
    with open_home(Settings.from_environment(own)) as home:
        home.archive.add(
            [make_conversation(talk(n), conversation_id=f"test:{n}") for n in range(3)]
        )
        for day in home.pipeline.waiting_days():
            home.pipeline.run_day(day)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | own
