"""Two hundred planted secrets, through the real SDKs to a fake vendor over HTTP: what arrives
there.
"""

import asyncio
from datetime import date

import pytest

from dreaming.buying.executor import DreamingExecutor
from dreaming.chunking.units import split_units
from dreaming.model_call import ModelCall
from dreaming.privacy.masking import Masking
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import ConfiguredProvider, make_provider
from dreaming.testing import make_conversation
from dreaming.testing.fake_vendor import FakeVendor
from dreaming.testing.planted import arrives, plant_secrets
from dreaming.upgrading.terms import UpgradeTerms
from dreaming.verbatim import prove_verbatim
from tests.prompting.builders import excerpt

DAY = date(2026, 3, 1)
CHATS = [*plant_secrets("known", seed=1), *plant_secrets("held_out", seed=2)]
SECRETS = [secret for chat in CHATS for secret in chat.secrets if secret.kind != "twiliosid"]
"""The id of an account is none."""


@pytest.fixture
def vendor():
    with FakeVendor() as running:
        yield running


def upgraded(home, vendor, name, **settings):
    """What arrived at a vendor when all chats were upgraded with it."""
    home.archive.add(
        [make_conversation(chat.said, conversation_id=f"test:{n}") for n, chat in enumerate(CHATS)]
    )
    home.pipeline.run_day(DAY)
    url = vendor.url + ("/v1" if name == "openai" else "")
    provider = ConfiguredProvider(
        name, ProviderSettings(api_key="sk-fake", base_url=url, **settings)
    )
    work = DreamingExecutor(home, {name: provider}, run_id="run")
    terms = UpgradeTerms(target_quality="good", max_tokens=5_000_000, provider=name)
    result = work.upgrade(work.begin("R", terms), [DAY])
    assert result.quality_counts["good"] == len(rows(home)) >= result.chunks_upgraded > 0
    return "\n".join(served.instructions + served.content for served in vendor.books.served)


def rows(home):
    with home.store.open_chunks("upgraded_chunks", DAY) as partition:
        return list(partition.rows())


@pytest.mark.parametrize(
    ("name", "shape"), [("anthropic", "indices"), ("openai", "indices"), ("anthropic", "verbatim")]
)
def test_of_200_planted_secrets_95_in_100_never_arrive_and_chunks_are_whole(
    home, vendor, name, shape
):
    """In English and Chinese, in either shape of replies; stored text has all of them."""
    sent = upgraded(home, vendor, name, reply_shape=shape)
    masked = [secret for secret in SECRETS if not arrives(secret, sent)]
    assert len(SECRETS) >= 200
    assert len(masked) >= 0.95 * len(SECRETS)
    chunks = rows(home)
    with home.store.open_conversations(DAY) as raw:
        for conversation in raw.rows():
            own = [
                chunk for chunk in chunks if chunk.conversation_id == conversation.conversation_id
            ]
            prove_verbatim(conversation, own)
    stored = _solid("".join(chunk.content for chunk in chunks))
    assert [secret for secret in SECRETS if _solid(secret.text) not in stored] == []


def _solid(text):
    """The text without white space: a private key may stand in several chunks."""
    return "".join(text.split())


def test_of_clean_units_fewer_than_1_in_100_are_touched():
    """Those of the same chats that hold no secret."""
    masking = Masking()
    clean = [
        (said, start, end)
        for chat in CHATS
        for said in chat.said
        for start, end in split_units(said)
        if not any(secret.text in said for secret in chat.secrets)
    ]
    touched = [
        said[start:end]
        for said, start, end in clean
        if masking.mask_part(said, start, end) != said[start:end]
    ]
    assert len(touched) <= 0.01 * len(clean)


def ask(name, vendor, shown):
    """The request that a provider of a name makes of an excerpt."""

    async def chunk():
        settings = ProviderSettings(
            base_url=vendor.url, model="fake-model" if name == "local" else None, api_key="k"
        )
        async with make_provider(name, settings, today=DAY) as provider:
            await provider.chunk_conversation(shown)

    asyncio.run(chunk())
    return vendor.books.served[-1].content


def test_a_local_model_is_shown_what_was_said(vendor):
    """It never leaves the machine."""
    shown = excerpt("my password is hunter2x9", "noted")
    assert "my password is hunter2x9" in ask("local", vendor, shown)
    assert "my password is [secret]" in ask("anthropic", vendor, shown)


def test_the_same_text_is_the_same_request(vendor):
    """Masking depends on the text and the settings alone: what was bought is found again."""
    shown = excerpt("my password is hunter2x9", "<private>the rest</private> is noted")
    assert ask("anthropic", vendor, shown) == ask("anthropic", vendor, shown)


def test_a_call_without_a_conversation_is_sent_without_keys(vendor):
    """What plans upgrades is told labels, which may hold anything."""
    key = "gh" + "p_" + "a1B2c3D4" * 5
    call = ModelCall(
        conversation_id=None,
        instructions="Plan.",
        content=f"labels: {key}",
        schema={"type": "object", "properties": {}},
        max_output_tokens=10,
        prompt_version="plan-1",
    )

    async def send():
        settings = ProviderSettings(base_url=vendor.url, api_key="k")
        async with make_provider("anthropic", settings, today=DAY) as provider:
            await provider.send(call)

    asyncio.run(send())
    assert vendor.books.served[-1].content == "labels: [secret]"
