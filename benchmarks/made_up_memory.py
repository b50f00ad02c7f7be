"""Days of made-up chunks with natural words, and questions about them: what a large memory is
measured on.

Sentences follow each other as they do in the corpus, from a place drawn for each conversation, so
that words are as frequent as in real talk. A million chunks need each sentence about a hundred
times: the vocabulary would stand still, so every few chunks there is a word that is nowhere else.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from random import Random

from benchmarks.corpus import Corpus, Language
from dreaming.chunk import CONTENT_SEPARATOR, BChunk, ChunkId, QualityLevel, Span
from dreaming.chunking.stopwords import CHINESE_STOP_CHARACTERS
from dreaming.chunking.tokens import count_tokens
from dreaming.conversation import ConversationId, MessageId
from dreaming.remembering.passages import SpokenChunk, Voice

CHUNKS_A_DAY = 2_000
FIRST_DAY = date(2025, 1, 1)
CHUNK_TOKENS = (80, 170)
"""Before the last sentence of each message is said to its end: 150 in the mean."""
CHUNK_MESSAGES = (2, 4)
CONVERSATION_CHUNKS = (3, 9)
CHUNKS_A_RARE_WORD = 3
CONVERSATIONS_A_NEW_ONE = 10
"""In a day that is new in part."""
SENTENCE_CHARACTERS = 200
"""Longer ones (code, lists) are cut."""

_SUBJECTS = ("billing", "travel", "work", "food", "code", "health", "music")
LABELS = tuple(f"{subject}-{aspect}" for subject in _SUBJECTS for aspect in "abcdef")
_FIRST_NAMES = (
    "Caroline",
    "Melanie",
    "Jon",
    "Gina",
    "Maria",
    "Dave",
    "小明",
    "丽华",
    "健太",
    "さくら",
    "Ana",
    "Omar",
    "Kofi",
)
_LAST_NAMES = (
    "Smith",
    "Tanaka",
    "Chen",
    "Okafor",
    "Novak",
    "Silva",
    "Haddad",
    "Berg",
    "Kim",
    "Rossi",
)
NAMES = (*_FIRST_NAMES, *(f"{first} {last}" for first in _FIRST_NAMES for last in _LAST_NAMES))

_SENTENCE = re.compile(rf"[^.!?。！？\n]{{1,{SENTENCE_CHARACTERS}}}[.!?。！？]*\s?")
_HAN = "\u4e00-\u9fff"
_UNSPACED = re.compile(rf"[\u3040-\u30ff{_HAN}]")
_ASKED = {
    "spaced": (
        "When did we talk about {}?",
        "What did she say about {}?",
        "Do you remember who told me that {}?",
        "What was it last month about {}?",
    ),
    "zh": ("我们是什么时候说到{}的？", "他怎么说{}？", "上个月谁提过{}？", "{}是怎么回事？"),
    "ja": (
        "{}の話をしたのはいつですか？",
        "{}と言ったのは誰でしたか？",
        "先月の{}はどうなりましたか？",
    ),
}


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of a language, in order, and how many tokens each has."""

    texts: Sequence[str]
    tokens: Sequence[int]

    def run(self, start: int, tokens: int) -> tuple[str, int]:
        """Sentences from a place on until there are so many tokens, and the place after them."""
        said, at = 0, start
        while said < tokens:
            said += self.tokens[at % len(self.texts)]
            at += 1
        text = "".join(self.texts[n % len(self.texts)] for n in range(start, at)).strip()
        return text or ".", at


Talk = dict[Language, Sentences]


def read_talk(corpus: Corpus) -> Talk:
    """The sentences of a corpus by language."""
    return {language: _sentences(corpus, language) for language in corpus.by_language}


def _sentences(corpus: Corpus, language: Language) -> Sentences:
    messages = [
        m.content for conversation in corpus.by_language[language] for m in conversation.messages
    ]
    texts = [sentence for message in messages for sentence in _SENTENCE.findall(message + "\n")]
    return Sentences(texts, [count_tokens(text) for text in texts])


