"""Colours (Government Analysis Function), their contrast, and the style of every chart."""

from __future__ import annotations

DARK_BLUE, TURQUOISE, DARK_PINK, ORANGE, DARK_GREY, LIGHT_PURPLE = (
    "#12436D",
    "#28A197",
    "#801650",
    "#F46A25",
    "#3D3D3D",
    "#A285D1",
)
PALETTE = (DARK_BLUE, TURQUOISE, DARK_PINK, ORANGE, DARK_GREY, LIGHT_PURPLE)
WHITE, INK, BAND, GRID = "#FFFFFF", "#0B0C0C", "#F2F2F2", "#CCCCCC"

# A clear difference on the adverse side, any other clear difference, and no clear difference. Shape and fill
# say the same, because these colours are too close to each other to carry it alone.
ADVERSE, CLEAR, UNCLEAR = DARK_PINK, DARK_BLUE, DARK_GREY


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2): 3 for graphics, 4.5 for text."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def marker_colour(side: str, *, clear: bool) -> str:
    """The colour of a row's marker and whiskers."""
    return ADVERSE if side == "adverse" else CLEAR if clear else UNCLEAR
