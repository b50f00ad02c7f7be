"""Stop words, which say nothing about a topic, in the languages that cohesion is measured in.

The lists are short on purpose: a missing stop word costs a little cohesion, but a topic word that
is listed costs a boundary.
"""

_ENGLISH = """
    a about actually after again ago all almost already also always am an and another any anyone
    anything are
    aren't around as ask at away back be because been before being best better both but by can can't
    cannot could
    couldn't did didn't do does doesn't doing don't done down during each either else enough
    especially even ever
    every everyone everything exactly feel few find first for from further get gets getting give
    given glad go goes
    going gonna good got great guess had hadn't happen happened has hasn't have haven't having he
    he'd he'll he's
    hear heard hello help her here here's hers herself hey hi him himself his hope how how's however
    i i'd i'll i'm
    i've if in instead interested interesting into is isn't it it'd it'll it's its itself just keep
    kind know last
    least less let let's like little long look looking looks lot lots love made make makes making
    many may maybe me
    mean might mine more most much must my myself name need needs never new next nice no none nor
    not nothing now
    of off often oh ok okay on once one ones only or other others our ours out over own part people
    perhaps place
    please pretty probably put quite rather really right said same say says see seem seems several
    shall she she'd
    she'll she's should shouldn't since so some someone something sometimes soon sorry sound sounds
    still stuff
    such sure take taken takes taking talk tell than thank thanks that that'd that'll that's the
    their theirs them
    themselves then there there's these they they'd they'll they're they've thing things think this
    those though
    thought through time to today together told too took totally tried try trying two under until up
    upon us use
    used using very want wanted wants was wasn't way we we'd we'll we're we've well were weren't
    what what'd what's
    whatever when when's where where's whether which while who who's whole whom whose why will wish
    with without
    won't wonderful wow work would wouldn't yeah yep yes yesterday yet you you'd you'll you're
    you've your yours
    yourself yourselves
"""
_OTHER_LATIN = """
    que de la el los las un una unos unas y en por para con del al se lo su sus como pero mas más
    muy hay es le les
    des du et est sont pour dans sur avec ce cette ces qui ne pas plus au aux mais nous vous ils
    elle je tu der die
    das und ist sind ein eine einen einem einer nicht mit auf für von zu den dem sich auch als wie
    aber ich wir ihr
    sie mein dein noch nur schon il che di è per non sono mi ti si ma come o os do da dos em um uma
    não é com na no
    nas nos eu você
"""
_CHINESE_PAIRS = """
    可以 不要 不会 不能 不想 不过 不用 不好 不同 可能 应该 需要 因为 所以 但是 如果 一个 一些 一下
    一样 一直 一起
    觉得 知道 看看 想要 谢谢 感谢 请问 请您 请给 帮助 建议 推荐 告诉 喜欢 时候 为什 给我 已经 非常
    真正 自己 其他
    其实 最近 今天 明天 现在 好的 你好 您好 希望 能够 通过 以及 或者 并且 比较 问题 方面 进行 来说
    对于 关于 就会
    就可 我想
"""

ENGLISH = frozenset(_ENGLISH.split())
STOP_WORDS = ENGLISH | frozenset(_OTHER_LATIN.split()) | frozenset(_CHINESE_PAIRS.split())

CHINESE_STOP_CHARACTERS = "的了吗呢吧啊呀哦嗯是我你您她它们这那都也还很在有和与或没么"
"""Characters of Chinese grammar: a pair that holds one of them is no topic word."""
