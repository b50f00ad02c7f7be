"""New code over what earlier versions of dreaming wrote: `old_homes` holds homes as they left them.

`2026-11-24-basic`: three days, basic. `2026-11-25-upgraded`: the same, of which two days were
upgraded by the request "old-request", which spent 664 tokens. `2026-11-26-upgraded`: that one,
after the version of a day later had run its days.
"""

import tarfile
from datetime import date
from pathlib import Path

import pytest

from dreaming.home import open_home
from dreaming.measuring.checking import check_nothing_lost, check_verbatim
from dreaming.spending.budgets import request_scope
from dreaming.testing import FixedClock, make_settings

DAYS = [date(2026, 3, day) for day in (1, 2, 3)]
OLD_HOMES = sorted(Path(__file__).with_name("old_homes").glob("*.tar.gz"))
OLD_SPENT = 664


def ids(home):
    found = {}
    for day in DAYS:
        with home.store.open_chunks("upgraded_chunks", day) as chunks:
            found |= {
                chunk.chunk_id: (chunk.created_at, chunk.quality_level) for chunk in chunks.rows()
            }
    return found


@pytest.fixture(params=OLD_HOMES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def old_home(request, tmp_path):
    """The settings of a home that an earlier version left, and its name."""
    with tarfile.open(request.param) as held:
        held.extractall(tmp_path / "home", filter="data")
    return make_settings(tmp_path / "home"), request.param.name


def test_what_an_earlier_version_wrote_is_kept_and_searchable_after_one_run(old_home):
    """Chunks keep their ids, times and levels; what was spent stays spent; no call is made."""
    settings, name = old_home
    with open_home(settings, clock=FixedClock()) as home:
        before = ids(home)
        waiting = home.pipeline.waiting_days()
        assert waiting == DAYS
        for day in waiting:
            home.pipeline.run_day(day, rechunk="changed")
            assert check_verbatim(home.store, "upgraded_chunks", day).passed
            assert check_nothing_lost(home.store, home.index, day).passed
        assert ids(home) == before
        assert home.pipeline.waiting_days() == []
        assert len(home.memory.search("港は")) == len(DAYS)
        if "upgraded" in name:
            assert {level for _, level in before.values()} == {"basic", "good"}
            assert home.ledger.balance(request_scope("old-request")).used.tokens == OLD_SPENT
            assert home.undo("old-request") == DAYS[:2]
            assert {level for _, level in ids(home).values()} == {"basic"}
