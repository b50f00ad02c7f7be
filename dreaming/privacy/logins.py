"""What follows a name in a login: on the command line, and in a talk about one."""

import re
from collections.abc import Iterator

from dreaming.privacy.found import Found
from dreaming.privacy.looks import is_ordinary, is_placeholder, is_tangled, looks_chosen

_TALK = (
    "login", "log in", "logged in", "log into", "sign in", "signed in", "account", "username",
    "admin", "credential",
    "encrypted", "unlock", "password", "passwd", "pwd", "passphrase", "secret", "token", "wifi",
    "wi-fi", "vpn",
    "登录", "登陆", "登錄", "登入", "账号", "帐号", "帳號", "账户", "密码", "密碼", "口令", "密钥",
    "密鑰", "解压",
    "加密", "ログイン", "アカウント", "パスワード",
)  # fmt: skip
"""A text that has none of them is about something else, as far as can be told."""

_DIGIT = re.compile("[0-9]")
_WORD = re.compile(r"[!-~]{8,256}")
_EDGES = "\"'`.,;:()[]{}<>?|"
_COMMANDS = (
    re.compile(
        r"(?:mysql\w*|mariadb\w*|sshpass|login|redis-cli|mongo\w*|\b7z|unzip"
        r"|zip)\b[^\n|;]{0,200}?\s-[pPa] ?"
        r"([^\s\-'\"][^\s'\"]{3,})"
    ),
    re.compile(
        r"(?:curl|wget|https?)\b[^\n|;]{0,200}?\s(?:-u|--user|--auth)[ "
        r"=]?[\"']?[^\s:\"']{1,80}:([^\s\"']{3,})"
    ),
)

_INVENTED = re.compile(
    r"[A-Za-z]{4,20}[@_.#!*&-]?[0-9]{3,8}[!@#$%^&*]?"
    r"|[A-Za-z]{3,16}[@#!*&$][0-9A-Za-z]{2,16}[!@#$%^&*]?"
)
_PAIR = re.compile(r"(?<![^\s（(：:\"'])[\w.@-]{3,40} ?/ ?([!-~]{6,64})(?<![.,;:)\"'])")
"""A name and a password, as in `admin / ...`."""


def find_logins(text: str, lowered: str) -> Iterator[Found]:
    """Passwords that are options of a command, and words that can be nothing else in a talk about a
    login.
    """
    if " -" in text:
        for command in _COMMANDS:
            yield from (
                Found(*m.span(1), "login")
                for m in command.finditer(text)
                if not is_placeholder(m[1])
            )
    if any(word in lowered for word in _TALK):
        yield from _find_words(text)
        yield from (Found(*m.span(1), "login") for m in _PAIR.finditer(text) if looks_chosen(m[1]))


def _find_words(text: str) -> Iterator[Found]:
    for match in _WORD.finditer(text):
        if _DIGIT.search(match[0]) is None:
            continue
        start, end = trimmed(text, *match.span())
        word = text[start:end]
        if len(word) >= 8 and (is_tangled(word) or _is_invented(word)):
            yield Found(start, end, "login")


def _is_invented(word: str) -> bool:
    """Whether it is as people make passwords up: a word and a number of three digits or more,
    perhaps with a symbol.
    """
    return _INVENTED.fullmatch(word) is not None and not is_ordinary(word)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A range without the punctuation at its edges."""
    while start < end and text[start] in _EDGES:
        start += 1
    while start < end and text[end - 1] in _EDGES:
        end -= 1
    return start, end
