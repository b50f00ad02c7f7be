"""Labels that are learned from chunks which a better model labelled."""

from collections import Counter

import pytest

from dreaming.chunking.labels import grown_labels, label_words, shipped_labels
from dreaming.chunking.words import read_words
from dreaming.learning.vocabulary import MOST_WORDS, LabelledText, learn_labels

SAID = {
    "beekeeping": "the hive has a queen and drones and full combs",
    "养蜂": "蜂箱里的蜂王和雄蜂",
    "masonry": "mortar between bricks and a trowel",
    "talk": "so it goes as ever with all of us today",
}


def texts(*labels, conversations=20, each=1, said=SAID):
    """Chunks of conversations that take turns with the labels, each about its own and something of
    no label.
    """
    return [
        LabelledText(
            f"c{n}",
            (label,),
            Counter(read_words(f"{said[label]} and more of number{chr(97 + n % 26)}")),
        )
        for n, label in ((n, labels[n % len(labels)]) for n in range(conversations * len(labels)))
        for _ in range(each)
    ]


def test_a_label_is_learned_with_the_words_that_tell_it():
    """In every script; and what was learned finds it in other texts."""
    learned = learn_labels(texts("beekeeping", "养蜂", "masonry", "talk"))
    assert {"beekeeping", "养蜂", "masonry"} <= set(learned)
    assert {"hive", "queen", "drones", "combs"} <= set(learned["beekeeping"])
    assert "number" not in "".join(learned["beekeeping"])
    assert all(len(words) <= MOST_WORDS for words in learned.values())
    vocabulary = grown_labels(learned)
    assert label_words(Counter(read_words("A queen left the hive.")), vocabulary) == ("beekeeping",)
    assert label_words(Counter(read_words("My puppy sees a vet.")), vocabulary) == ("pets",)


def test_a_shipped_label_gets_further_words():
    """Where they find it where the shipped ones did not."""
    said = SAID | {"pets": "the axolotl in its aquarium with gravel"}
    assert set(learn_labels(texts("pets", "beekeeping", "masonry", "talk", said=said))["pets"]) >= {
        "axolotl",
        "gravel",
    }


def test_what_the_vocabulary_finds_already_is_left_as_it_is():
    """Nothing is to be gained."""
    said = SAID | {"pets": "my puppy sees the vet about its leash"}
    assert "pets" not in learn_labels(texts("pets", "beekeeping", "masonry", "talk", said=said))


@pytest.mark.parametrize("count", [2, 3])
def test_few_chunks_or_conversations_teach_no_label(count):
    """A label of some chunks is chance, and of one long talk the words of that talk."""
    others = texts("masonry", "talk", "养蜂")
    assert "beekeeping" not in learn_labels(
        [*others, *texts("beekeeping", conversations=count, each=10)]
    )
    assert "beekeeping" not in learn_labels(
        [*others, *texts("beekeeping", conversations=count + 3)]
    )


def test_a_label_that_its_text_does_not_tell_is_not_learned():
    """Labels at random: the words of some texts do not find them in others."""
    plain = texts("talk", "masonry", "养蜂")
    random = [
        LabelledText(each.conversation_id, ("mystery",) if n % 5 == 2 else each.labels, each.counts)
        for n, each in enumerate(plain)
    ]
    assert "mystery" not in learn_labels(random)


def test_a_label_of_most_chunks_tells_nothing():
    """It would be on nearly every chunk."""
    assert learn_labels(texts("beekeeping", "beekeeping", "talk")) == {}


def test_spellings_that_differ_in_a_plural_are_one_label():
    """The one that comes with dreaming, else the more frequent; other labels stay apart."""
    mixed = texts("beekeeping", "masonry", "talk", "养蜂", conversations=40)
    named = [
        LabelledText(t.conversation_id, ("hive",) if n % 12 == 0 else ("hives",), t.counts)
        if t.labels == ("beekeeping",)
        else t
        for n, t in enumerate(mixed)
    ]
    learned = learn_labels(named)
    assert "hives" in learned
    assert "hive" not in learned


def test_another_name_for_a_label_is_not_learned():
    """It would take the place of other labels on the same chunks."""
    named = [
        LabelledText(
            t.conversation_id,
            ("beekeeping", "apiary") if t.labels == ("beekeeping",) else t.labels,
            t.counts,
        )
        for t in texts("beekeeping", "masonry", "talk", "养蜂")
    ]
    assert len({"beekeeping", "apiary"} & set(learn_labels(named))) == 1


def test_the_words_of_one_talk_tell_no_label():
    """However often it says them: they may be a name that is to be forgotten with it."""
    told = texts("beekeeping", "masonry", "talk", "养蜂")
    secret = LabelledText(
        "c0", ("beekeeping",), Counter(read_words("the hive of grandmasmith has a queen and combs"))
    )
    assert "grandmasmith" not in learn_labels([*told, *[secret] * 3])["beekeeping"]


def test_growing_leaves_the_shipped_vocabulary_as_it_is():
    """A learned word may speak for two labels; what is shipped is not changed by it."""
    before = dict(shipped_labels())
    grown = grown_labels({"beekeeping": ["queen", "dog"]})
    assert grown["dog"] == (*before["dog"], "beekeeping")
    assert dict(shipped_labels()) == before
    assert grown_labels({}) == before
