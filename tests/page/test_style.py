"""What the stylesheet promises."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

import dreaming.page

STYLE = (Path(dreaming.page.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
ROOTS = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
COLOURS = {
    scheme: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", root))
    for scheme, root in zip(("light", "dark"), ROOTS, strict=True)
}
TINTS = {
    scheme: float(re.search(r"--tint: (\d+)%", root)[1]) / 100
    for scheme, root in zip(COLOURS, ROOTS, strict=True)
}


def channels(colour):
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def luminance(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(colour, share, base):
    return [
        share * c + (1 - share) * b for c, b in zip(channels(colour), channels(base), strict=True)
    ]


@pytest.mark.parametrize("scheme", COLOURS)
def test_text_reaches_the_contrast_of_wcag_aa_on_everything_that_it_stands_on(scheme):
    """4.5 to 1, also on the tint of every chunk, and on that of the one that was looked for."""
    colour = COLOURS[scheme]
    grounds = {name: channels(colour[name]) for name in ("paper", "card", "notice-paper")}
    for hue in range(6):
        for strength in (1, 2):
            grounds[f"hue {hue} x{strength}"] = mixed(
                colour[f"hue-{hue}"], TINTS[scheme] * strength, colour["paper"]
            )
    for name, ground in grounds.items():
        for ink in ("ink", "soft"):
            assert contrast(channels(colour[ink]), ground) >= 4.5, (ink, name)
    for ink, ground in (
        ("link", "paper"),
        ("link", "card"),
        ("wrong", "wrong-paper"),
        ("ink", "mark"),
        ("button-ink", "button"),
    ):
        assert contrast(channels(colour[ink]), channels(colour[ground])) >= 4.5, (ink, ground)


@pytest.mark.parametrize("scheme", COLOURS)
def test_bands_and_bars_stand_out_from_the_paper(scheme):
    """3 to 1 for the bands of chunks; bars that are next to each other differ in lightness too."""
    colour = COLOURS[scheme]
    for hue in range(6):
        assert contrast(channels(colour[f"hue-{hue}"]), channels(colour["paper"])) >= 3, hue
    levels = [channels(colour[name]) for name in ("basic", "good", "premium")]
    assert all(contrast(one, other) >= 1.4 for one, other in pairwise(levels))


def test_nothing_is_loaded_from_elsewhere():
    """No import and no address in the stylesheet."""
    assert "@import" not in STYLE
    assert "url(" not in STYLE
