"""The tests run on a clock that is set, and all that they start does too."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from dreaming.home import utc_now
from tests.moved_clock.moved_clock import DEFAULT_TODAY, TODAY


def test_today_is_the_day_that_was_chosen():
    """Noon of it when the tests began; they take less than half a day."""
    noon = datetime.fromisoformat(os.environ.get(TODAY, DEFAULT_TODAY)).replace(hour=12, tzinfo=UTC)
    assert noon <= utc_now() < noon + timedelta(hours=12)


def test_a_child_process_has_the_same_time():
    """Whatever it uses to read it."""
    code = (
        "import time; from datetime import UTC, datetime; print(time.time(), "
        "datetime.now(UTC).timestamp())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    for shown in printed.split():
        assert abs(float(shown) - utc_now().timestamp()) < 60
