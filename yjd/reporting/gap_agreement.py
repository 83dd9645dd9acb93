"""Self-defined against officer-observed ethnicity, from the released shares of one extract."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yjd.reporting import gap_data
from yjd.reporting.gap_data import percent_words
from yjd.reporting.tables import Cell, Html, table, text
from yjd.reporting.view import View
from yjd.reporting.words import capital, escape_html, percent_text


@dataclass(frozen=True)
class Agreement:
    """How far officers' and children's own headings agree, of those that officers' labels can express.

    `share` (0 to 1) with its limits; Cohen's `kappa` with its limits, which allow for the rounding of the shares; NaN
    where the release does not say how the headings are spread.
    """

    extract: str
    about: float
    share: float
    share_lower: float
    share_upper: float
    kappa: float
    kappa_lower: float
    kappa_upper: float


def agreement(entry: Mapping[str, Any]) -> Agreement:
    """Agreement from the released shares of one extract and from nothing else.

    Kappa is (p - e) / (1 - e) with p the share that agrees and e the share that would by chance; its variance is the
    usual one of large samples, p (1 - p) / (n (1 - e)^2) (Cohen 1960). Half a step of rounding is added on both sides.
    """
    agree, about = entry.get("agree"), entry.get("about")
    spread = {row["heading"]: row for row in entry["rows"]}
    comparable = [name for name in entry["comparable"] if name in spread]
    told = all(spread[name]["weight"] for name in comparable) and all(
        spread[name]["officer"].get(to) for name in comparable for to in comparable
    )
    if not (told and agree and about):
        return Agreement(str(entry["extract"]), *(math.nan,) * 7)
    n, p, half = float(about), agree[0] / 100, agree[1] / 200
    weights = _shared({name: spread[name]["weight"][0] for name in comparable})
    officer = dict.fromkeys(comparable, 0.0)
    for name in comparable:
        row = _shared({to: spread[name]["officer"][to][0] for to in comparable})
        for to in comparable:
            officer[to] += weights[name] * row[to]
    e = sum(weights[name] * officer[name] for name in comparable)
    wide = 1.959964 * math.sqrt(p * (1 - p) / n)
    low, high = max(0.0, p - half - wide), min(1.0, p + half + wide)
    if e >= 1:
        return Agreement(str(entry["extract"]), n, p, low, high, math.nan, math.nan, math.nan)
    kappa, lower, upper = ((value - e) / (1 - e) for value in (p, low, high))
    return Agreement(str(entry["extract"]), n, p, low, high, kappa, lower, upper)


def _shared(percents: Mapping[str, int]) -> dict[str, float]:
    """Rounded shares that add to 1."""
    total = sum(percents.values())
    return {name: value / total if total else 0.0 for name, value in percents.items()}


def agreement_tables(view: View) -> Html:
    """For every extract with both: the share that agrees, kappa, and where officers put each heading."""
    entries = list(gap_data.quality(view).get("agreement", ()))
    if not entries:
        return Html("<p>No extract holds both an officer's view and the child's own, for enough children [x].</p>")
    named = {str(entry["extract"]) for entry in gap_data.extracts(view) if entry["identifier"]}
    return Html(
        "".join(
            _agreement_sentence(entry, "children, one record each" if entry["extract"] in named else "records")
            + _agreement_table(entry)
            for entry in entries
        )
    )


def _agreement_sentence(entry: Mapping[str, Any], unit: str) -> str:
    found = agreement(entry)
    if not math.isfinite(found.share):
        said = f"{capital(found.extract)}: how many agree in all is hidden [c]; the table shows each heading by itself."
    else:
        share = f"{100 * found.share_lower:.0f} to {100 * found.share_upper:.0f}"
        said = (
            f"{capital(found.extract)}: child and officer name the same heading for {percent_text(found.share)} of "
            f"every 100 (95% interval {share}; about {found.about:,.0f} {unit})."
        )
        if math.isfinite(found.kappa):
            said += (
                f" Kappa, the agreement beyond what chance would bring, is {found.kappa:.2f} (95% interval "
                f"{found.kappa_lower:.2f} to {found.kappa_upper:.2f}; 1 is complete, 0 is chance)."
            )
    return f"<p>{escape_html(said)}</p>"


def _agreement_table(entry: Mapping[str, Any]) -> str:
    comparable: Sequence[str] = entry["comparable"]
    rows = []
    for row in entry["rows"]:
        cells = [text(row["heading"])]
        for to in comparable:
            share = row["officer"].get(to)
            said = percent_words(*share) if share else "[c]"
            same = to == row["heading"]
            cells.append(Cell(f"<strong>{escape_html(said)}</strong>" if same else escape_html(said), number=True))
        rows.append(cells)
    caption = (
        f"{capital(str(entry['extract']))}: of every 100 children who name a heading, which heading officers recorded"
    )
    return table(caption, ("What the child says", *(f"Officer: {to}" for to in comparable)), [("", rows)])
