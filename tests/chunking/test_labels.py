"""Labels, entities and summaries."""

from collections import Counter

import pytest

from dreaming.chunking.entities import find_entities
from dreaming.chunking.labels import label_words
from dreaming.chunking.rules import RulesChunker
from dreaming.chunking.vocabulary import VOCABULARY
from dreaming.chunking.words import read_words

from .builders import CREATED_AT, build_talk

TRANSLATIONS = {
    "pets": (
        "My dog is ill, the vet says the puppy must rest.",
        "我的小狗生病了，兽医说宠物要休息。",
        "うちの犬が病んで、獣医はペットを休ませるようにと言いました。",
    ),
    "music": (
        "She plays guitar and piano in a band.",
        "她在乐队里弹吉他和钢琴。",
        "彼女はバンドでギターとピアノを弾きます。",
    ),
    "travel": (
        "The flight to the airport was late, so our hotel was gone.",
        "机票很贵，酒店也满了，这次旅行真累。",
        "旅行の飛行機が遅れて、ホテルに空港から急ぎました。",
    ),
    "programming": (
        "This Python function has a bug in its code.",
        "这个函数的代码编译不了，程序有错。",
        "このプログラムの関数にバグがあり、コードを直します。",
    ),
    "weather": (
        "Rain today, snow and storm tomorrow.",
        "今天下雨，天气预报说明天下雪。",
        "今日は雨、天気予報では明日は雪です。",
    ),
}


@pytest.mark.parametrize("label", TRANSLATIONS)
def test_a_topic_has_the_same_label_in_every_language(label):
    """A filter on a label finds the topic in English, Chinese and Japanese."""
    for text in TRANSLATIONS[label]:
        assert label in label_words(Counter(read_words(text)))


def test_no_label_is_better_than_a_wrong_one():
    """One chance word is not a topic, and small talk has none."""
    assert label_words(Counter(read_words("Hello! How are you? I saw a cat."))) == ()
    assert label_words(Counter()) == ()


def test_every_word_of_the_vocabulary_can_be_met():
    """A word that `read_words` never gives would be dead weight."""
    words = {word for words in VOCABULARY.values() for word in words.split()}
    assert [word for word in sorted(words) if read_words(f"{word} の") != [word]] == []
    assert 30 <= len(VOCABULARY) <= 45


def test_names_are_found_and_the_first_words_of_sentences_are_not():
    """Capitals count where no sentence begins, or where the word stands elsewhere with one, too."""
    text = (
        "Yesterday Marie Curie spoke to me. Remember Paris? We met in Paris with NASA. Bring "
        "umbrellas."
    )
    assert set(find_entities(text)) == {"Marie Curie", "Paris", "NASA"}
    assert find_entities("Thanks! It works. Great.") == ()


def test_products_hosts_titles_and_honorifics_are_names():
    """Form tells: mixed case, versions, addresses, title marks, quotes, honorifics and katakana."""
    assert "gpt-4o-mini" in find_entities("I use gpt-4o-mini every day.")
    assert "iPhone" in find_entities("my iPhone broke")
    assert "docs.example.org" in find_entities("see https://docs.example.org/a/b.html")
    assert "小王子" in find_entities("我推荐《小王子》。")
    assert "王老师" in find_entities("我昨天遇到了王老师。")
    assert {"田中", "トヨタ"} <= set(find_entities("田中さんはトヨタで働いています。"))


def test_entities_are_ten_at_most_the_frequent_ones_first_and_none_twice():
    """Speakers lead; what differs in capitals alone is one."""
    text = (
        "We saw Zurich, then Zurich again, and "
        + ", ".join(f"Town{chr(65 + i)}x" for i in range(20))
        + "."
    )
    found = find_entities(text, ["Emily", "Emily"])
    assert found[:2] == ("Emily", "Zurich")
    assert len(found) == 10
    assert find_entities("at NASA and with Nasa") == ("NASA",)
    assert find_entities("with Emily's dog, Emily’s car and Emily") == ("Emily",)
    assert find_entities("in トヨタ", ["ﾄﾖﾀ"]) == ("ﾄﾖﾀ",)


def summary(*contents: str) -> str:
    return RulesChunker().chunk(build_talk(*contents), created_at=CREATED_AT)[0].summary


def test_a_summary_is_a_sentence_of_the_text_about_its_topic():
    """The central sentence, not the greeting."""
    talk = [
        "Hello there!",
        "Hi! How can I help?",
        "My sourdough bread never rises. Why?",
        "Sourdough bread needs warmth.",
    ]
    assert summary(*talk) == "My sourdough bread never rises."
    assert summary(
        "你好！", "你好。", "我的面包总是发不起来，是酵母的问题吗？", "面包需要温暖，酵母才会发。"
    ) == ("我的面包总是发不起来，是酵母的问题吗？")


def test_a_summary_is_one_line_of_two_hundred_characters():
    """Long sentences are cut at a word, or at a character where there are no words."""
    english = summary("bread\n" + "flour and water " * 40)
    assert len(english) <= 200
    assert english.endswith(("flour…", "and…", "water…"))
    chinese = summary("面包" * 300)
    assert len(chinese) == 200
    assert chinese.endswith("…")
