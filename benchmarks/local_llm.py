"""A local LLM on dialogues whose topics are known: seconds, tokens and sound replies in both reply
shapes.

Run as `python -m benchmarks.local_llm --dialogues FOLDER --predictions FOLDER`, with the local LLM
where `DREAMING_LOCAL_URL` says. The predictions are lines of {"id", "boundaries"}, for any scorer
of dialogue segmentation.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click

from dreaming.chunk import lanes
from dreaming.chunking.lane import read_lane
from dreaming.conversation import ConversationId, Message, MessageId, Role
from dreaming.prompting.excerpt import Excerpt
from dreaming.prompting.prompt import ReplyShape
from dreaming.providers.provider import ProviderSettings
from dreaming.providers.registry import make_provider
from dreaming.providers.result import Chunked, GivenUp
from dreaming.settings import Settings

LONGEST_TOKENS = 400
"""A longer dialogue takes a small machine many minutes."""


@dataclass(slots=True)
class Tally:
    """What became of the dialogues in one shape."""

    seconds: list[float] = field(default_factory=list)
    input_tokens: list[int] = field(default_factory=list)
    output_tokens: list[int] = field(default_factory=list)
    replies: int = 0
    sound: int = 0
    """Replies that were used as they came."""
    used: int = 0
    """Replies that were used, repaired ones too."""
    given_up: Counter[str] = field(default_factory=Counter)

    def count(self, result: Chunked | GivenUp) -> None:
        """Count a dialogue."""
        self.seconds.append(result.seconds)
        self.input_tokens.append(result.usage.all_input_tokens)
        self.output_tokens.append(result.usage.output_tokens)
        self.replies += len(result.outcomes)
        if isinstance(result, Chunked):
            self.used += 1
            self.sound += not result.repairs and len(result.outcomes) == 1
        else:
            self.given_up[result.failure.reason.value] += 1

    def as_json(self) -> dict[str, Any]:
        """The figures, means a dialogue."""
        count = max(len(self.seconds), 1)
        return {
            "dialogues": len(self.seconds),
            "seconds": round(sum(self.seconds) / count, 1),
            "input_tokens": round(sum(self.input_tokens) / count),
            "output_tokens": round(sum(self.output_tokens) / count),
            "replies": self.replies,
            "used": self.used,
            "sound": self.sound,
            "given_up": dict(self.given_up),
        }


def choose_dialogues(folder: Path, count: int) -> list[dict[str, Any]]:
    """The first short enough dialogues of each file in turn."""
    by_file: list[Iterator[dict[str, Any]]] = [
        _short_enough(path) for path in sorted(folder.glob("*.jsonl"))
    ]
    chosen: list[dict[str, Any]] = []
    while by_file and len(chosen) < count:
        for dialogues in list(by_file):
            found = next(dialogues, None)
            if found is None:
                by_file.remove(dialogues)
            else:
                chosen.append(found)
    return chosen[:count]


def _short_enough(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            dialogue: dict[str, Any] = json.loads(line)
            shown = read_excerpt(dialogue)
            if shown.tokens(0, len(shown.units)) <= LONGEST_TOKENS:
                yield dialogue


def read_excerpt(dialogue: dict[str, Any]) -> Excerpt:
    """A dialogue as an excerpt; its messages are named by their turns."""
    messages = [
        Message(
            MessageId(str(n)),
            turn["speaker"] if turn["speaker"] in get_args(Role) else "user",
            turn["text"],
        )
        for n, turn in enumerate(dialogue["turns"])
    ]
    lane = read_lane("text", lanes(messages)["text"])
    return Excerpt(conversation_id=ConversationId(dialogue["id"]), units=lane.units)


def boundaries(excerpt: Excerpt, result: Chunked | GivenUp) -> list[int]:
    """The turns at which a result says that a topic starts; none where it was given up."""
    topics = result.topics if isinstance(result, Chunked) else ()
    starts = {int(excerpt.units[topic.first].message.id) for topic in topics[1:]}
    return sorted(starts - {0})


async def measure(
    dialogues: Sequence[dict[str, Any]], shape: ReplyShape, predictions: Path
) -> Tally:
    """Show each dialogue to the model, one after the other, and write down what it says."""
    environment = Settings.from_environment()
    settings = ProviderSettings(
        base_url=environment.local_llm_url, model=environment.local_llm_model, reply_shape=shape
    )
    tally = Tally()
    async with make_provider("local", settings, today=datetime.now(UTC).date()) as provider:
        failure = await provider.connect()
        if failure is not None:
            raise click.ClickException(failure.message)
        with (predictions / f"{shape}.jsonl").open("w", encoding="utf-8") as lines:
            for dialogue in dialogues:
                excerpt = read_excerpt(dialogue)
                result = await provider.chunk_conversation(excerpt)
                tally.count(result)
                lines.write(
                    json.dumps({"id": dialogue["id"], "boundaries": boundaries(excerpt, result)})
                    + "\n"
                )
                lines.flush()
    return tally


@click.command()
@click.option(
    "--dialogues",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="A folder of *.jsonl.",
)
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    required=True,
    help="Where predictions are written.",
)
@click.option("--count", default=50, show_default=True, help="How many dialogues.")
@click.option(
    "--shape",
    "shapes",
    multiple=True,
    type=click.Choice(get_args(ReplyShape)),
    help="Both without it.",
)
def main(dialogues: Path, predictions: Path, count: int, shapes: tuple[ReplyShape, ...]) -> None:
    """Measure the local LLM in each reply shape."""
    predictions.mkdir(parents=True, exist_ok=True)
    chosen = choose_dialogues(dialogues, count)
    gold = predictions / "gold.jsonl"
    gold.write_text(
        "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in chosen), encoding="utf-8"
    )
    for shape in shapes or get_args(ReplyShape):
        tally = asyncio.run(measure(chosen, shape, predictions))
        click.echo(json.dumps({"shape": shape, **tally.as_json()}))


if __name__ == "__main__":
    main()
