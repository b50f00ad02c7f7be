"""A vendor gets as many attempts at once as it bears, and none while it is down."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreaming.model_call import Answer, Failure, FailureReason, TokenUsage
from dreaming.providers.pace import Pace
from dreaming.providers.retrying import retry

FINE = Answer(text="{}", usage=TokenUsage(), stop="end", model="m", vendor_ref=None, seconds=0.1)


def failure(reason, **options):
    return Failure(
        reason=reason, charge=options.pop("charge", "released"), message=f"{reason}.", **options
    )


class Time:
    """A clock that sleeping moves."""

    def __init__(self):
        self.now = 1_000.0
        self.slept = []

    def __call__(self):
        """The moment."""
        return self.now

    async def sleep(self, seconds):
        """Move it."""
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
        return True


def pace(time, **options):
    return Pace("vendor", clock=time, sleep=time.sleep, **{"max_concurrency": 8} | options)


async def ending_in(outcome):
    return outcome


@given(
    st.integers(1, 6),
    st.lists(st.sampled_from(["fine", "rate_limited", "cancelled", "raises"]), max_size=40),
)
def test_never_more_than_the_limit_and_no_place_is_lost(limit, endings):
    """Whatever becomes of attempts: refused, cancelled in flight or while waiting, broken."""
    time = Time()
    own = pace(time, max_concurrency=limit)
    at_once = most = 0

    async def attempt(ending):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if ending == "raises":
                raise RuntimeError
            return failure(FailureReason.RATE_LIMITED) if ending == "rate_limited" else FINE
        finally:
            at_once -= 1

    async def run():
        tasks = [
            asyncio.create_task(own.run(lambda ending=ending: attempt(ending)))
            for ending in endings
        ]
        await asyncio.sleep(0)
        for task, ending in zip(tasks, endings, strict=True):
            if ending == "cancelled":
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert own.in_flight == 0
        assert await own.run(lambda: ending_in(FINE)) == FINE

    asyncio.run(run())
    assert most <= limit


def test_the_limit_is_halved_once_a_round_and_grows_back_slowly():
    """Refusals of attempts that began before the cut do not cut again."""
    time = Time()
    own = pace(time, max_concurrency=16)

    async def run():
        both = asyncio.Event()

        async def refused():
            await both.wait()
            return failure(FailureReason.RATE_LIMITED)

        tasks = [asyncio.create_task(own.run(refused)) for _ in range(16)]
        await asyncio.sleep(0)
        both.set()
        await asyncio.gather(*tasks)
        assert own.limit == 8
        for _ in range(9):
            await own.run(lambda: ending_in(FINE))
        assert 9 <= own.limit < 9.2
        for _ in range(500):
            await own.run(lambda: ending_in(FINE))
        assert own.limit == 16

    asyncio.run(run())


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (86_400.0, 60.0)])
def test_what_the_vendor_asks_to_wait_all_wait_but_no_longer_than_a_minute(asked, waited):
    """`Retry-After` is obeyed, and capped."""
    time = Time()
    own = pace(time)

    async def run():
        await own.run(
            lambda: ending_in(failure(FailureReason.RATE_LIMITED, retry_after_seconds=asked))
        )
        await own.run(lambda: ending_in(FINE))

    asyncio.run(run())
    assert time.slept == [pytest.approx(waited)]


def test_a_vendor_that_is_down_is_left_alone_then_asked_once():
    """After five failures in a row; the probe decides."""
    time = Time()
    own = pace(time)
    sent = []

    async def run():
        async def attempt(outcome):
            sent.append(outcome)
            return outcome

        async def once(outcome):
            return await own.run(lambda: attempt(outcome))

        down = failure(FailureReason.SERVER_ERROR, charge="unknown")
        for _ in range(5):
            await once(down)
        refused = await once(FINE)
        assert refused.reason == "circuit_open"
        assert refused.charge == "released"
        assert "5 times" in refused.message
        assert len(sent) == 5
        time.now += 31
        assert await once(down) == down
        assert (await once(FINE)).reason == "circuit_open"
        time.now += 31
        assert await once(FINE) == FINE
        assert await once(FINE) == FINE

    asyncio.run(run())
    assert len(sent) == 8


def test_an_account_that_is_refused_is_refused_for_good():
    """With the same reason, and at no cost."""
    time = Time()
    own = pace(time)

    async def run():
        first = failure(FailureReason.UNAUTHORIZED, usage=TokenUsage(input_tokens=3))
        assert await own.run(lambda: ending_in(first)) == first
        time.now += 10_000
        again = await own.run(lambda: ending_in(FINE))
        assert again.reason == "unauthorized"
        assert again.charge == "released"
        assert again.usage is None

    asyncio.run(run())


@pytest.mark.parametrize(
    ("outcomes", "attempts"),
    [
        ([FINE], 1),
        ([failure(FailureReason.BAD_REQUEST)], 1),
        ([failure(FailureReason.RATE_LIMITED, transient=True)] * 20, 8),
        ([failure(FailureReason.TIMEOUT, transient=True, charge="unknown")] * 20, 3),
        ([failure(FailureReason.RATE_LIMITED, transient=True, retry_after_seconds=90.0)] * 20, 1),
        ([failure(FailureReason.UNREACHABLE, transient=True), FINE], 2),
    ],
)
def test_only_what_may_pass_is_tried_again(outcomes, attempts):
    """And what may have been charged less often."""
    time, left = Time(), iter(outcomes)
    made = []

    async def attempt():
        made.append(next(left))
        return made[-1]

    last = asyncio.run(retry(attempt, pause=time.sleep, jitter=lambda: 1.0))
    assert last == made[-1]
    assert len(made) == attempts
    assert time.slept == sorted(time.slept)
