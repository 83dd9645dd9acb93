"""Simple pictures for a text in plain English: drawn by hand as SVG, in shapes that do not need their colours."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from yjd.reporting.palette import DARK_BLUE, DARK_GREY, INK, WHITE
from yjd.reporting.svg import FONTS
from yjd.reporting.words import escape_html

WIDTH = 248  # pixels, of which a PDF makes 186 points
_SIZE, _ROW, _BAR, _LINE = 18, 25, 16, 20
_LETTER = 9.6  # pixels of a letter of that size, on average
_SHORT = 8  # letters of a name that fit in front of its bar
_TEN = 10


@dataclass(frozen=True)
class Amount:
    """One row of a picture: a group, its rounded rate or what stands for it, and whether it is the reference."""

    label: str
    value: int | None
    instead: str = ""
    is_reference: bool = False


def picture(name: str, title: str, amounts: Sequence[Amount], *, per: int, people: bool) -> str:
    """Bars, or ten figures a row where something is counted out of every ten.

    Parameters
    ----------
    name : str
        What the picture's ids begin with: no two pictures of a page have the same.
    title : str
        What is counted, such as 'Searches for every 1,000 children'.
    amounts : sequence of Amount
        A row each, in the order of the groups.
    per : int
        The base; figures are drawn where it is 10 and no value is higher.
    people : bool
        The figures are people, not squares.
    """
    heads = textwrap.wrap(title, int(WIDTH / _LETTER))
    beside = max((len(amount.label) for amount in amounts), default=0) <= _SHORT
    figures = per == _TEN and all((amount.value or 0) <= _TEN for amount in amounts)
    left = 16 + _LETTER * max((len(amount.label) for amount in amounts), default=0) if beside else 0
    top, parts = 2 + _LINE * len(heads), []
    for place, line in enumerate(heads):
        parts.append(_text(0, 15 + _LINE * place, line, bold=True))
    most = max((amount.value or 0 for amount in amounts), default=0)
    for amount in amounts:
        if not beside:
            parts.append(_text(0, top + _SIZE, amount.label))
            top += _LINE
        else:
            parts.append(_text(0, top + 18, amount.label))
        parts.append(_row(amount, left, top + 4, most, figures=figures, people=people))
        top += _ROW
    said = ". ".join(f"{amount.label}: {_said(amount)}" for amount in amounts)
    return _svg(name, title, f"{said}.", "".join(parts), WIDTH, top + 1)


def _said(amount: Amount) -> str:
    return f"about {amount.value:,}" if amount.value is not None else amount.instead


def _row(amount: Amount, left: float, top: float, most: int, *, figures: bool, people: bool) -> str:
    if amount.value is None:
        return _text(left, top + 15, amount.instead)
    number = f"{amount.value:,}"
    room = WIDTH - left - _LETTER * (len(number) + 1) - 4
    if figures:
        step = (WIDTH - left - 26) / _TEN
        drawn = "".join(
            (_person if people else _square)(left + step * place, top, step, filled=place < amount.value)
            for place in range(_TEN)
        )
        return drawn + _text(WIDTH - 20, top + 15, number)
    long = max(2.0, room * amount.value / most) if most else 2.0
    look = f'fill="{WHITE}" stroke="{DARK_GREY}" stroke-width="3"' if amount.is_reference else f'fill="{DARK_BLUE}"'
    inset = 1.5 if amount.is_reference else 0
    bar = (
        f'<rect x="{left + inset:.1f}" y="{top + inset:.1f}" width="{max(long - 2 * inset, 1):.1f}" '
        f'height="{_BAR - 2 * inset:.1f}" {look}/>'
    )
    return bar + _text(left + long + 8, top + 15, number)


def _square(x: float, y: float, step: float, *, filled: bool) -> str:
    side = step - 4
    fill = DARK_BLUE if filled else WHITE
    return (
        f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{fill}" '
        f'stroke="{DARK_BLUE}" stroke-width="1.5"/>'
    )


def _person(x: float, y: float, step: float, *, filled: bool) -> str:
    middle, fill = x + step / 2, DARK_BLUE if filled else WHITE
    look = f'fill="{fill}" stroke="{DARK_BLUE}" stroke-width="1.5"'
    return (
        f'<circle cx="{middle:.1f}" cy="{y + 3:.1f}" r="4" {look}/>'
        f'<rect x="{middle - 5:.1f}" y="{y + 8:.1f}" width="10" height="11" rx="4" {look}/>'
    )


def _text(x: float, y: float, words: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}" font-size="{_SIZE}"{weight}>{escape_html(words)}</text>'


def _svg(name: str, title: str, description: str, inner: str, wide: float, high: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" role="img" aria-labelledby="{name}-title {name}-desc" '
        f'width="{wide}" height="{high:.0f}" viewBox="0 0 {wide} {high:.0f}" font-family="{FONTS}">'
        f'<title id="{name}-title">{escape_html(title)}</title>'
        f'<desc id="{name}-desc">{escape_html(description)}</desc>{inner}</svg>'
    )


_LINES = f'fill="none" stroke="{DARK_BLUE}" stroke-width="5" stroke-linecap="round" stroke-linejoin="round"'
_SOLID = f'fill="{DARK_BLUE}"'
_ICONS = {
    "people": (
        f'<circle cx="28" cy="28" r="12" {_SOLID}/><path d="M8 80V62a20 18 0 0 1 40 0V80z" {_SOLID}/>'
        f'<circle cx="70" cy="34" r="10" {_LINES}/><path d="M56 80V64a14 14 0 0 1 30 0V80z" {_LINES}/>'
    ),
    "compare": (
        f'<rect x="12" y="44" width="22" height="40" {_SOLID}/>'
        f'<rect x="56" y="14" width="22" height="70" {_LINES}/><path d="M4 88H92" {_LINES}/>'
    ),
    "same": f'<circle cx="48" cy="48" r="38" {_LINES}/><path d="M30 38H66M30 58H66" {_LINES}/>',
    "more": f'<circle cx="48" cy="48" r="38" {_LINES}/><path d="M48 30V66M30 48H66" {_LINES}/>',
    "unknown": (
        f'<circle cx="48" cy="48" r="38" {_LINES}/><path d="M36 38a12 12 0 1 1 18 10c-4 3-6 5-6 10" {_LINES}/>'
        f'<circle cx="48" cy="70" r="4" {_SOLID}/>'
    ),
    "private": (
        f'<path d="M30 44V32a18 18 0 0 1 36 0V44" {_LINES}/><rect x="18" y="44" width="60" height="42" rx="5" '
        f'{_SOLID}/><circle cx="48" cy="62" r="6" fill="{WHITE}"/><rect x="45" y="62" width="6" height="14" '
        f'fill="{WHITE}"/>'
    ),
    "look": f'<circle cx="40" cy="40" r="26" {_LINES}/><path d="M60 60L86 86" {_LINES}/>',
    "talk": (f'<path d="M8 14H88V64H44L26 84V64H8z" {_LINES}/><path d="M26 32H70M26 46H58" {_LINES}/>'),
}


def icon(name: str) -> str:
    """A sign beside a panel: it says nothing that its heading does not, so that a screen reader passes over it."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="yjd-icon" aria-hidden="true" focusable="false" width="72" '
        f'height="72" viewBox="0 0 96 96">{_ICONS[name]}</svg>'
    )
