"""The ladder of adjusted comparisons: what it shows, never what it cannot.

An adjusted difference compares groups once the listed factors are alike. Rungs that add a factor which may itself
come of disparity say so each time: possible mediators.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yjd.reporting.charts import MARKS, Block, Line, blocks_chart
from yjd.reporting.classify import classify
from yjd.reporting.tables import Cell, table, text
from yjd.reporting.view import Comparison, Row, View
from yjd.reporting.words import (
    ADJUSTERS,
    Measure,
    and_list,
    capital,
    children,
    counted,
    interval_text,
    plain,
    rate_text,
    ratio_text,
)
from yjd.schema import UNKNOWN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RANDOM = ", areas random"
LADDER_NOTE = (
    "Adjusting compares groups once the listed factors are alike. It does not say why a difference is there. From the "
    "first rung that is marked as holding possible mediators, what is adjusted for may itself come of disparity (an "
    "offence on record is a decision, an earlier outcome follows earlier policing), so that adjusting can hide part of "
    "what is looked for. No one rung is the right one."
)


@dataclass(frozen=True)
class Rung:
    """One rung: what it adjusts for, what it adds to the one before, and whether that may come of disparity."""

    name: str
    adjusters: tuple[str, ...]
    added: tuple[str, ...]
    mediator: bool

    @property
    def label(self) -> str:
        """'M0 unadjusted', 'M2 adjusted, mediators'."""
        if not self.adjusters:
            return f"{self.name} unadjusted"
        return f"{self.name} with mediators" if self.mediator else f"{self.name} adjusted"

    @property
    def words(self) -> str:
        """What it adjusts for: 'age, sex and area'."""
        return and_list(_adjuster(name) for name in self.adjusters) or "nothing"


@dataclass(frozen=True)
class Ladder:
    """The model of a measure: its rungs in order, in the period that it was fitted on."""

    measure: Measure
    period: str
    rungs: Sequence[Rung]


def _adjuster(name: str) -> str:
    return ADJUSTERS.get(name, plain(name).replace("_", " "))


def ladder_of(view: View, measure: Measure) -> Ladder | None:
    """The ladder of a measure, as the manifest lists it; None where none was fitted or it has no rows."""
    for entry in view.manifest.get("models", ()):
        if entry.get("measure") == measure.id:
            made = Ladder(measure, str(entry["period"]), _rungs(entry.get("rungs", ())))
            return made if view.parts(measure.id, "adjusted_rri", period=made.period) else None
    return None


def _rungs(entries: Sequence[Mapping[str, Any]]) -> list[Rung]:
    rungs: list[Rung] = []
    before: set[str] = set()
    for entry in entries:
        names = tuple(str(name) for name in entry.get("adjusters", ()))
        added = tuple(name for name in names if name not in before)
        rungs.append(Rung(str(entry["name"]), names, added, bool(entry.get("mediator"))))
        before |= set(names)
    return rungs


def compare_at(view: View, ladder: Ladder, rung: str) -> list[Comparison]:
    """Every group against the reference at one rung, in the fixed order; a group without a row is not available."""
    found = view.parts(
        ladder.measure.id, "adjusted_rri", period=ladder.period, reference=view.reference, rung=rung, term=""
    )
    rows = {row["group"]: row for row in found}
    compared = []
    for group in view.groups():
        if group in (view.reference, UNKNOWN):
            continue
        row: Row = rows.get(group, {"status": "not_available", "disclosure": "shown", "quantity": "adjusted_rri"})
        compared.append(Comparison(ladder.measure, group, row, classify(row, adverse=ladder.measure.adverse)))
    return compared


def rate_at(view: View, ladder: Ladder, rung: str, group: str) -> Row | None:
    """The adjusted rate of a group at a rung, where it has numbers."""
    found = view.parts(ladder.measure.id, "adjusted_rate", period=ladder.period, group=group, rung=rung, term="")
    return next((row for row in found if classify(row).has_numbers), None)


def ladder_statements(view: View, ladder: Ladder) -> list[str]:
    """What the ladder shows: who differs before and after adjusting, and one group in numbers."""
    said = []
    plain_rungs = [rung for rung in ladder.rungs if rung.adjusters and not rung.mediator]
    mediated = [rung for rung in ladder.rungs if rung.mediator]
    shown = [*plain_rungs[-1:], *mediated[-1:]]
    for rung in shown:
        marked = ", with possible mediators among them" if rung.mediator else ""
        start = f"{rung.name}: once {rung.words} are alike{marked}"
        if len(rung.adjusters) == 1:
            start = f"{rung.name}: once {rung.words} is alike{marked}"
        said.append(f"{start}, the adjusted difference is {_tally(compare_at(view, ladder, rung.name))}.")
    lead = _lead(view, ladder, shown)
    if lead:
        said.append(_in_numbers(view, ladder, lead))
    said.append(
        f"All rungs are fitted on the same records: those of {ladder.period} with every factor known. Their rates are "
        "not those of the table above."
    )
    return said


def _tally(items: Sequence[Comparison]) -> str:
    """'clear for Black (higher) and Mixed (higher), and not clear for Asian'."""
    clear = [f"{item.group} ({item.verdict.outcome})" for item in items if item.verdict.is_clear]
    unclear = [item.group for item in items if item.verdict.outcome == "no_clear_difference"]
    parts = [f"clear for {and_list(clear)}"] if clear else []
    if unclear:
        parts.append(f"not clear for {'any group' if len(unclear) == len(items) else and_list(unclear)}")
    reasons: dict[str, list[str]] = {}
    for item in items:
        if not item.verdict.has_numbers:
            words = f"{item.verdict.shorthand} as {item.verdict.reason}"
            if item.verdict.outcome == "hidden":
                words = "hidden [c]"
            reasons.setdefault(words, []).append(item.group)
    parts += [f"without a number for {and_list(names)} ({words})" for words, names in reasons.items()]
    return "; ".join(parts)


def _lead(view: View, ladder: Ladder, rungs: Sequence[Rung]) -> str:
    """The group whose difference is clear, adverse first, and furthest from 1 before mediators; '' for none."""
    for rung in [*rungs, *ladder.rungs[:1]]:
        clear = [item for item in compare_at(view, ladder, rung.name) if item.verdict.is_clear]
        if clear:
            order = {"adverse": 0, "neither": 1, "favourable": 2}
            return min(clear, key=lambda item: (order[item.verdict.side], -_distance(item.row))).group
    return ""


def _distance(row: Row) -> float:
    return abs(math.log(row["estimate"])) if row["estimate"] > 0 else math.inf


def _in_numbers(view: View, ladder: Ladder, group: str) -> str:
    """One group at every rung: its ratio, with both adjusted rates."""
    parts = []
    for rung in ladder.rungs:
        item = next(item for item in compare_at(view, ladder, rung.name) if item.group == group)
        parts.append(f"{_kind(rung)} ({rung.name}) {rung_phrase(view, ladder, rung, item)}")
    return f"{capital(children(group))} compared with {children(view.reference)}: {'; '.join(parts)}."


def _kind(rung: Rung) -> str:
    return "unadjusted" if not rung.adjusters else "with possible mediators" if rung.mediator else "adjusted"


def rung_phrase(view: View, ladder: Ladder, rung: Rung, item: Comparison) -> str:
    """'1.9 times as likely (22 against 12, interval 1.8 to 2.0)', and no more than the row shows."""
    verdict, row = item.verdict, item.row
    if not verdict.has_numbers:
        return f"{verdict.words.lower()} {verdict.shorthand}, {verdict.reason}"
    own, other = (rate_at(view, ladder, rung.name, group) for group in (item.group, view.reference))
    rates = ""
    if own is not None and other is not None:
        rates = f"{rate_text(own['estimate'])} against {rate_text(other['estimate'])} {_per(ladder.measure)}, "
    interval = f"interval {interval_text(row['lower'], row['upper'], 2)}"
    ratio = ratio_text(row["estimate"], 2)
    if verdict.is_clear:
        return f"{ratio} {ladder.measure.likely} ({rates}{interval})"
    return f"no clear difference ({rates}ratio {ratio}, {interval})"


def _per(measure: Measure) -> str:
    word = "of" if measure.kind == "proportion" else "for"
    return f"{word} every {measure.per:,.0f}"


def ladder_table(view: View, ladder: Ladder) -> str:
    """Every rung of every group: adjusted rates, ratio, difference, and what it adjusts for."""
    rungs = [*ladder.rungs, *_with_random_areas(view, ladder)]
    at = {rung.name: {item.group: item for item in compare_at(view, ladder, rung.name)} for rung in rungs}
    bodies = [
        (group, [_table_row(view, ladder, rung, at[rung.name][group]) for rung in rungs])
        for group in next(iter(at.values()), {})
    ]
    columns = (
        "Rung",
        f"Adjusted rate, {_per(ladder.measure)}",
        f"Adjusted rate, {children(view.reference)}",
        "Ratio",
        view.interval_name.capitalize(),
        "Difference",
        "In words",
    )
    caption = (
        f"{ladder.measure.title}: unadjusted and adjusted, {ladder.period}, compared with {children(view.reference)}"
    )
    return table(caption, columns, bodies)


def _with_random_areas(view: View, ladder: Ladder) -> list[Rung]:
    rows = view.parts(ladder.measure.id, "adjusted_rri", period=ladder.period)
    names = sorted({row["rung"] for row in rows if row["rung"].endswith(_RANDOM)})
    return [Rung(name, ("area",), (), mediator=False) for name in names]


def _table_row(view: View, ladder: Ladder, rung: Rung, item: Comparison) -> list[Cell]:
    verdict, row = item.verdict, item.row
    name = f"{rung.name}, possible mediators" if rung.mediator else rung.name
    if not verdict.has_numbers:
        mark = Cell(verdict.shorthand, number=True)
        words = f"{verdict.words} {verdict.shorthand}: {verdict.reason}"
        return [text(name), mark, mark, mark, Cell(verdict.shorthand), Cell(verdict.shorthand), text(words)]
    own, other = (rate_at(view, ladder, rung.name, group) for group in (item.group, view.reference))
    words = f"<strong>{verdict.words}</strong>" if verdict.is_clear else verdict.words
    return [
        text(name),
        _rate(own),
        _rate(other),
        Cell(ratio_text(row["estimate"], 2), number=True),
        Cell(interval_text(row["lower"], row["upper"], 2)),
        _difference(view, ladder, rung, item.group),
        Cell(words),
    ]


def _rate(row: Row | None) -> Cell:
    return Cell(rate_text(row["estimate"]) if row is not None else "[x]", number=True)


def _difference(view: View, ladder: Ladder, rung: Rung, group: str) -> Cell:
    found = view.parts(
        ladder.measure.id, "marginal_difference", period=ladder.period, group=group, rung=rung.name, term=""
    )
    row = next(iter(found), None)
    if row is None or not classify(row).has_numbers:
        return Cell(classify(row).shorthand if row is not None else "[x]")
    values = [signed(row[name]) for name in ("estimate", "lower", "upper")]
    return Cell(f"{values[0]} ({values[1]} to {values[2]})")


def signed(value: float) -> str:
    """A difference with its sign: '+3.2', '-12', '0'."""
    size = rate_text(abs(value)) if math.isfinite(value) else "no limit"
    return size if value == 0 else f"{'+' if value > 0 else '-'}{size}"


def rungs_list(ladder: Ladder) -> list[str]:
    """What each rung adds, in words."""
    said = []
    for rung in ladder.rungs:
        if not rung.adjusters:
            said.append(f"{rung.name}: unadjusted.")
            continue
        marked = " (possible mediators)" if rung.mediator else ""
        said.append(f"{rung.name}: {'adds' if len(rung.added) < len(rung.adjusters) else 'adjusts for'} "
                    f"{and_list(_adjuster(name) for name in rung.added) or 'nothing'}{marked}.")  # fmt: skip
    return said


def ladder_chart(view: View, ladder: Ladder) -> Figure:
    """A block for each group, a row for each rung."""
    at = [(rung, compare_at(view, ladder, rung.name)) for rung in ladder.rungs]
    groups = [item.group for item in at[0][1]] if at else []
    blocks = [
        Block(group, [Line(rung.label, item) for rung, items in at for item in items if item.group == group])
        for group in groups
    ]
    note = f"Ratio to {plain(view.reference)} (= 1), {view.interval_name}, log scale. {ladder.period}."
    foot = f"{' '.join(rungs_list(ladder))} {MARKS}"
    return blocks_chart(ladder_headline(view, ladder), note, foot, blocks, places=2)


def ladder_headline(view: View, ladder: Ladder) -> str:
    """Who clearly differs once age, sex, area and period are alike."""
    rungs = [rung for rung in ladder.rungs if rung.adjusters and not rung.mediator][-1:] or list(ladder.rungs[-1:])
    if not rungs:
        return f"{ladder.measure.title}: nothing was adjusted"
    items = compare_at(view, ladder, rungs[0].name)
    clear = [f"{item.group} ({item.verdict.outcome})" for item in items if item.verdict.is_clear]
    found = f"clear for {and_list(clear)}" if clear else "clear for no group"
    return f"{ladder.measure.title}: adjusted difference at {rungs[0].name} {found}"


def ladder_alt(view: View, ladder: Ladder) -> str:
    """The alternative text of the ladder's chart."""
    verdicts = [item.verdict for rung in ladder.rungs for item in compare_at(view, ladder, rung.name)]
    hidden = sum(verdict.outcome == "hidden" for verdict in verdicts)
    return (
        f"Forest chart: ratio of each group to {children(view.reference)}, unadjusted and at each rung of adjusting, "
        f"with {view.interval_name}s, {ladder.period}. {ladder_headline(view, ladder)}. {hidden} of "
        f"{counted(len(verdicts), 'ratio')} hidden. All numbers are in the table below the chart."
    )
