"""The language of a text."""

import pytest

from dreaming.chunking.language import detect_language

SENTENCES = [
    ("en", "Could you tell me which train I should take tomorrow morning?"),
    ("de", "Könntest du mir bitte sagen, welchen Zug ich morgen früh nehmen soll?"),
    ("fr", "Pourriez-vous me dire quel train je dois prendre demain matin ?"),
    ("es", "¿Podrías decirme qué tren tengo que tomar mañana por la mañana?"),
    ("it", "Potresti dirmi quale treno devo prendere domani mattina, per favore?"),
    ("pt", "Você poderia me dizer qual trem eu devo pegar amanhã de manhã?"),
    ("nl", "Kun je mij vertellen welke trein ik morgenochtend moet nemen?"),
    ("pl", "Czy możesz mi powiedzieć, którym pociągiem mam jutro rano pojechać?"),
    ("tr", "Yarın sabah hangi trene binmem gerektiğini bana söyleyebilir misin?"),
    ("vi", "Bạn có thể cho tôi biết sáng mai tôi nên đi chuyến tàu nào không?"),
    ("ru", "Не могли бы вы сказать мне, на каком поезде мне ехать завтра утром?"),
    ("uk", "Чи не могли б ви сказати мені, яким потягом мені їхати завтра вранці?"),
    ("zh", "请问我明天早上应该坐哪一趟火车？"),
    ("ja", "明日の朝はどの電車に乗ればいいですか。"),
    ("ko", "내일 아침에 어떤 기차를 타야 하는지 알려 주시겠어요?"),
    ("ar", "هل يمكنك أن تخبرني أي قطار يجب أن أستقل غدا صباحا؟"),
    ("he", "אתה יכול להגיד לי באיזו רכבת אני צריך לנסוע מחר בבוקר?"),
    ("th", "ช่วยบอกหน่อยได้ไหมว่าพรุ่งนี้เช้าต้องขึ้นรถไฟขบวนไหน"),
    ("hi", "क्या आप मुझे बता सकते हैं कि कल सुबह मुझे कौन सी ट्रेन लेनी चाहिए?"),
    ("el", "Μπορείς να μου πεις ποιο τρένο πρέπει να πάρω αύριο το πρωί;"),
]


@pytest.mark.parametrize(
    ("language", "text"), SENTENCES, ids=[language for language, _ in SENTENCES]
)
def test_a_sentence_of_each_language_is_told(language, text):
    """Scripts tell most, the bundled detector the rest."""
    assert detect_language(text) == language


def test_two_languages_with_a_real_share_are_mixed():
    """A Chinese question with an English answer is neither."""
    assert (
        detect_language(
            "你好，我想学习画画，有什么好的建议吗？\n\nStart with pencil sketches every day."
        )
        == "mixed"
    )
    assert (
        detect_language("今日は会議がありますか？\n\nYes, we have one at three in the big room.")
        == "mixed"
    )


def test_names_and_code_do_not_make_a_text_mixed():
    """Product names, addresses and code belong to the language around them."""
    assert (
        detect_language(
            "我在 MacBook Pro 上用 Docker Compose 启动 PostgreSQL，可是总是失败，怎么办？"
        )
        == "zh"
    )
    assert (
        detect_language(
            "这段代码怎么改？\n```python\nfor item in the_list:\n    print(item and not other)\n```"
        )
        == "zh"
    )
    assert detect_language("詳しくは https://example.com/how/to/read/this をご覧ください。") == "ja"


def test_short_latin_text_takes_the_language_of_its_conversation():
    """Too short for the detector: inherited, English without a conversation, and never from another
    script.
    """
    assert detect_language("Merci !", "fr") == "fr"
    assert detect_language("Merci !") == "en"
    assert detect_language("OK", "zh") == "en"


def test_a_text_without_letters_is_undetermined():
    """Numbers, signs and emoji have no language."""
    assert detect_language("123 + 456 = 579 👍") == "und"
    assert detect_language("") == "und"


def test_code_alone_falls_back_to_english():
    """The detector's guesses on identifiers are not believed."""
    assert detect_language("x = foo(bar); y = baz[qux]; print(x, y, foo2, bar_baz)") == "en"
    assert detect_language("def kuwa(na): return ya_wa(na)", "en") == "en"
