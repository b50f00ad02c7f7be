"""How many secrets are masked, how much else is, and how fast: planted secrets, and conversations
without any.
"""

from collections.abc import Sequence
from functools import partial

from benchmarks.corpus import Corpus, text_bytes
from benchmarks.one_core import cpu_seconds, one_core
from benchmarks.result import Aim, Cell, Result
from dreaming.chunking.units import split_units
from dreaming.conversation import Conversation
from dreaming.privacy.masking import Masking
from dreaming.testing.planted import Phrasing, arrives, plant_secrets

LANGUAGE_BYTES = 2_000_000
SEEDS = range(5)
NO_SECRET = "twiliosid"
"""The id of an account, which is planted beside its key."""

AIM_MASKED_PERCENT = 95.0
AIM_TOUCHED_PERCENT = 1.0
AIM_MB_PER_SECOND = 20.0


def measure_masking(corpus: Corpus) -> Result:
    """Measure the chats with planted secrets, known and held out, and every language there is text
    in.
    """
    with one_core():
        planted = [_planted("known"), _planted("held_out")]
        clean = [
            _clean(language, corpus.sample(language, LANGUAGE_BYTES))
            for language in corpus.by_language
        ]
    return Result(
        name="masking",
        title="secrets masked of those planted in English and Chinese chats; units touched of "
        "conversations; MB/s",
        rows=(*planted, *clean),
        aims=_aims(planted, clean),
        notes=(
            f"Text: {corpus.source}.",
            "Whatever is masked in conversations counts as touched, also passwords that somebody "
            "did write there.",
            "held_out: phrasing that was written before the patterns, which were not fitted to it.",
        ),
    )


def _planted(phrasing: Phrasing) -> dict[str, Cell]:
    masking = Masking()
    secrets = kept = 0
    for chat in (chat for seed in SEEDS for chat in plant_secrets(phrasing, seed=seed)):
        sent = "\n".join(map(masking.mask, chat.said))
        own = [secret for secret in chat.secrets if secret.kind != NO_SECRET]
        secrets += len(own)
        kept += sum(not arrives(secret, sent) for secret in own)
    return _row(f"planted, {phrasing}", secrets=secrets, masked_percent=100 * kept / secrets)


def _clean(language: str, conversations: Sequence[Conversation]) -> dict[str, Cell]:
    texts = [message.content for conversation in conversations for message in conversation.messages]
    seconds = cpu_seconds(partial(_find_all, texts))
    units = touched = 0
    for text in texts:
        found = Masking().find(text)
        own = split_units(text)
        units += len(own)
        touched += sum(
            any(one.start < end and one.end > start for one in found) for start, end in own
        )
    megabytes = sum(map(text_bytes, conversations)) / 1e6
    return _row(
        language,
        units=units,
        touched_percent=100 * touched / units,
        mb_per_second=megabytes / seconds,
    )


def _find_all(texts: Sequence[str]) -> None:
    masking = Masking()
    for text in texts:
        masking.find(text)


def _row(
    text: str,
    *,
    secrets: int | None = None,
    masked_percent: float | None = None,
    units: int | None = None,
    touched_percent: float | None = None,
    mb_per_second: float | None = None,
) -> dict[str, Cell]:
    return {
        "text": text,
        "secrets": secrets,
        "masked %": masked_percent,
        "units": units,
        "touched %": touched_percent,
        "MB/s": mb_per_second,
    }


def _aims(planted: Sequence[dict[str, Cell]], clean: Sequence[dict[str, Cell]]) -> tuple[Aim, ...]:
    least = min(_number(row["masked %"]) for row in planted)
    most = max(_number(row["touched %"]) for row in clean)
    slowest = min(_number(row["MB/s"]) for row in clean)
    return (
        Aim(
            f"{AIM_MASKED_PERCENT:g} % masked, of the held out too",
            least,
            AIM_MASKED_PERCENT,
            at_most=False,
        ),
        Aim(
            f"under {AIM_TOUCHED_PERCENT:g} % of units touched, in every language",
            most,
            AIM_TOUCHED_PERCENT,
            at_most=True,
        ),
        Aim(
            f"{AIM_MB_PER_SECOND:g} MB/s in the slowest language",
            slowest,
            AIM_MB_PER_SECOND,
            at_most=False,
        ),
    )


def _number(cell: Cell) -> float:
    return float(cell or 0)
