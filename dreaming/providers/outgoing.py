"""What leaves for a model that is not on this machine: the one place that it passes, masked.

Conversations are masked as whole messages, before they are shown in parts: what is said around a
secret tells it. Every call is looked at once more before it is sent, whoever wrote it, for keys
that show by themselves what they are.
"""

from dataclasses import replace

from dreaming.chunking.lane import Unit
from dreaming.chunking.tokens import count_tokens
from dreaming.model_call import ModelCall
from dreaming.privacy.masking import Masking
from dreaming.prompting.passage import Passage


def masked_passage(passage: Passage, masking: Masking) -> Passage:
    """The passage with placeholders in its units, as many as before: a reply's numbers mean the
    same units.
    """
    return replace(passage, units=[_masked_unit(unit, masking) for unit in passage.units])


def masked_call(call: ModelCall, masking: Masking) -> ModelCall:
    """The call without keys."""
    content = masking.mask_keys(call.content)
    return call if content == call.content else replace(call, content=content)


def _masked_unit(unit: Unit, masking: Masking) -> Unit:
    text = masking.mask_part(unit.message.content, unit.start, unit.end)
    if text == unit.text:
        return unit
    message = replace(unit.message, content=text)
    return unit._replace(message=message, text=text, words=[], tokens=count_tokens(text))
