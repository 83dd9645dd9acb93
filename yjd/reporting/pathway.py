"""Where along the pathway a difference arises: the factor of each stage, and its share of the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yjd.reporting.charts import MARKS, Block, Line, blocks_chart
from yjd.reporting.classify import Verdict, classify
from yjd.reporting.tables import Cell, number, table, text
from yjd.reporting.view import Comparison, Row, View
from yjd.reporting.words import (
    Measure,
    and_list,
    capital,
    children,
    counted,
    interval_text,
    lower_first,
    plain,
    rate_text,
    ratio_text,
)
from yjd.schema import POPULATION, UNKNOWN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREFIX = "pathway_"


@dataclass(frozen=True)
class Step:
    """One stage of a pathway for one group: each row with what may be said of it."""

    stage: str
    title: str
    factor: Row | None
    share: Row | None
    so_far: Row | None


@dataclass(frozen=True)
class Way:
    """A group's way along a pathway, the last stage last."""

    group: str
    steps: Sequence[Step]
    base: str  # who is followed: residents, or a stage

    @property
    def whole(self) -> Row | None:
        """The ratio at the last stage, for every child of the base."""
        return self.steps[-1].so_far if self.steps else None


def pathways(view: View) -> list[str]:
    """The pathways that the release holds, the one to court first."""
    found = {name for name, quantity in view.index.pairs("measure", "quantity") if quantity == "pathway_step"}
    return sorted(found, key=lambda name: (name != "pathway_court", name))


def ways(view: View, pathway: str) -> list[Way]:
    """Every group's way in the headline period, in the fixed order; empty where the release has none."""
    rows = {
        (row["quantity"], row["group"], row["term"]): row
        for quantity in ("pathway_step", "pathway_share", "pathway_rri")
        for row in view.parts(pathway, quantity, period=view.period, reference=view.reference)
    }
    stages = _ordered(view, pathway, {term for _, _, term in rows})
    if not stages:
        return []
    groups = [group for group in view.groups() if group not in (view.reference, UNKNOWN)]
    base = base_words(view, pathway)
    return [Way(group, [_step(view, rows, group, stage) for stage in stages], base) for group in groups]


def base_words(view: View, pathway: str) -> str:
    """Who a pathway begins with, in a sentence."""
    steps = _named(view).get(pathway.removeprefix(PREFIX)) or [POPULATION]
    return "residents" if steps[0] == POPULATION else lower_first(view.stage_title(steps[0]))


def _named(view: View) -> dict[str, list[str]]:
    return {str(entry["name"]): list(entry["steps"]) for entry in view.manifest.get("pathways", ())}


def _step(view: View, rows: dict[tuple[str, str, str], Row], group: str, stage: str) -> Step:
    found = (rows.get((f"pathway_{part}", group, stage)) for part in ("step", "share", "rri"))
    return Step(stage, view.stage_title(stage), *found)


def _ordered(view: View, pathway: str, stages: set[str]) -> list[str]:
    """Stages in the order of the manifest's pathway or, where it names none, of the measures that count them.

    The last stage is the one that the pathway is named after.
    """
    listed = [stage for measure in view.measures for stage in (measure.denominator, measure.numerator)]
    order = _named(view).get(pathway.removeprefix(PREFIX), listed)
    last = pathway.removeprefix(PREFIX)
    return sorted(stages, key=lambda s: (s == last, order.index(s) if s in order else len(order), s))


def verdict_of(row: Row | None) -> Verdict:
    """What a row may be said to show; a row that is not there is not available."""
    return classify(row) if row is not None else Verdict("not_available", reason="it is not in this release")


