"""Chats in which people give away secrets, to measure how many are masked: the phrasing is written,
the secrets made.

`known.txt` was looked at while the patterns were made; `held_out.txt` was written before them, and
they were not fitted to it. Nothing here is anybody's: all secrets are made at run time, by a seeded
`Random`.
"""

import base64
import json
import re
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from random import Random
from typing import Literal

from dreaming.privacy.numbers import has_right_check_digits

Phrasing = Literal["known", "held_out"]

_ALNUM = string.ascii_letters + string.digits
_HOLE = re.compile(r"\{(\w+)\}")
_WORDS = [
    "harbor",
    "violet",
    "copper",
    "meadow",
    "lantern",
    "orbit",
    "walnut",
    "saddle",
    "timber",
    "pepper",
    "glacier",
    "ribbon",
    "marble",
    "canyon",
    "feather",
    "anchor",
    "cobalt",
    "jungle",
    "velvet",
    "kitten",
    "summit",
    "basket",
    "dragon",
    "window",
    "pocket",
    "silver",
    "garden",
    "rocket",
    "butter",
    "camera",
]
_NAMES = (
    "Sunshine",
    "Charlie",
    "Bayern",
    "Zhangwei",
    "Lihua",
    "Xiaoming",
    "Monika",
    "Dragon",
    "Snowball",
    "wangfang",
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in a chat, and what it is."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class PlantedChat:
    """A chat, user and assistant by turns, and the secrets in it."""

    language: str
    said: tuple[str, ...]
    secrets: tuple[Secret, ...]


def plant_secrets(phrasing: Phrasing, *, seed: int, times: int = 2) -> list[PlantedChat]:
    """Every chat of a phrasing so many times, each time with other secrets."""
    text = files(__name__).joinpath(f"{phrasing}.txt").read_text(encoding="utf-8")
    random = Random(seed)
    return [
        _planted(language, said, random) for _ in range(times) for language, said in _chats(text)
    ]


def arrives(secret: Secret, sent: str) -> bool:
    """Whether a secret, or half of a longer one, is in a text."""
    length = len(secret.text)
    part = length if length <= 8 else max(8, length // 2)
    return any(secret.text[at : at + part] in sent for at in range(length - part + 1))


def _chats(text: str) -> Iterator[tuple[str, list[str]]]:
    for block in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        language, _, turns = block.partition("\n")
        yield (
            language.strip(),
            [turn.strip() for turn in re.split(r"^[<>] ", turns, flags=re.MULTILINE)[1:]],
        )


def _planted(language: str, said: Sequence[str], random: Random) -> PlantedChat:
    secrets: list[Secret] = []

    def fill(hole: re.Match[str]) -> str:
        if hole[1] == "same":
            return secrets[-1].text
        secrets.append(Secret(hole[1], MAKERS[hole[1]](random)))
        return secrets[-1].text

    return PlantedChat(language, tuple(_HOLE.sub(fill, turn) for turn in said), tuple(secrets))


def _of(alphabet: str, length: int) -> Callable[[Random], str]:
    return lambda random: "".join(random.choices(alphabet, k=length))


def _after(prefix: str, make: Callable[[Random], str], end: str = "") -> Callable[[Random], str]:
    return lambda random: prefix + make(random) + end


def _password(random: Random) -> str:
    """As people choose them: a name and a year, letters for digits, or by a generator; rarely a
    word alone.
    """
    name, year = random.choice(_NAMES), str(random.randint(1970, 2024))
    styles = (
        lambda: name + year + random.choice("!@#$"),
        lambda: name.lower() + year,
        lambda: (
            name + "@" + str(random.randint(100, 99999))
            if random.random() < 0.5
            else name + "_" + year + "!"
        ),
        lambda: (
            name.replace("a", "4").replace("i", "1").replace("o", "0")
            + random.choice("&*#")
            + random.choice("3579")
        ),
        lambda: (
            "".join(random.choices(_ALNUM, k=9))
            + random.choice(string.digits)
            + random.choice("!#%^*")
        ),
        lambda: "".join(random.choices(_ALNUM + "!#%^*-", k=15)) + random.choice(string.digits),
        lambda: random.choice(_WORDS) + random.choice(_WORDS) + str(random.randint(10, 999)),
        lambda: random.choice(_WORDS) + random.choice(_WORDS),
    )
    # The last style is rare: few sites take a password of letters alone.
    return random.choices(styles, weights=(3, 3, 2, 2, 3, 2, 2, 1))[0]()


def _address_password(random: Random) -> str:
    return re.sub(r"[@:/#?%^&\[\]]", "x", _password(random))


def _address(random: Random) -> str:
    return f"postgresql://app:{_address_password(random)}@db.acme.io:5432/shop"


def _card(random: Random) -> str:
    """With the check digit of Luhn's formula."""
    digits = random.choice(("4", "51", "55", "62", "6011")) + "".join(
        random.choices(string.digits, k=15)
    )
    digits = digits[:15]
    total = sum(sum(divmod(int(d) * (2 - place % 2), 10)) for place, d in enumerate(digits))
    whole = digits + str(-total % 10)
    separator = random.choice(("", " ", "-"))
    return separator.join(whole[at : at + 4] for at in range(0, 16, 4))


def _iban(random: Random) -> str:
    account = "".join(random.choices(string.digits, k=18))
    whole = next(
        iban for check in range(2, 99) if has_right_check_digits(iban := f"DE{check:02}{account}")
    )
    return (
        " ".join(whole[at : at + 4] for at in range(0, 22, 4)) if random.random() < 0.5 else whole
    )


def _jwt(random: Random) -> str:
    header = {"alg": "HS256", "typ": "JWT"}
    claims = {"sub": str(random.randrange(10**9)), "iat": random.randrange(10**9)}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in (header, claims)
    ]
    return ".".join([*parts, _of(_ALNUM + "-_", 43)(random)])


def _private_key(name: str) -> Callable[[Random], str]:
    def make(random: Random) -> str:
        lines = ["".join(random.choices(_ALNUM + "+/", k=64)) for _ in range(12)]
        return "\n".join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----"])

    return make


_BASE64 = _ALNUM + "+/"
MAKERS: dict[str, Callable[[Random], str]] = {
    "pw": _password,
    "urlpw": _address_password,
    "phrase": lambda random: " ".join(random.sample(_WORDS, 4)),
    "seed": lambda random: " ".join(random.sample(_WORDS, 12)),
    "pin": _of(string.digits, 4),
    "otp": _of(string.digits, 6),
    "code": _of(string.ascii_lowercase + string.digits, 4),
    "openai": _after("sk-" + "proj-", _of(_ALNUM + "-_", 60)),
    "anthropic": _after("sk-" + "ant-api03-", _of(_ALNUM + "-_", 93), "AA"),
    "aws": _after("AK" + "IA", _of(string.ascii_uppercase + "234567", 16)),
    "awssecret": _of(_BASE64, 40),
    "aliyun": _after("LT" + "AI5t", _of(_ALNUM, 18)),
    "ghp": _after("gh" + "p_", _of(_ALNUM, 36)),
    "ghpat": _after("github" + "_pat_", _of(_ALNUM, 22), "_Zz0"),
    "glpat": _after("gl" + "pat-", _of(_ALNUM, 20)),
    "slack": _after("xo" + "xb-", _of(string.digits, 12), "-Qw3rTyUiOpAsDfGhJkLz"),
    "hook": _after(
        "https://hooks.slack.com/" + "services/T0",
        _of(string.ascii_uppercase + string.digits, 8),
        "/B01/Xy7",
    ),
    "google": _after("AI" + "za", _of(_ALNUM + "-_", 35)),
    "hf": _after("h" + "f_", _of(string.ascii_letters, 34)),
    "npm": _after("np" + "m_", _of(_ALNUM, 36)),
    "stripe": _after("sk" + "_live_", _of(_ALNUM, 24)),
    "sendgrid": lambda random: "S" + "G." + _of(_ALNUM, 22)(random) + "." + _of(_ALNUM, 43)(random),
    "twiliosid": _after("A" + "C", _of("0123456789abcdef", 32)),
    "telegram": lambda random: _of("123456789", 10)(random) + ":A" + _of(_ALNUM, 34)(random),
    "jwt": _jwt,
    "pem": _private_key("RSA PRIVATE" + " KEY"),
    "sshkey": _private_key("OPENSSH PRIVATE" + " KEY"),
    "url": _address,
    "card": _card,
    "iban": _iban,
    "hex": _of("0123456789abcdef", 32),
    "b64": _of(_ALNUM, 30),
    "mail": _of(string.ascii_lowercase, 16),
    "psk": _of(string.ascii_lowercase + string.digits, 12),
    "sec": _after("S" + "EC", _of("0123456789abcdef", 64)),
}
"""How a secret of each kind is made. Prefixes are put together here, so that no scanner takes this
file for a leak.
"""
