"""Phrases that open, continue and close a topic, in English, Chinese and Japanese.

Only the head of a turn (openings, references back) and its tail (closings) are read: people put
such phrases there, and the cost of a long message stays constant.
"""

import re
from operator import or_
from typing import NamedTuple

# The shipped weights were fitted on cues that were read with these values: a change needs a new
# fit.
HEAD_CHARACTERS = 90
TAIL_CHARACTERS = 90

# A searched pattern begins with the character before the phrase, \W and not \b: a search that
# starts with a set of characters is much faster. A space is put before each text, so that its first
# word has such a character.
_ENGLISH = {
    "new_topic": r"\W(?:by the way|btw|anyways?|speaking of|on another note|another (?:question"
    r"|topic|thing|subject)"
    r"|new (?:topic|question)|chang(?:e|ing) (?:of |the )?(?:topic|subject)|different (?:topic"
    r"|subject|question)"
    r"|next (?:question|topic|item|point)|moving on|switch(?:ing)? (?:topics?|gears)"
    r"|i(?:'m| am) (?:also )?(?:looking for|planning|trying to find|going to|interested in)"
    r"|i (?:also )?(?:need|want|would like|wish) (?:you )?to (?:find|know|book|learn|ask|make|get"
    r"|schedule|check)"
    r"|i have (?:a|another) question|guess what|lately|recently|these days|nowadays|i was "
    r"wondering|i've been"
    r"|do you (?:like|have any|know|play|enjoy)|what do you do|how about you|tell me about"
    r"|suppose|imagine|given (?:a|the|an)|write (?:a|an|me)|can you (?:recommend|find|book|give"
    r"|tell|help))",
    "reference_at_start": r"(?:and|but|so|then|or|because|also|too|what about|how about|what else"
    r"|any other"
    r"|anything else|which one|why|really|how so|that's|is there|are there|the)\b",
    "reference": r"\W(?:it|its|it's|they|them|their|he|him|his|she|her|there|that|the same|this"
    r"|these|those)\b",
    "answer": r"(?:yes|yeah|yep|yup|no|nope|not|ok|okay|sure|right|exactly|of course|true|great"
    r"|nice|cool|wow|haha|lol"
    r"|oh|hmm|well|good|awesome|sounds|i see|i agree|me too|thank|absolutely|definitely|correct)\b",
    "closing": r"\W(?:thank(?:s| you)|bye|goodbye|see you|take care|you(?:'re| are) welcome"
    r"|have a (?:good|great|nice|wonderful)|that(?:'s| is) all|no problem|my pleasure|talk (?:to "
    r"you )?(?:soon|later)"
    r"|good night|anytime|enjoy your|glad (?:i could|to) help)",
    "greeting": r"(?:hi|hello|hey|good (?:morning|afternoon|evening)|long time no see|how are you"
    r"|what's up)\b",
}
_CHINESE_AND_JAPANESE = {
    "new_topic": r"对了|另外|顺便|话说|换个话题|还有一[个件]|还想问|再问|最近|今天|想找|我还想"
    r"|帮我找|我要找|我正在"
    r"|ところで|そういえば|話は変わ|話を変え|話変わ|それはそうと|別の(?:話|質問)|ちなみに"
    r"|次の(?:質問|話題)|さて",
    "reference": r"这[个里家些样]|那[个里家些样么]|它|他们?|她们?|该|其中|上面|刚才|为什么|还有"
    r"|それ|その|そこ|そんな|そう|あれ|あの|これ|この|なぜ|どうして",
    "answer": r"是的|对[，。,]|嗯|好的|好啊|没错|不是|不用|可以|当然|谢谢|原来|哦|是啊|确实"
    r"|はい|いいえ|ええ|うん|そう|なるほど|確かに|ありがとう|いい|わか|分か|へ[えー]|あ[あー]"
    r"|すごい",
    "closing": r"谢谢|感谢|再见|不客气|不用谢|拜拜|晚安|祝你|祝您|没问题|随时(?:找|和|来|告诉"
    r"|联系)|下次"
    r"|ありがとうござい|さようなら|失礼(?:いた)?します|またね|おやすみ|どういたしまして|お疲れ様"
    r"|また(?:今度|お話)",
    "greeting": r"你好|您好|早上好|下午好|晚上好|早安|嗨|哈喽|在吗"
    r"|こんにちは|こんばんは|おはよう|はじめまして|初めまして|よろしくお願い|お久しぶり",
}
_ENGLISH_PATTERNS = {cue: re.compile(pattern) for cue, pattern in _ENGLISH.items()}
_OTHER_PATTERNS = {cue: re.compile(pattern) for cue, pattern in _CHINESE_AND_JAPANESE.items()}
_LATIN = re.compile("[a-z]")


class Cues(NamedTuple):
    """The cues of one turn; a tuple because there is one for every message."""

    new_topic: bool
    """It starts a topic or asks for something new."""
    reference: bool
    """It points back at what was said before."""
    answer: bool
    """It answers or acknowledges the turn before."""
    closing: bool
    """It ends a topic or a conversation."""
    greeting: bool
    """It opens a conversation."""
    question: bool


def read_cues(text: str) -> Cues:
    """The cues of a turn, from its head and its tail."""
    # ASCII text matches no Chinese or Japanese phrase, and text without Latin letters no English
    # one: then half of the patterns need not be searched.
    head = _fold(text[:HEAD_CHARACTERS].lstrip())
    tail = head if len(text) <= TAIL_CHARACTERS else _fold(text[-TAIL_CHARACTERS:])
    question = "?" in text or "？" in text
    if head.isascii() and tail.isascii():
        return _english_cues(head, tail, question)
    other_cues = _other_cues(head, tail, question)
    has_latin = _LATIN.search(head) or _LATIN.search(tail)
    if not has_latin:
        return other_cues
    english_cues = _english_cues(head, tail, question)
    return Cues._make(map(or_, english_cues, other_cues))


def _english_cues(head: str, tail: str, question: bool) -> Cues:
    spaced = " " + head
    patterns = _ENGLISH_PATTERNS
    refers_back = (
        patterns["reference_at_start"].match(head) is not None
        or patterns["reference"].search(spaced) is not None
    )
    return Cues(
        new_topic=patterns["new_topic"].search(spaced) is not None,
        reference=refers_back,
        answer=patterns["answer"].match(head) is not None,
        closing=patterns["closing"].search(" " + tail) is not None,
        greeting=patterns["greeting"].match(head) is not None,
        question=question,
    )


def _other_cues(head: str, tail: str, question: bool) -> Cues:
    # Written without spaces: a phrase may begin after any character.
    patterns = _OTHER_PATTERNS
    return Cues(
        new_topic=patterns["new_topic"].search(head) is not None,
        reference=patterns["reference"].search(head) is not None,
        answer=patterns["answer"].match(head) is not None,
        closing=patterns["closing"].search(tail) is not None,
        greeting=patterns["greeting"].match(head) is not None,
        question=question,
    )


def _fold(text: str) -> str:
    return text.lower().replace("’", "'")
