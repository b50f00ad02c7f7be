"""Temporary."""

from dreaming.model_call import REQUEST_OVERHEAD_TOKENS as REQUEST_OVERHEAD_TOKENS
from dreaming.model_call import Answer as Answer
from dreaming.model_call import Charge as Charge
from dreaming.model_call import Failure as Failure
from dreaming.model_call import FailureReason as FailureReason
from dreaming.model_call import ModelCall as ModelCall
from dreaming.model_call import Outcome as Outcome
from dreaming.model_call import StopReason as StopReason
from dreaming.model_call import TokenUsage as TokenUsage
