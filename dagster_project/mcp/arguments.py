"""What the tools are given: the types of their arguments, described for a model."""

from datetime import date
from typing import Annotated

from pydantic import Field

from dreaming.model_call import Delivery

Day = Annotated[date | None, Field(description="YYYY-MM-DD.")]


Wanted = Annotated[
    str | None,
    Field(
        description="Which chunks, like a where clause: labels CONTAINS 'billing' AND day >= "
        "2026-01-01. Columns: day, "
        "labels, entities, language, quality_level, needs_upgrade, confidence, token_count, "
        "conversation_id, text, "
        "summary, speaker. Without it, all that need the upgrade."
    ),
]


HowReplied = Annotated[
    Delivery,
    Field(
        description="now, or batch: within a day, at half the price; dreaming collects it by "
        "itself."
    ),
]


Budget = Annotated[
    int, Field(description="Tokens of input and output together that it may spend at most.")
]