def way_sentence(view: View, way: Way) -> str:
    """How far apart the last stage is, and at which stages that arises: shares are said where they are clear."""
    who, whom = children(way.group), children(view.reference)
    last = way.steps[-1]
    whole = verdict_of(way.whole)
    start = f"{capital(who)}, from {way.base} to {lower_first(last.title)}"
    if not whole.has_numbers:
        return f"{start}: {lower_first(whole.words)} {whole.shorthand}, {whole.reason}."
    row = way.whole
    assert row is not None
    ratio = f"{ratio_text(row['estimate'])} times as many"
    rates = _both_rates(row, way.base)
    interval = f"interval {interval_text(row['lower'], row['upper'])}"
    if not whole.is_clear:
        told = f"{rates}; ratio {ratio_text(row['estimate'])}, {interval}"
        return f"{start}: no clear difference from {whom} ({told}), so there is nothing to share out."
    return f"{start}: {ratio} for their number as {whom} ({rates}; {interval}). {_parts_sentence(way)}".strip()


def _both_rates(row: Row, base: str) -> str:
    bases = row["denominator"], row["reference_denominator"]
    if not all(base > 0 for base in bases):
        return "without the rates [x]"
    own, other = (
        rate_text(1000 * n / base)
        for n, base in zip((row["numerator"], row["reference_numerator"]), bases, strict=True)
    )
    return f"{own} and {other} for every 1,000 {base}"


def _parts_sentence(way: Way) -> str:
    """At which stages it arises: in shares where all that is clear adds to the whole, in factors otherwise."""
    shares = [(step, verdict_of(step.share)) for step in way.steps]
    clear = [(step, verdict) for step, verdict in shares if verdict.is_clear]
    unclear = [lower_first(step.title) for step, verdict in shares if verdict.outcome == "no_clear_difference"]
    without = [(lower_first(step.title), verdict) for step, verdict in shares if not verdict.has_numbers]
    said = []
    told = [step.share["estimate"] for step, _ in clear if step.share]
    if clear and min(told) > 0 and sum(told) <= 100:  # more would read as more parts than there are
        said.append(f"Of every 100 parts of the difference, {and_list(_share(step) for step, _ in clear)}.")
    elif clear:
        said.append(f"It is multiplied by {and_list(_factor(step) for step, _ in clear)}.")
    if unclear:
        said.append(f"No clear part at {and_list(unclear)}.")
    if without:
        marks = sorted({verdict.shorthand for _, verdict in without})
        said.append(f"Nothing can be said of {and_list(name for name, _ in without)} {' '.join(marks)}.")
    return " ".join(said)


def _share(step: Step) -> str:
    row = step.share
    assert row is not None
    between = f"{_parts(row['lower'])} to {_parts(row['upper'])}"
    return f"{_parts(row['estimate'])} arise at {lower_first(step.title)} (interval {between})"


def _factor(step: Step) -> str:
    row = step.factor
    assert row is not None
    between = interval_text(row["lower"], row["upper"])
    return f"{ratio_text(row['estimate'])} at {lower_first(step.title)} (interval {between})"


def _parts(value: float) -> str:
    """A share to whole parts, never rounded onto the other side of nothing or to nothing."""
    if 0 < abs(value) < 1:
        return "less than 1" if value > 0 else "more than -1"
    return f"{value:.0f}"


def pathway_table(view: View, pathway: str) -> str:
    """Every stage of every group: the factor that it adds and its share of the whole; empty without rows."""
    bodies = []
    for way in ways(view, pathway):
        rows = [_table_row(step) for step in way.steps]
        bodies.append((way.group, rows))
    if not bodies:
        return ""
    last = lower_first(view.stage_title(pathway.removeprefix(PREFIX)))
    columns = (
        "Stage",
        "Number",
        "Ratio so far",
        "Factor of this stage",
        view.interval_name.capitalize(),
        "Share of the difference, of 100",
    )
    caption = (
        f"From {base_words(view, pathway)} to {last}: the factor of each stage, compared with "
        f"{children(view.reference)}, {view.period_label()}"
    )
    return table(caption, columns, bodies)


