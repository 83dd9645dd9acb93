"""What the brief of one area says: its main points, its table beside the region's, and its chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yjd.reporting import funnel, headlines, sentences, trends
from yjd.reporting.charts import Block, Line, blocks_chart
from yjd.reporting.classify import WORDS, classify
from yjd.reporting.tables import Cell, number, table, text
from yjd.reporting.view import Comparison, View
from yjd.reporting.words import Measure, and_list, children, counted, interval_text, plain, rate_text, ratio_text
from yjd.schema import ALL, UNKNOWN

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHORT = {"hidden": "Hidden"}
_MOSTLY = 0.5  # from this share of comparisons on, an area is said to be mostly too small to show


def area_points(view: View) -> list[str]:
    """Five to seven statements on an area, each true of the rows it comes from."""
    by_measure = [items for measure in view.pathway if (items := view.compare(measure))]
    everything = [item for items in by_measure for item in items]
    points = [sentences.overall(view, everything)]
    points += [small] if (small := small_statement(view)) else []
    told = [items for items in by_measure if any(item.verdict.has_numbers for item in items)]
    points += [sentences.measure_statement(view, items) for items in sentences.most_telling(told, 3)]
    outside = [line for measure in view.pathway for line in place_statement(view, measure)]
    points.append(
        " ".join(outside)
        if outside
        else f"{plain(view.area)} lies within the limits of chance about all areas wherever that can be told."
    )
    points += sentences.over_time(view)[:1]
    if len(points) < 5:
        points.append("A hidden number may be large or small: hidden does not mean none.")
    if len(points) < 5:
        points.append(f"A difference is called clear only where the whole {view.interval_name} lies on one side of 1.")
    if len(points) < 5:
        points.append("The report on all areas together can say more, as its numbers are larger.")
    return points


def small_statement(view: View) -> str:
    """How many comparisons of the area are hidden; says plainly where that is most of them; empty for none."""
    items = [item for measure in view.pathway for item in view.compare(measure)]
    hidden = sum(item.verdict.outcome == "hidden" for item in items)
    if not hidden:
        return ""
    area = plain(view.area)
    said = f"{hidden} of {counted(len(items), 'comparison')} of {area} {'is' if hidden == 1 else 'are'} hidden [c]"
    if hidden >= _MOSTLY * len(items):
        return (
            f"Most numbers of {area} are too small to show: {said}. Little can be said of {area} by itself in one "
            "period. The region, or a longer period, says more."
        )
    return f"{said}, because they, or numbers that would give them away, are small."


def unknown_here(view: View) -> str:
    """How often ethnicity is not known in the area, at the stages where that can be shown."""
    told = []
    for measure in view.pathway:
        row = view.row(measure, "composition", group=UNKNOWN)
        if row is not None and classify(row).has_numbers:
            told.append(f"{rate_text(row['estimate'])} of every 100 {measure.unit}")
    if not told:
        return "How often ethnicity is not known here is hidden [c] or not available [x]."
    return f"Ethnicity is not known for {and_list(told)}."


def place_statement(view: View, measure: Measure) -> list[str]:
    """For which groups the area is outside the limits of chance; nothing where it is for none that can be told."""
    out = [
        f"{funnel.PLACES[where][:1].lower()}{funnel.PLACES[where][1:]} for {_who(group)}"
        for group, where in _placed(view, measure)
        if where != "inside"
    ]
    if not out:
        return []
    return [f"{view.title_of(measure)}, beside other areas: {plain(view.area)} is {and_list(out)}."]


def inside_statement(view: View) -> list[str]:
    """The measures and groups of which the area is within the limits of chance; nothing where there is none."""
    inside = []
    for measure in view.pathway:
        groups = [_who(group) for group, where in _placed(view, measure) if where == "inside"]
        inside += [f"{view.title_of(measure)} ({and_list(groups)})"] if groups else []
    return [f"Within the limits of chance about all areas: {and_list(inside)}."] if inside else []


def _who(group: str) -> str:
    return "all children" if group == ALL else children(group)


def _placed(view: View, measure: Measure) -> list[tuple[str, funnel.Place]]:
    return [
        (group, place.place)
        for group, places in funnel.funnels(view.region, measure).items()
        for place in places
        if place.area == view.area and place.place
    ]


def stage_statements(view: View, measure: Measure) -> list[str]:
    """Where the area lies among others and whether its ratio changes: only what can be told, and is not in between."""
    said = place_statement(view, measure)
    moved = [change for change in trends.trends(view, measure) if change.is_told and change.verdict.is_clear]
    said += [
        f"{view.title_of(measure)}: the ratio of {children(change.group)} to {children(view.reference)} has a clear "
        f"trend, {trends.interval_change(change.row)} a year, {change.first} to {change.last}."
        for change in moved
    ]
    before = trends.previous(view, measure)
    said += [
        f"{view.title_of(measure)}: the ratio of {children(change.group)} to {children(view.reference)} is clearly "
        f"{change.verdict.outcome} than in {before}: {trends.interval_change(change.row)}."
        for change in trends.changes(view, measure)
        if change.first == before and change.is_told and change.verdict.is_clear
    ]
    return said


def told_measures(view: View) -> list[Measure]:
    """The measures of the overview of which the area has any number."""
    return [m for m in view.pathway if any(item.verdict.has_numbers for item in view.compare(m))]


def blank_statement(view: View) -> str:
    """The measures of which the area has no comparison at all, each with its marks; empty for none."""
    told = told_measures(view)
    blank = []
    for measure in view.pathway:
        if measure not in told:
            marks = dict.fromkeys(item.verdict.shorthand for item in view.compare(measure))
            blank.append(f"{view.title_of(measure)} {' '.join(marks)}")
    return f"No group can be compared on {and_list(blank)}." if blank else ""


def area_table(view: View, measures: Sequence[Measure]) -> str:
    """A row for each measure and group: the area's number, rates and ratio, with the region's beside them."""
    bodies = []
    for measure in measures:
        here = {item.group: item for item in view.compare(measure)}
        there = {item.group: item for item in view.region.compare(measure)}
        groups = [group for group in view.groups() if group != UNKNOWN]
        rows = [_area_row(view, measure, group, here.get(group), there.get(group)) for group in groups]
        if not any(item.verdict.has_numbers for item in here.values()):
            rows = [_blank_row(list(here.values()))]
        side = f" ({measure.adverse} is less favourable)" if measure.adverse in ("higher", "lower") else ""
        bodies.append((f"{view.title_of(measure)}: {measure.unit} {measure.base(ALL)}{side}", rows))
    if not bodies:
        return ""
    columns = (
        "Ethnic group",
        "Number",
        "Rate",
        "Likely rate",
        "Rate, region",
        f"Ratio ({view.interval_name})",
        "Ratio, region",
        "In words",
    )
    others = " unless another period is named" if view.other_periods(measures) else ""
    caption = (
        f"{plain(view.area)} beside the region, {view.period_label()}{others}: rates, and ratios to "
        f"{children(view.reference)}"
    )
    return table(caption, columns, bodies)


def _blank_row(items: Sequence[Comparison]) -> list[Cell]:
    """One row for a measure of which the area has no comparison; the region's are in the report on all areas."""
    marks = list(dict.fromkeys(item.verdict.shorthand for item in items))
    words = list(dict.fromkeys(f"{_SHORT.get(item.verdict.outcome, item.verdict.words)} {item.verdict.shorthand}"
                               for item in items))  # fmt: skip
    mark = " ".join(marks)
    right = Cell(mark, number=True)
    return [text("Every group"), right, right, right, right, Cell(mark), right, text(", ".join(words))]


