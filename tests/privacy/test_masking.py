"""What is taken for a secret, and what is not; laws of masking."""

import itertools
import re
from random import Random
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreaming.errors import ConfigurationError
from dreaming.privacy.masking import Masking
from dreaming.privacy.user_marks import read_patterns
from dreaming.testing.planted import MAKERS

MASKING = Masking()
SHOWING_BY_THEMSELVES = (
    *(
        "openai",
        "anthropic",
        "aws",
        "aliyun",
        "ghp",
        "ghpat",
        "glpat",
        "slack",
        "hook",
        "google",
        "hf",
        "npm",
        "stripe",
    ),
    *("sendgrid", "telegram", "jwt", "pem", "sshkey", "card", "iban"),
)


@pytest.mark.parametrize("kind", SHOWING_BY_THEMSELVES)
def test_keys_and_numbers_show_by_themselves_what_they_are(kind):
    """Whatever is said about them, in any language."""
    random = Random(kind)
    for _ in range(20):
        secret = MAKERS[kind](random)
        for said in (f"look: {secret}", f"这个（{secret}）不行", f"{secret}\nand then?"):
            masked = MASKING.mask(said)
            assert secret not in masked
            assert "[secret]" in masked


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("my password is Tr0ub4dor&3, ok?", "my password is [secret], ok?"),
        ("PASSWORD=hunter2x9", "PASSWORD=[secret]"),
        ('{"password": "blue horse"}', '{"password": "[secret]"}'),
        ("run it with --password s3cretpw --verbose", "run it with --password [secret] --verbose"),
        ("the verification code is 482913.", "the verification code is [secret]."),
        ("482913 is your one-time passcode", "[secret] is your one-time passcode"),
        ("我的密码是Lihua1990，别告诉别人", "我的密码是[secret]，别告诉别人"),
        ("密碼：abc12345", "密碼：[secret]"),
        ("验证码 482913，五分钟内有效", "验证码 [secret]，五分钟内有效"),
        ("パスワードはTanuki77です", "パスワードは[secret]です"),
        ("暗証番号は4821です", "暗証番号は[secret]です"),
        ("合言葉は「開けゴマ」です", "合言葉は「[secret]」です"),
        ("postgres://bob:hunter2x@db/shop", "postgres://bob:[secret]@db/shop"),
        ("Authorization: Basic Ym9iOmh1bnRlcjI=", "Authorization: Basic [secret]"),
        ("curl -u bob:hunter2x https://x.io", "curl -u bob:[secret] https://x.io"),
    ],
)
def test_what_stands_beside_a_word_that_names_a_secret_is_masked(said, masked):
    """And only that."""
    assert MASKING.mask(said) == masked


@pytest.mark.parametrize(
    "said",
    [
        "I forgot my password again, what now?",
        "password is required and must have 8 characters",
        "Set the limit to 4096 tokens; a token is a part of a word.",
        "token = os.environ['TOKEN']",
        'api_key="YOUR_API_KEY"',
        "PASSWORD=${DB_PASSWORD}",
        "password: [secret]",
        "def login(password: str) -> bool: ...",
        "The order 4929123412341234 is late.",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 broke it",
        "我忘记密码了，怎么重置？",
        "密码学里的SHA256和AES128有什么区别",
        "Meet me at 10:30, gate B12, on 2024-05-01.",
        "task-list-of-the-whole-week-for-everybody",
        "see https://example.com/a/b?page=2",
        "パスワードを忘れました",
    ],
)
def test_what_is_no_secret_stays_as_it_is(said):
    """Else little would be left to understand."""
    assert MASKING.mask(said) == said


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        ("a <private>b\n\nc</private> d", "a [private] d"),
        ("a <PRIVATE>b</Private> d", "a [private] d"),
        ("a <private> b, to the end", "a [private]"),
        ("a <private>my password is hunter2x</private>", "a [private]"),
    ],
)
def test_what_is_marked_as_private_is_masked(said, masked):
    """One mark that is not closed reaches to the end of the message."""
    assert MASKING.mask(said) == masked


def test_patterns_of_ones_own_are_read_from_a_file(tmp_path):
    """A line each; empty ones and comments are none."""
    file = tmp_path / "patterns"
    file.write_text("# the project\nProject Falcon\n\n(?i)客户\\d+\n", encoding="utf-8")
    assert (
        Masking(read_patterns(file)).mask("Project Falcon is for 客户88.")
        == "[private] is for [private]."
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [("ok\n(open", "line 2: '(open' is no regular expression"), ("a*", "matches the empty text")],
)
def test_a_pattern_that_cannot_be_meant_is_named_with_what_to_do(tmp_path, line, said):
    """Never ignored: what it was to keep would leave."""
    file = tmp_path / "patterns"
    file.write_text(line)
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        read_patterns(file)
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_patterns(tmp_path / "none")


def test_a_part_of_a_message_is_masked_by_what_is_around_it():
    """Long messages are shown in parts, and a key may stand in several."""
    text = "here it is: <private>one. two. three.</private> and more"
    at = text.index("two")
    assert MASKING.mask_part(text, at, at + 3) == "[private]"
    assert MASKING.mask_part(text, 0, at) == "here it is: [private]"
    assert MASKING.mask_part(text, at, len(text)) == "[private] and more"


PIECES = st.sampled_from(
    [
        *(
            "my password is ",
            "hunter2x9",
            "密码是",
            "Lihua1990!",
            "：",
            " ",
            "\n",
            "token=",
            "<private>",
            "</private>",
        ),
        *(
            "pin 4821 ",
            "the tea is good. ",
            "好的，",
            "https://bob:pw123456@x.io",
            '"secret": "',
            '"',
            "sk-",
            "login ",
        ),
        "a1b2c3d4e5f6g7h8i9",
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)


@given(TEXTS)
def test_masking_touches_nothing_outside_of_what_it_found(text):
    """What it found is in order, apart, and inside the text; all else is there, in order."""
    found = MASKING.find(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
    kept, at = [], 0
    for one in found:
        kept += [text[at : one.start], one.placeholder]
        at = one.end
    assert MASKING.mask(text) == "".join([*kept, text[at:]])


@given(TEXTS, st.data())
def test_parts_hold_nothing_that_the_whole_would_not(text, data):
    """However a message is cut into units."""
    cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=3))})
    parts = [MASKING.mask_part(text, start, end) for start, end in itertools.pairwise(cuts)]
    joined = "".join(parts)
    placeholders = re.compile(r"(?:\[secret\]|\[private\])+")
    assert placeholders.sub("~", joined) == placeholders.sub("~", MASKING.mask(text))


@pytest.mark.parametrize(
    "piece",
    ["mysql ", "password ", "<private", "-----BEGIN PRIVATE KEY-----", "a1-", "密码是", "://a:"],
)
def test_masking_takes_no_longer_than_the_text_is_long(piece):
    """Nobody can stop the night with a text that is made for it."""

    def seconds(count):
        started = process_time()
        MASKING.find(piece * count)
        return process_time() - started

    assert seconds(8_000) < 20 * seconds(2_000) + 0.5
