"""What a model says of a chunk stays within count, length and characters."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from dreaming.prompting.cleaning import clean_entities, clean_labels, clean_language, clean_summary


def test_labels_are_few_short_and_plain():
    """Lower case, joined by hyphens, safe in tables, filters and terminals."""
    said = [
        "Machine Learning",
        "machine_learning",
        "<script>alert(1)</script>",
        "a|b",
        "[x](javascript:1)",
        "c++",
        "绘画",
    ]
    assert clean_labels(said) == (
        "machine-learning",
        "script-alert-1-script",
        "a-b",
        "x-javascript-1",
        "c++",
    )
    assert clean_labels(["绘画", "", "---", "C#", ".net"]) == ("绘画", "c#", "net")


def test_entities_are_names_that_were_said():
    """As they are written, none twice; what was not said is left out."""
    text = "We moved from Stripe to Adyen in São Paulo. 我在 ＯｐｅｎＡＩ 工作。"
    said = ["Stripe", "stripe", "São Paulo", "OpenAI", "Elon Musk", "x" * 80, "\x1b[31mAdyen"]
    assert clean_entities(said, text) == ("stripe", "São Paulo", "OpenAI")


def test_a_summary_is_one_visible_line():
    """No line breaks, escapes or overrides of direction."""
    assert clean_summary("One\n two\t\x1b[31mthree\u202e four\u200b.") == "One two [31mthree four."
    assert len(clean_summary("word " * 500)) <= 300


def test_a_language_is_a_code():
    """Without region; anything else is not told."""
    said = ["zh-CN", "EN", "pt_BR", "Chinese", "", "e n"]
    assert [clean_language(language) for language in said] == [
        "zh",
        "en",
        "pt",
        "und",
        "und",
        "und",
    ]


@given(st.lists(st.text(max_size=200), max_size=30), st.text(max_size=2_000))
def test_whatever_is_said_the_bounds_hold(said, summary):
    """Count, length, characters."""
    labels, entities = clean_labels(said), clean_entities(said, " ".join(said))
    assert len(labels) <= 5
    assert len(entities) <= 10
    assert all(0 < len(label) <= 41 for label in labels)
    assert all(0 < len(entity) <= 60 for entity in entities)
    for text in (*labels, *entities, clean_summary(summary)):
        assert all(unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn") for c in text)
        assert "\n" not in text
    assert not set("|[]()<>`*'\"\\") & set("".join(labels))