def _area_row(
    view: View, measure: Measure, group: str, here: Comparison | None, there: Comparison | None
) -> list[Cell]:
    """One status covers what is the area's own: where the comparison is hidden, so are the count and the rate."""
    region = _rate(view.region, measure, group, there)
    ratio = _ratio(there) if there is not None else Cell("1.0", number=True)
    own = view.row(measure, "rate", group=group)
    verdict = here.verdict if here is not None else (classify(own) if own is not None else None)
    if verdict is None or not verdict.has_numbers:
        mark = verdict.shorthand if verdict is not None else "[x]"
        words = f"{_SHORT.get(verdict.outcome, verdict.words)} {mark}" if verdict is not None else "Not available [x]"
        right = Cell(mark, number=True)
        return [text(group), right, right, right, region, Cell(mark), ratio, text(words)]
    row = here.row if here is not None else own
    assert row is not None
    period = view.period_of(measure)
    shrunken = next(iter(view.parts(measure.id, "shrunken_rate", period=period, group=group)), None)
    likely = rate_text(shrunken["estimate"]) if shrunken is not None and classify(shrunken).has_numbers else "[z]"
    if shrunken is not None and classify(shrunken).outcome == "hidden":
        likely = "[c]"
    interval = "1.0"
    words = "Comparison group"
    if here is not None:
        interval = f"{ratio_text(row['estimate'])} ({interval_text(row['lower'], row['upper'])})"
        words = f"<strong>{WORDS[verdict.outcome]}</strong>" if verdict.is_clear else verdict.words
    return [
        text(group),
        number(row["numerator"]),
        Cell(measure.rate(row["numerator"], row["denominator"]) if row["denominator"] > 0 else "[z]", number=True),
        Cell(likely, number=True),
        region,
        Cell(interval),
        ratio,
        Cell(words),
    ]


