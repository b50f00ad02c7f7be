"""Words that name secrets in English, Chinese and Japanese, and words beside them that are none."""

import re
from itertools import chain

# Names of what people choose.
_PASSWORDS = (
    r"pass[ _-]?(?:words?|wd|phrases?|codes?|key)", "pwd", "psk", r"pre[ _-]?shared[ _-]?key",
    r"(?:wifi|wi-fi|router|hotspot)[ _-]?(?:key|code)",
    "密码", "密碼", "口令", "授权码", "授權碼", "动态码", "通行码", "提取码", "访问码",
    "预共享密钥", "預共享密鑰",
    "パスワード", "パスコード", "合言葉", "暗証番号", "ぱすわーど",
)  # fmt: skip
# Names of what machines generate.
_KEYS = (
    r"secret(?:[ _-]?(?:key|token|id|access[ _-]?key))?",
    r"(?:api|access|auth|private|secret|client|license|encryption|master|signing|app|account"
    r"|storage|service)"
    r"[ _-]?(?:key|token|secret)(?:[ _-]?(?:id|secret))?",
    "credentials?", "creds", "tokens?", "appsecret",
    "密钥", "密鑰", "私钥", "令牌", "秘钥", "シークレット", "トークン", "apiキー",
)  # fmt: skip
# Names of what has a few digits.
_CODES = (
    r"pin(?:[ _-]?(?:codes?|number))?", "otp", "cvv2?", "cvc", "passcodes?",
    r"(?:verification|security|access|keypad|door|gate|alarm|login|entry|confirmation"
    r"|auth(?:entication)?|one[ -]time"
    r"|sms|2fa|lock|safe|unlock)[ -]?(?:codes?|pass(?:word|code)s?|pins?|combination)",
    "验证码", "驗證碼", "校验码", "动态码", "取件码", "密码", "密碼", "口令",
    "認証コード", "認证コード", "確認コード", "暗証番号", "パスコード",
)  # fmt: skip

# For a text in lower case: a search that ignores case takes several times as long.
NAME = re.compile(
    rf"(?P<password>{'|'.join(_PASSWORDS)})|(?P<code>(?<![a-z])(?:{'|'.join(_CODES)}))(?![a-z])"
    rf"|(?P<key>{'|'.join(_KEYS)})(?![a-z]*(?:iz|ise))"
)
# Characters that are searched around a needle of a name.
LONGEST_NAME = 32
# Names of passwords that may be digits alone.
NAMES_OF_DIGITS = re.compile(r".*(?:密码|密碼|口令|codes?|パスコード|暗証番号|提取码|动态码)")

# Every name has one of these, in ASCII or not: a text without them names no secret.
_NEEDLES = (
    "pass", "pwd", "psk", "secret", "key", "token", "cred", "pin", "otp", "cvv", "cvc", "code",
    "combination",
    "pre-shared", "preshared", "mnemonic", "phrase", "words", "seed",
)  # fmt: skip
_CHINESE_AND_JAPANESE_NEEDLES = (
    "密", "口令", "码", "碼", "钥", "令牌", "助记词", "助記詞",
    "パス", "合言葉", "暗証番号", "ぱす", "シークレット", "トークン", "コード", "リカバリー",
)  # fmt: skip

# Names of the words that a wallet can be restored from; for a text in lower case, too.
SEED_NAME = re.compile(
    r"(?:recovery|seed|secret|mnemonic|backup|wallet)[ -](?:phrase|words?|seed)|mnemonic"
    r"|助记词|助記詞|リカバリーフレーズ"
)
SEED_NEEDLES = ("phrase", "words", "seed", "mnemonic", "助记词", "助記詞", "リカバリー")

# Words that often follow a name and are no secret.
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
NOT_SECRETS = frozenset(chain.from_iterable(map(str.split, _BESIDE)))


def may_name_secret(text: str, lowered: str) -> bool:
    """Whether any word of a text may name a secret."""
    # A loop, because this reads every text and a generator takes three times as long.
    for needle in _NEEDLES:
        if needle in lowered:
            return True
    return not text.isascii() and any(needle in text for needle in _CHINESE_AND_JAPANESE_NEEDLES)


def find_name_windows(text: str, lowered: str) -> list[tuple[int, int]]:
    """The windows of a text in which a name may be, in order; they do not overlap.

    To search for the names in the whole text takes ten times as long.
    """
    needles: tuple[str, ...] = _NEEDLES
    if not text.isascii():
        needles += _CHINESE_AND_JAPANESE_NEEDLES
    windows: list[tuple[int, int]] = []
    for position in sorted(_find_all(lowered, needles)):
        start = max(position - LONGEST_NAME, 0)
        end = min(position + LONGEST_NAME, len(text))
        if windows and start <= windows[-1][1]:
            first_start, _ = windows[-1]
            windows[-1] = (first_start, end)
        else:
            windows.append((start, end))
    return windows


def _find_all(lowered: str, needles: tuple[str, ...]) -> list[int]:
    positions = []
    for needle in needles:
        position = lowered.find(needle)
        while position >= 0:
            positions.append(position)
            position = lowered.find(needle, position + 1)
    return positions
