"""Masking of all text that is sent to a model that is not on this machine.

Conversations are masked as whole messages, before they are shown in parts: the words around a
secret show that it is one. Every call is searched once more before it is sent, for keys that are
recognised without the words around them.
"""

from dataclasses import replace

from dreaming.chunking.lane import Unit
from dreaming.chunking.tokens import count_tokens
from dreaming.model_call import ModelCall
from dreaming.privacy.masking import Masking
from dreaming.prompting.excerpt import Excerpt


def masked_excerpt(excerpt: Excerpt, masking: Masking) -> Excerpt:
    """The excerpt with placeholders in place of secrets.

    It has as many units as before, so that the numbers in a reply mean the same units.
    """
    units = [_masked_unit(unit, masking) for unit in excerpt.units]
    return replace(excerpt, units=units)


def masked_call(call: ModelCall, masking: Masking) -> ModelCall:
    """The call with placeholders in place of keys."""
    content = masking.mask_keys(call.content)
    return call if content == call.content else replace(call, content=content)


def _masked_unit(unit: Unit, masking: Masking) -> Unit:
    text = masking.mask_part(unit.message.content, unit.start, unit.end)
    if text == unit.text:
        return unit
    # In the message too, so that no part of the masked excerpt holds the secret.
    message = replace(unit.message, content=text)
    return unit._replace(message=message, text=text, words=[], tokens=count_tokens(text))