def _rate(view: View, measure: Measure, group: str, item: Comparison | None) -> Cell:
    if item is not None and not item.verdict.has_numbers:
        return Cell(item.verdict.shorthand, number=True)
    row = item.row if item is not None else view.row(measure, "rate", group=group)
    if row is None:
        return Cell("[x]", number=True)
    verdict = classify(row)
    if not verdict.has_numbers:
        return Cell(verdict.shorthand, number=True)
    shown = measure.rate(row["numerator"], row["denominator"]) if row["denominator"] > 0 else "[z]"
    return Cell(shown, number=True)


def _ratio(item: Comparison) -> Cell:
    shown = ratio_text(item.row["estimate"]) if item.verdict.has_numbers else item.verdict.shorthand
    return Cell(shown, number=True)


def area_chart(view: View) -> Figure:
    """The forest of the area, with a cross where the region's ratio lies."""
    blocks = []
    for measure in told_measures(view):
        region = {item.group: item for item in view.region.compare(measure)}
        lines = [Line(item.group, item, region.get(item.group)) for item in view.compare(measure)]
        blocks.append(Block(view.title_of(measure), lines))
    note = f"Ratio to {plain(view.reference)} (= 1), {view.interval_name}, log scale."
    foot = (
        "Cross: all areas together. Diamond: clearly higher. Filled circle: clearly lower. Hollow circle: no clear "
        "difference. [c] hidden, [x] not available, [z] cannot be estimated."
    )
    return blocks_chart(area_headline(view), note, foot, blocks, tight=True)


def area_headline(view: View) -> str:
    """The area, and what the headline of a forest says of it."""
    return f"{plain(view.area)}: {headlines.forest_headline(view)}"


def area_alt(view: View) -> str:
    """The alternative text of the area's forest."""
    return f"{plain(view.area)}. {headlines.forest_alt(view)} A cross marks the ratio of all areas together."


def funnel_measure(view: View) -> Measure | None:
    """The measure of the overview where the area is outside the limits, or else the first that can be told."""
    told = [measure for measure in view.pathway if _placed(view, measure)]
    outside = [measure for measure in told if place_statement(view, measure)]
    return next(iter([*outside, *told]), None)


def funnel_groups(view: View, measure: Measure) -> list[str]:
    """One group of which the area is outside the limits, or else the first that can be told."""
    placed = _placed(view, measure)
    outside = [group for group, where in placed if where != "inside"]
    return (outside or [group for group, _ in placed])[:1]
