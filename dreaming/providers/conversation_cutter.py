"""A conversation cut by a model: window by window, until it is whole or given up."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dreaming.model_call import Answer, Failure, FailureReason, ModelCall, Outcome
from dreaming.prompting.excerpt import Excerpt
from dreaming.prompting.prompt import PROMPT_VERSION, write_prompt
from dreaming.prompting.reply import Cut, Topic, read_reply
from dreaming.prompting.schema import reply_schema
from dreaming.prompting.windows import join_windows, next_window, window_end
from dreaming.providers.result import Chunked, GivenUp
from dreaming.providers.retrying import retry

if TYPE_CHECKING:
    from dreaming.providers.provider import LLMProvider

REPLIES_PER_WINDOW = 2
"""After this many unusable replies the conversation is given up; the second request says why."""
LONGER_REPLY_FACTOR = 3
"""Growth of the output limit after a reply that was cut off: the model may have reasoned."""


@dataclass(slots=True)
class ConversationCutter:
    """Cuts one excerpt, and keeps what its attempts came to."""

    provider: "LLMProvider"
    excerpt: Excerpt
    max_tokens: int | None
    outcomes: list[Outcome] = field(default_factory=list)
    repairs: set[str] = field(default_factory=set)
    tokens_spent: int = 0

    async def chunk(self) -> Chunked | GivenUp:
        """Cut it window by window."""
        topics: list[Topic] = []
        window_tokens = self.provider.limits.window_tokens
        first = 0
        end = 0
        while True:
            end = window_end(self.excerpt, first, window_tokens, seen=end)
            cut = await self._cut(first, end)
            if isinstance(cut, Failure):
                return self._given_up(cut)
            topics = join_windows(topics, cut.topics)
            if end == len(self.excerpt.units):
                return self._chunked(topics)
            first = next_window(self.excerpt, cut.topics, window_tokens)

    def _given_up(self, failure: Failure) -> GivenUp:
        return GivenUp(
            failure=failure,
            provider=self.provider.name,
            model=self.provider.model,
            outcomes=tuple(self.outcomes),
        )

    def _chunked(self, topics: list[Topic]) -> Chunked:
        return Chunked(
            topics=tuple(topics),
            repairs=tuple(sorted(self.repairs)),
            provider=self.provider.name,
            model=self.provider.model,
            outcomes=tuple(self.outcomes),
        )

    async def _cut(self, first: int, end: int) -> Cut | Failure:
        """Cut the units at positions `first` to `end`, end excluded."""
        complaint = None
        output_factor = 1
        for _ in range(REPLIES_PER_WINDOW):
            call = self._call(first, end, complaint, output_factor)
            outcome = await retry(
                lambda call=call: self._attempt(call),  # type: ignore[misc] # bound in this round
                pause=self.provider.pause,
            )
            if isinstance(outcome, Failure):
                return outcome
            judgement = self._judge(outcome, first, end)
            if isinstance(judgement, Cut):
                self.repairs.update(judgement.repairs)
                return judgement
            failure, complaint = judgement
            if complaint is None:
                break
            # Only a reply that was cut off needs room: a higher limit raises what is reserved.
            if failure.reason == FailureReason.MAX_TOKENS:
                output_factor = LONGER_REPLY_FACTOR
        return failure

    def _call(self, first: int, end: int, complaint: str | None, output_factor: int) -> ModelCall:
        shape = self.provider.reply_shape
        repeats_text = shape == "verbatim"
        prompt = write_prompt(self.excerpt, first, end, shape=shape, complaint=complaint)
        output_tokens = prompt.bounds.output_tokens(repeats_text=repeats_text)
        return ModelCall(
            conversation_id=self.excerpt.conversation_id,
            day=self.excerpt.day,
            instructions=prompt.instructions,
            content=prompt.content,
            schema=reply_schema(prompt.bounds, repeats_text=repeats_text),
            max_output_tokens=output_factor * output_tokens,
            prompt_version=PROMPT_VERSION,
        )

    async def _attempt(self, call: ModelCall) -> Outcome:
        outcome = self._forbidden(call) or await self.provider.send(call)
        self.outcomes.append(outcome)
        if outcome.charge != "released":
            # Without a usage the attempt counts in full: the limit holds in the worst case too.
            usage = outcome.usage
            self.tokens_spent += usage.total_tokens if usage else call.largest_tokens
        return outcome

    def _forbidden(self, call: ModelCall) -> Failure | None:
        """Why a call must not be sent at all; None where it may."""
        if self.excerpt.local_only and not self.provider.stays_here:
            message = (
                f"The conversation is local only, and {self.provider.name} is not on this machine."
            )
            return Failure(reason=FailureReason.LOCAL_ONLY, charge="released", message=message)
        if self.max_tokens is None:
            return None
        if self.tokens_spent + call.largest_tokens > self.max_tokens:
            message = (
                f"A call could use {call.largest_tokens:,} tokens, with {self.tokens_spent:,} of "
                f"{self.max_tokens:,} spent. Allow more, or show less at once."
            )
            return Failure(reason=FailureReason.OVER_BUDGET, charge="released", message=message)
        return None

    def _judge(self, answer: Answer, first: int, end: int) -> Cut | tuple[Failure, str | None]:
        """The topics of a reply, or a failure and the complaint to send with a second request.

        The complaint is None where a second request would not help.
        """
        if answer.stop == "refusal":
            return _unusable(answer, FailureReason.REFUSAL, "The model refused to answer."), None
        if not answer.text.strip():
            return _unusable(answer, FailureReason.EMPTY, "The reply was empty."), "it was empty."
        reply = read_reply(answer.text, self.excerpt, first, end, shape=self.provider.reply_shape)
        # Before the stop reason: a reply that was cut off may be whole JSON all the same.
        if isinstance(reply, Cut):
            return reply
        if answer.stop == "max_tokens":
            message = "The reply was cut off at its output cap."
            complaint = (
                "it was cut off at the limit of its length. Give fewer chunks and fewer words."
            )
            return _unusable(answer, FailureReason.MAX_TOKENS, message), complaint
        reason = FailureReason.INVALID_REPLY if reply.is_json else FailureReason.INVALID_JSON
        message = f"The reply could not be used: {reply.error}"
        return _unusable(answer, reason, message), reply.error


def _unusable(answer: Answer, reason: FailureReason, message: str) -> Failure:
    return Failure(
        reason=reason,
        charge=answer.charge,
        message=message,
        usage=answer.usage,
        vendor_ref=answer.vendor_ref,
        seconds=answer.seconds,
    )
