"""Paid chunks: made of a usable reply, and given their share of what its calls cost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from dreaming.buying.slices import chunk_slices
from dreaming.chunk import BChunk
from dreaming.conversation import ConversationDay
from dreaming.model_call import Answer
from dreaming.money import Amount, split_exactly, to_usd
from dreaming.prompting.chunks import describe_by_topics
from dreaming.prompting.prompt import PROMPT_VERSION
from dreaming.prompting.spans import ShownSpan
from dreaming.providers.result import Chunked, GivenUp
from dreaming.upgrading.paid import PaidChunk, PaidTopic, chunk_origin


def answered_calls(result: Chunked | GivenUp) -> list[str]:
    """The ids of the calls that were replied to, in order."""
    answers = [outcome for outcome in result.outcomes if isinstance(outcome, Answer)]
    return [answer.call_id for answer in answers if answer.call_id]


def make_paid_chunks(
    request_id: str, day: ConversationDay, shown: ShownSpan, result: Chunked, *, now: datetime
) -> list[PaidChunk]:
    """The chunks of a reply, without their cost.

    The cost is known in the transaction that books the calls: see `with_cost`.
    """
    call_id = answered_calls(result)[-1]
    origin = chunk_origin(request_id, call_id)
    drafts = shown.cut(result.topics, origin=request_id)
    chunks = [
        describe_by_topics(
            draft, day, ordinal=ordinal, language=None, version=origin, created_at=now
        )
        for ordinal, draft in enumerate(drafts)
    ]
    return [_paid_chunk(chunk, request_id, call_id, result, now) for chunk in chunks]


def _paid_chunk(
    chunk: BChunk, request_id: str, call_id: str, result: Chunked, now: datetime
) -> PaidChunk:
    return PaidChunk(
        paid_chunk_id=chunk.chunk_id,
        request_id=request_id,
        call_id=call_id,
        conversation_id=chunk.conversation_id,
        slices=chunk_slices(chunk),
        topics=tuple(
            PaidTopic(topic.message_id, topic.start, topic.score) for topic in chunk.topics
        ),
        quality_level=result.model.quality_level,
        language=chunk.language,
        labels=chunk.labels,
        entities=chunk.entities,
        summary=chunk.summary,
        speaker=chunk.speaker,
        confidence=chunk.confidence,
        llm_provider=result.provider,
        llm_used=result.model.served,
        prompt_version=PROMPT_VERSION,
        tokens_used=0,
        input_tokens=0,
        output_tokens=0,
        cost_usd=Decimal(0),
        processing_time_ms=0,
        bought_at=now,
    )


def with_cost(chunks: Sequence[PaidChunk], cost: Amount, result: Chunked) -> list[PaidChunk]:
    """The chunks with their shares of the charge and of the model's time, by their length.

    Shares are whole and add up, so that columns add up to the ledger.
    """
    weights = [sum(part.end - part.start for part in chunk.slices) for chunk in chunks]
    # What was charged counts: a call of unknown cost is charged as it was reserved, by tokens that
    # the vendor's usage does not have.
    output_tokens = min(result.usage.output_tokens, cost.tokens)
    inputs = split_exactly(cost.tokens - output_tokens, weights)
    outputs = split_exactly(output_tokens, weights)
    costs = split_exactly(cost.picodollars, weights)
    times = split_exactly(round(result.seconds * 1000), weights)
    return [
        replace(
            chunk,
            tokens_used=inputs[place] + outputs[place],
            input_tokens=inputs[place],
            output_tokens=outputs[place],
            cost_usd=to_usd(costs[place]),
            processing_time_ms=times[place],
        )
        for place, chunk in enumerate(chunks)
    ]
