"""Words that name secrets, in English, Chinese and Japanese, and words that stand beside them and
are none.
"""

import re
from itertools import chain

_PASSWORDS = (
    r"pass[ _-]?(?:words?|wd|phrases?|codes?|key)", "pwd", "psk", r"pre[ _-]?shared[ _-]?key",
    r"(?:wifi|wi-fi|router|hotspot)[ _-]?(?:key|code)",
    "密码", "密碼", "口令", "授权码", "授權碼", "动态码", "通行码", "提取码", "访问码",
    "预共享密钥", "預共享密鑰",
    "パスワード", "パスコード", "合言葉", "暗証番号", "ぱすわーど",
)  # fmt: skip
"""Of what people choose."""
_KEYS = (
    r"secret(?:[ _-]?(?:key|token|id|access[ _-]?key))?",
    r"(?:api|access|auth|private|secret|client|license|encryption|master|signing|app|account"
    r"|storage|service)"
    r"[ _-]?(?:key|token|secret)(?:[ _-]?(?:id|secret))?",
    "credentials?", "creds", "tokens?", "appsecret",
    "密钥", "密鑰", "私钥", "令牌", "秘钥", "シークレット", "トークン", "apiキー",
)  # fmt: skip
"""Of what machines make."""
_CODES = (
    r"pin(?:[ _-]?(?:codes?|number))?", "otp", "cvv2?", "cvc", "passcodes?",
    r"(?:verification|security|access|keypad|door|gate|alarm|login|entry|confirmation"
    r"|auth(?:entication)?|one[ -]time"
    r"|sms|2fa|lock|safe|unlock)[ -]?(?:codes?|pass(?:word|code)s?|pins?|combination)",
    "验证码", "驗證碼", "校验码", "动态码", "取件码", "密码", "密碼", "口令",
    "認証コード", "認证コード", "確認コード", "暗証番号", "パスコード",
)  # fmt: skip
"""Of a few digits."""

NAME = re.compile(
    rf"(?P<password>{'|'.join(_PASSWORDS)})|(?P<code>(?<![a-z])(?:{'|'.join(_CODES)}))(?![a-z])"
    rf"|(?P<key>{'|'.join(_KEYS)})(?![a-z]*(?:iz|ise))"
)
"""In a text of lower case: to ignore case takes several times as long."""
LONGEST_NAME = 32
NAMES_OF_DIGITS = re.compile(r".*(?:密码|密碼|口令|codes?|パスコード|暗証番号|提取码|动态码)")
"""Names of passwords that may have digits alone."""

_NEEDLES = (
    "pass", "pwd", "psk", "secret", "key", "token", "cred", "pin", "otp", "cvv", "cvc", "code",
    "combination",
    "pre-shared", "preshared", "mnemonic", "phrase", "words", "seed",
)  # fmt: skip
_FAR_NEEDLES = (
    "密", "口令", "码", "碼", "钥", "令牌", "助记词", "助記詞",
    "パス", "合言葉", "暗証番号", "ぱす", "シークレット", "トークン", "コード", "リカバリー",
)  # fmt: skip
"""Where a text has none of them, nothing in it is named."""

SEED_NAME = re.compile(
    r"(?:recovery|seed|secret|mnemonic|backup|wallet)[ -](?:phrase|words?|seed)|mnemonic"
    r"|助记词|助記詞|リカバリーフレーズ"
)
"""Of the words that a wallet is made from; in lower case too."""
SEED_NEEDLES = ("phrase", "words", "seed", "mnemonic", "助记词", "助記詞", "リカバリー")

_BESIDE = (
    "a an the no not now also still only just very too so as at by for from in of on or and but "
    "with without my your",
    "our their his her its this that these those it if when where who what which how why because "
    "been being be is are",
    "was were will would can could should may might must have has had do does did get got gets "
    "make made set sent same",
    "right wrong correct incorrect invalid valid expired required optional missing empty blank "
    "weak strong short long",
    "simple secure safe hard easy stored saved hashed encrypted protected visible hidden shown "
    "displayed typed entered",
    "changed reset updated needed used case known unknown good bad fine okay ok old new different "
    "important sensitive",
    "case-sensitive more less one two three something anything nothing everything here there sure "
    "probably usually",
    "always never already actually basically simply then than type string str text int integer "
    "number bool boolean",
    "float null none undefined true false self user value default input output char varchar bytes "
    "object any password",
    "passwords pass passphrase secret token key keys tokens code codes username email login "
    "please generated random",
    "unique based about likely going supposed meant part like up out off back limit length size "
    "count per recovery",
    "manager managers compromised leaked stolen exposed forgotten lost rejected accepted denied",
)
BESIDE = frozenset(chain.from_iterable(map(str.split, _BESIDE)))
"""What often follows a name and is no secret."""


def names_secret(text: str, lowered: str) -> bool:
    """Whether anything in a text may name a secret."""
    # Every text is looked at; a generator takes three times as long.
    for needle in _NEEDLES:
        if needle in lowered:
            return True
    return not text.isascii() and any(needle in text for needle in _FAR_NEEDLES)


def places_of_names(text: str, lowered: str) -> list[tuple[int, int]]:
    """Where names may stand, in order: looking for all of them
    everywhere takes ten times as long.
    """
    places: list[tuple[int, int]] = []
    for at in sorted(_hits(lowered, _NEEDLES if text.isascii() else (*_NEEDLES, *_FAR_NEEDLES))):
        start, end = max(at - LONGEST_NAME, 0), min(at + LONGEST_NAME, len(text))
        if places and start <= places[-1][1]:
            places[-1] = (places[-1][0], end)
        else:
            places.append((start, end))
    return places


def _hits(lowered: str, needles: tuple[str, ...]) -> list[int]:
    hits = []
    for needle in needles:
        at = lowered.find(needle)
        while at >= 0:
            hits.append(at)
            at = lowered.find(needle, at + 1)
    return hits