def _table_row(step: Step) -> list[Cell]:
    factor, share, so_far = verdict_of(step.factor), verdict_of(step.share), verdict_of(step.so_far)
    ratio = ratio_text(step.so_far["estimate"]) if step.so_far and so_far.has_numbers else so_far.shorthand
    cells = [text(step.title)]
    if step.factor is None or not factor.has_numbers:
        mark = factor.shorthand
        held = step.so_far is not None and so_far.has_numbers
        count = number(step.so_far["numerator"]) if step.so_far and held else Cell(mark, number=True)
        return [
            *cells,
            count,
            Cell(ratio, number=True),
            Cell(mark, number=True),
            Cell(mark),
            Cell(mark),
        ]
    words = f"{_parts(step.share['estimate'])} ({_parts(step.share['lower'])} to {_parts(step.share['upper'])})" if (
        step.share and share.has_numbers
    ) else share.shorthand  # fmt: skip
    return [
        *cells,
        number(step.factor["numerator"]),
        Cell(ratio, number=True),
        Cell(ratio_text(step.factor["estimate"]), number=True),
        Cell(interval_text(step.factor["lower"], step.factor["upper"])),
        Cell(words),
    ]


def pathway_chart(view: View, pathway: str, group: str = "") -> Figure:
    """A block for each group, or for the one that is named: the factor of each stage, and all of them together."""
    blocks = []
    for way in ways(view, pathway):
        if group not in ("", way.group):
            continue
        lines = [Line(step.title, _item(pathway, way.group, step.factor)) for step in way.steps]
        lines.append(Line("All together", _item(pathway, way.group, way.whole)))
        blocks.append(Block(way.group, lines))
    note = (
        f"Factor that each stage adds to the ratio to {plain(view.reference)}, {view.interval_name}, log scale. "
        f"Factors multiply to the last row of each group. {view.period_label()}."
    )
    return blocks_chart(pathway_headline(view, pathway), note, MARKS, blocks)


def _item(pathway: str, group: str, row: Row | None) -> Comparison:
    entry = Measure.of({"id": pathway})
    absent = {"status": "not_available", "disclosure": "shown"}
    return Comparison(entry, group, row if row is not None else absent, verdict_of(row))


def pathway_headline(view: View, pathway: str) -> str:
    """The group whose whole ratio is clear and furthest from 1, and the stages that clearly make it so."""
    last = lower_first(view.stage_title(pathway.removeprefix(PREFIX)))
    far = furthest(view, pathway)
    if far is None:
        return f"From {base_words(view, pathway)} to {last}: no group can be told from {children(view.reference)}"
    outcome = verdict_of(far.whole).outcome
    names = [lower_first(step.title) for step in far.steps if verdict_of(step.factor).outcome == outcome]
    said = f"{capital(children(far.group))}, from {far.base} to {last}"
    return f"{said}: clearly {outcome} at {and_list(names)}" if names else f"{said}: no one stage is clearly {outcome}"


def furthest(view: View, pathway: str) -> Way | None:
    """The group whose whole ratio is clear and furthest from 1; None where none is clear."""
    clear = [(way, way.whole) for way in ways(view, pathway) if way.whole and verdict_of(way.whole).is_clear]
    return max(clear, key=lambda pair: _distance(pair[1]))[0] if clear else None


def _distance(row: Row) -> float:
    return abs(math.log(row["estimate"])) if row["estimate"] > 0 else math.inf


def pathway_alt(view: View, pathway: str) -> str:
    """The alternative text of the chart of a pathway."""
    found = ways(view, pathway)
    rows = [verdict_of(step.factor) for way in found for step in way.steps]
    hidden = sum(verdict.outcome == "hidden" for verdict in rows)
    return (
        f"Forest chart: the factor that each stage adds to each group's ratio to {children(view.reference)}, with "
        f"{view.interval_name}s, {view.period_label()}. {pathway_headline(view, pathway)}. {hidden} of "
        f"{counted(len(rows), 'factor')} hidden. All numbers are in the table below the chart."
    )
