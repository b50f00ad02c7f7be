"""How a conversation is cut by a model: window by window, attempt by attempt, until it is whole or
given up.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dreaming.model_call import Answer, Failure, FailureReason, ModelCall, Outcome
from dreaming.prompting.passage import Passage
from dreaming.prompting.prompt import PROMPT_VERSION, write_prompt
from dreaming.prompting.reply import Cut, Topic, read_reply
from dreaming.prompting.schema import reply_schema
from dreaming.prompting.windows import join_windows, next_window, window_end
from dreaming.providers.result import Chunked, GivenUp
from dreaming.providers.retrying import retry

if TYPE_CHECKING:
    from dreaming.providers.provider import LLMProvider

REPLIES_TO_A_WINDOW = 2
"""A reply that cannot be used is asked for once more, saying what was wrong; then the conversation
is given up.
"""
LONGER_REPLY = 3
"""How much longer a reply may be after one that was cut off: the model may have reasoned, or loves
words.
"""


@dataclass(slots=True)
class Conversing:
    """A passage that is being cut, and what has been tried for it."""

    provider: "LLMProvider"
    passage: Passage
    max_tokens: int | None
    outcomes: list[Outcome] = field(default_factory=list)
    repairs: set[str] = field(default_factory=set)
    tokens_spent: int = 0

    async def chunk(self) -> Chunked | GivenUp:
        """Cut it window by window."""
        topics: list[Topic] = []
        window_tokens = self.provider.limits.window_tokens
        first, end = 0, 0
        while True:
            end = window_end(self.passage, first, window_tokens, seen=end)
            found = await self._cut(first, end)
            if isinstance(found, Failure):
                return GivenUp(failure=found, **self._told())
            topics = join_windows(topics, found.topics)
            if end == len(self.passage.units):
                return Chunked(
                    topics=tuple(topics), repairs=tuple(sorted(self.repairs)), **self._told()
                )
            first = next_window(self.passage, found.topics, window_tokens)

    def _told(self) -> dict[str, Any]:
        return {
            "provider": self.provider.name,
            "model": self.provider.model,
            "outcomes": tuple(self.outcomes),
        }

    async def _cut(self, first: int, end: int) -> Cut | Failure:
        """Cut the units at positions `first` to `end`, end excluded."""
        complaint, longer = None, 1
        for _ in range(REPLIES_TO_A_WINDOW):
            call = self._call(first, end, complaint, longer)
            outcome = await retry(
                lambda call=call: self._attempt(call),  # type: ignore[misc] # bound in this round
                pause=self.provider.pause,
            )
            if isinstance(outcome, Failure):
                return outcome
            judged = self._judge(outcome, first, end)
            if isinstance(judged, Cut):
                self.repairs.update(judged.repairs)
                return judged
            failure, complaint = judged
            if complaint is None:
                break
            if failure.reason == FailureReason.MAX_TOKENS:
                longer = LONGER_REPLY
        return failure

    def _call(self, first: int, end: int, complaint: str | None, longer: int) -> ModelCall:
        shape = self.provider.reply_shape
        prompt = write_prompt(self.passage, first, end, shape=shape, complaint=complaint)
        return ModelCall(
            conversation_id=self.passage.conversation_id,
            day=self.passage.day,
            instructions=prompt.instructions,
            content=prompt.content,
            schema=reply_schema(prompt.bounds, repeats_text=shape == "verbatim"),
            max_output_tokens=longer
            * prompt.bounds.output_tokens(repeats_text=shape == "verbatim"),
            prompt_version=PROMPT_VERSION,
        )

    async def _attempt(self, call: ModelCall) -> Outcome:
        outcome = self._forbidden(call) or await self.provider.send(call)
        self.outcomes.append(outcome)
        if outcome.charge != "released":
            self.tokens_spent += (
                outcome.usage.total_tokens if outcome.usage else call.largest_tokens
            )
        return outcome

    def _forbidden(self, call: ModelCall) -> Failure | None:
        if self.passage.local_only and not self.provider.stays_here:
            message = (
                f"The conversation is local only, and {self.provider.name} is not on this machine."
            )
            return Failure(reason=FailureReason.LOCAL_ONLY, charge="released", message=message)
        if (
            self.max_tokens is not None
            and self.tokens_spent + call.largest_tokens > self.max_tokens
        ):
            message = (
                f"A call could use {call.largest_tokens:,} tokens, with {self.tokens_spent:,} of "
                f"{self.max_tokens:,} spent. Allow more, or show less at once."
            )
            return Failure(reason=FailureReason.OVER_BUDGET, charge="released", message=message)
        return None

    def _judge(self, answer: Answer, first: int, end: int) -> Cut | tuple[Failure, str | None]:
        """The topics of a reply; or why it has none, and what to tell the model if asking again may
        help.
        """
        if answer.stop == "refusal":
            return _unusable(answer, FailureReason.REFUSAL, "The model refused to answer."), None
        if not answer.text.strip():
            return _unusable(answer, FailureReason.EMPTY, "The reply was empty."), "it was empty."
        read = read_reply(answer.text, self.passage, first, end, shape=self.provider.reply_shape)
        if isinstance(read, Cut):
            return read
        if answer.stop == "max_tokens":
            complaint = (
                "it was cut off at the limit of its length. Give fewer chunks and fewer words."
            )
            return _unusable(
                answer, FailureReason.MAX_TOKENS, "The reply was cut off at its output cap."
            ), complaint
        reason = FailureReason.INVALID_REPLY if read.is_json else FailureReason.INVALID_JSON
        return _unusable(answer, reason, f"The reply could not be used: {read.error}"), read.error


def _unusable(answer: Answer, reason: FailureReason, message: str) -> Failure:
    return Failure(
        reason=reason,
        charge=answer.charge,
        message=message,
        usage=answer.usage,
        vendor_ref=answer.vendor_ref,
        seconds=answer.seconds,
    )
