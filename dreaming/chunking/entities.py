"""Entities: the names of people, places, products, works and sites, as a text writes them.

Found by form alone: capitals in English, quotation marks and titles in Chinese, katakana and
honorifics in Japanese, hosts of addresses. The form shows that something is a name, not what kind
of name. The speakers' names come from the messages.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from unicodedata import normalize

from dreaming.chunking.stopwords import STOP_WORDS

# Both bound the column `entities`; the prompt's schema allows the same from a model.
MOST_ENTITIES = 10
LONGEST_CHARACTERS = 60
# Only the beginning of a longer text is read, which bounds the time. The largest chunk has fewer
# characters in most languages.
READ_CHARACTERS = 6_000

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_HOST = re.compile(r"https?://(?:www\.)?([A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,})")
_CAPITALISED = re.compile(
    r"[A-Z](?<![\w@/.#-].)[A-Za-z0-9À-ɏ]*+(?:[-'’&.+][A-Za-z0-9]+)*\+*"
    r"(?:[ ](?:(?:of|de|van|von|the)[ ])?[A-Z][A-Za-z0-9À-ɏ]*(?:[-'’&.+][A-Za-z0-9]+)*)*"
)
_OTHER_PRODUCT = re.compile(
    r"[a-z](?<![\w@/.-].)[a-z]*+(?:[A-Z][A-Za-z0-9]*+|-?\d\w*+(?:\.\d\w*+)*+(?:-\w++)*+)(?![\w(=])"
)
# Every `_OTHER_PRODUCT` matches this, and few texts do: one quick search saves most texts from a
# slow one that tries every word.
_PRODUCT_HINT = re.compile(r"[A-Z\d](?:(?<=[a-z].)|(?<=[a-z]-.))")
_QUOTED = re.compile(r"《([^《》\n]{1,40})》|「([^「」\n]{2,20})」|『([^『』\n]{1,40})』")
_HONORIFIC = re.compile("さん|さま|くん|ちゃん|氏")
_HONOURED = re.compile(r"(?:[\u4e00-\u9fff々]{1,4}|[\u30a1-\u30fa\u30fc・]{2,})\Z")
# Characters read back from an honorific for the name before it.
_LONGEST_HONOURED = 12
# The most common Chinese family names: a title makes a name only together with one of them.
_FAMILY_NAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑梁罗宋谢唐韩曹许邓冯曾彭潘袁于董余苏叶吕魏蒋田杜丁沈姜范江傅钟卢汪戴"
    "崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常万顾赖武康贺严尹钱施牛洪龚"
)
_CHINESE_TITLE = re.compile(f"(?:先生|女士|老师|教授|医生|经理|总监)(?<=([{_FAMILY_NAMES}])..)")
_POSSESSIVE = re.compile(r"['’]s\Z")
_KATAKANA = re.compile(r"[\u30a1-\u30fa\u30fc]{3,}(?:・[\u30a1-\u30fa\u30fc]+)*")
# After these, a capital letter is the rule for any word and so says nothing about a name.
_OPENERS = frozenset("\n\t*\"“‘'(。！？：>")
_ENDERS = frozenset(".!?:;-•*>#。！？… ")

_CAPITALISED_BY_CUSTOM = """
    monday tuesday wednesday thursday friday saturday sunday january february march april june july
    august
    september october november december assistant user system ai note example step answer question
    input output
    sure here yes no ok additionally however overall finally first second third firstly secondly
    lastly furthermore
    moreover therefore remember consider based create using according given while mr mrs ms dr dear
    instead
    including definition task title true false none null http https json html
"""
_NO_NAMES = (
    frozenset(_CAPITALISED_BY_CUSTOM.split())
    | STOP_WORDS
    | {word.replace("'", "’") for word in STOP_WORDS}
)


def find_entities(text: str, names: Iterable[str] = ()) -> tuple[str, ...]:
    """Up to 10 names in `text`: first the speakers' `names`, then the most frequent.

    Names that are equally frequent come in order of appearance. Each is one line of at most 60
    characters, without a possessive "'s". No two differ in capitals or width alone.
    """
    prose = _CODE.sub(" ", text) if "```" in text else text
    counts = Counter(_find(prose[:READ_CHARACTERS]))
    ranked = list(dict.fromkeys(names))
    ranked += [name for name, _ in counts.most_common()]
    entities: dict[str, str] = {}
    for name in ranked:
        line = " ".join(name.split())
        entity = _POSSESSIVE.sub("", line[:LONGEST_CHARACTERS])
        if entity:
            # The first spelling wins: that of the speaker, else the most frequent one.
            key = normalize("NFKC", entity).casefold()
            entities.setdefault(key, entity)
    return tuple(entities.values())[:MOST_ENTITIES]


def _find(prose: str) -> Iterator[str]:
    # The searches behind a condition are skipped for texts in which they cannot match.
    yield from _capitalised(prose)
    if _PRODUCT_HINT.search(prose):
        yield from _OTHER_PRODUCT.findall(prose)
    if "://" in prose:
        yield from _HOST.findall(prose)
    if not prose.isascii():
        for groups in _QUOTED.findall(prose):
            # Each kind of quotation mark has its own group; one of them matched.
            yield next(filter(None, groups))
        yield from _KATAKANA.findall(prose)
        yield from _honoured(prose)
        for match in _CHINESE_TITLE.finditer(prose):
            family_name = match[1]
            title = match[0]
            yield family_name + title


def _honoured(prose: str) -> Iterator[str]:
    """Names before an honorific, without it."""
    for match in _HONORIFIC.finditer(prose):
        start = max(0, match.start() - _LONGEST_HONOURED)
        name = _HONOURED.search(prose, start, match.start())
        if name is not None:
            yield name[0]


def _capitalised(prose: str) -> Iterator[str]:
    """Capitalised words in a row.

    One word that opens a sentence counts as a name only where it is certainly one elsewhere.
    """
    doubtful: list[str] = []
    certain: set[str] = set()
    for match in _CAPITALISED.finditer(prose):
        name = _strip_stop_words(match[0])
        if len(name) < 2:
            continue
        is_plain_word = " " not in name and name[1:].islower()
        # Where common words before the name were removed, it does not open the sentence.
        is_at_start = match[0].startswith(name)
        if is_plain_word and is_at_start and _opens_sentence(prose, match.start()):
            doubtful.append(name)
        else:
            certain.add(name)
            yield name
    yield from (name for name in doubtful if name in certain)


def _opens_sentence(prose: str, start: int) -> bool:
    """Whether a sentence, a line, a list item or a quotation begins at `start`."""
    before = prose[max(0, start - 2) : start]
    if not before or before[-1] in _OPENERS:
        return True
    return before[-1] == " " and before[0] in _ENDERS


def _strip_stop_words(phrase: str) -> str:
    """A phrase without common words ("The", "I", "Thanks") at its beginning and end."""
    if " " not in phrase:
        return "" if _is_common(phrase) else phrase
    words = phrase.split(" ")
    while words and _is_common(words[0]):
        words.pop(0)
    while words and _is_common(words[-1]):
        words.pop()
    return " ".join(words)


def _is_common(word: str) -> bool:
    return word.lower() in _NO_NAMES