def days_of(chunk_count: int) -> list[date]:
    """The days that hold so many chunks."""
    return [FIRST_DAY + timedelta(n) for n in range(max(1, chunk_count // CHUNKS_A_DAY))]


def make_day(
    talk: Talk, day: date, *, count: int = CHUNKS_A_DAY, marks: str = ""
) -> Iterator[SpokenChunk]:
    """The chunks of a day, the same ones each time; other ones with other `marks`, which every
    chunk then ends in.
    """
    numbers = Random(f"{day} {marks}")
    left, number = count, 0
    while left:
        size = min(numbers.randint(*CONVERSATION_CHUNKS), left)
        left, number = left - size, number + 1
        yield from _conversation(talk, day, number, size, marks, numbers)


def make_day_in_part(talk: Talk, day: date, *, marks: str) -> Iterator[SpokenChunk]:
    """The chunks of a day, one conversation in ten another one with `marks`, which is as long as it
    comes.
    """
    marked = {
        name: list(chunks) for name, chunks in _conversations(make_day(talk, day, marks=marks))
    }
    for number, (name, chunks) in enumerate(_conversations(make_day(talk, day))):
        yield from chunks if number % CONVERSATIONS_A_NEW_ONE else marked.get(name, chunks)


def _conversations(
    chunks: Iterable[SpokenChunk],
) -> Iterator[tuple[ConversationId, Iterator[SpokenChunk]]]:
    return groupby(chunks, key=lambda spoken: spoken.chunk.conversation_id)


def _conversation(
    talk: Talk, day: date, number: int, size: int, marks: str, numbers: Random
) -> Iterator[SpokenChunk]:
    language = numbers.choice(list(talk))
    sentences = talk[language]
    at = numbers.randrange(len(sentences.texts))
    title, _ = sentences.run(at, 8)
    names = numbers.sample(NAMES, 2) if numbers.random() < 0.5 else [None, None]
    for ordinal in range(size):
        count = numbers.randint(*CHUNK_MESSAGES)
        tokens = numbers.randint(*CHUNK_TOKENS)
        said = []
        for _ in range(count):
            text, at = sentences.run(at, tokens // count)
            said.append(text)
        if numbers.randrange(CHUNKS_A_RARE_WORD) == 0:
            said[0] += f" {numbers.getrandbits(48):x}"
        if marks:
            said[-1] += f" {marks}"
        voices = tuple(
            Voice(names[n % 2], "assistant" if n % 2 else "user")
            for n in range(ordinal, ordinal + len(said))
        )
        yield SpokenChunk(_chunk(said, language, day, number, ordinal, numbers), title, voices)


def _chunk(
    said: Sequence[str], language: Language, day: date, number: int, ordinal: int, numbers: Random
) -> BChunk:
    level: QualityLevel = numbers.choices(("basic", "good", "premium"), (90, 8, 2))[0]
    spans = tuple(
        Span(MessageId(f"m-{numbers.getrandbits(96):024x}"), 0, len(text)) for text in said
    )
    at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(minutes=number)
    content = CONTENT_SEPARATOR.join(said)
    return BChunk(
        chunk_id=ChunkId(f"{numbers.getrandbits(128):032x}"),
        conversation_id=ConversationId(f"made-up:{day}:{number:04d}"),
        day=day,
        ordinal=ordinal,
        content=content,
        spans=spans,
        topics=(),
        kind="text",
        started_at=at,
        ended_at=at + timedelta(minutes=1),
        language=language,
        labels=tuple(numbers.sample(LABELS, 2)),
        entities=(),
        summary=said[0][:80],
        speaker="user",
        speakers=("user", "assistant"),
        token_count=150,
        quality_level=level,
        needs_upgrade=level == "basic",
        confidence=numbers.random(),
        segmenter_version="made-up",
        source_hash="0" * 32,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def make_questions(talk: Talk, count: int, *, seed: int) -> dict[Language, list[str]]:
    """So many questions of each language, about 8 to 14 words or 16 to 28 characters that were said
    in a row.
    """
    numbers = Random(seed)
    return {
        language: [_question(sentences, numbers) for _ in range(count)]
        for language, sentences in talk.items()
    }


def _question(sentences: Sentences, numbers: Random) -> str:
    text, _ = sentences.run(numbers.randrange(len(sentences.texts)), 40)
    if len(_UNSPACED.findall(text)) < len(text) / 4:
        about, script = " ".join(text.split()[: numbers.randint(8, 14)]), "spaced"
    else:
        about = "".join(text.split())[: numbers.randint(16, 28)]
        script = "ja" if re.search("[\u3040-\u30ff]", text) else "zh"
    return numbers.choice(_ASKED[script]).format(about.rstrip(" .!?。！？"))


def two_character_words(talk: Talk, count: int) -> list[str]:
    """Chinese and Japanese words of two Han characters that were said, half of each.

    What stands between two kana is a word in Japanese; in Chinese, what is said often and has no
    character of grammar in it, mostly is.
    """
    chinese = _most_said(rf"(?=([{_HAN}]{{2}}))", talk["zh"], count // 2)
    japanese = _most_said(
        rf"(?<=[\u3040-\u309f])([{_HAN}]{{2}})(?=[\u3040-\u309f])", talk["ja"], count // 2
    )
    return chinese + japanese


def _most_said(pattern: str, sentences: Sentences, count: int) -> list[str]:
    said: dict[str, int] = {}
    for word in re.findall(pattern, "".join(sentences.texts)):
        if not any(character in CHINESE_STOP_CHARACTERS for character in word):
            said[word] = said.get(word, 0) + 1
    return sorted(said, key=lambda word: (-said[word], word))[:count]
