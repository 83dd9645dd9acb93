"""The parts of the document on data gaps: who records what, how completely, and what the gaps keep anyone from knowing.

Every function takes the view of a release and gives one block of the page. Every number is a row of the results or a
share of ``quality`` in the manifest; what may not be shown stays `[c]`.
"""

from __future__ import annotations

from collections.abc import Sequence

from yjd.reporting import gap_data
from yjd.reporting.gap_data import Completeness
from yjd.reporting.tables import Cell, Html, details, picture, table, text
from yjd.reporting.view import View
from yjd.reporting.words import Measure, and_list, capital, escape_html, lower_first, percent_text
from yjd.schema import ALL

NOTHING = Html("<p>Not in this release [x].</p>")
_AREAS_ACROSS = 8  # more than this, and areas go down instead


# --- who collects what --------------------------------------------------------------------------------------


def who_collects(view: View) -> Html:
    """Each extract: what a row is, the labels of each column of ethnicity, identifiers, days covered."""
    rows = [
        [
            text(entry["extract"]),
            text(
                capital(gap_data.table_words(str(entry["table"])).removeprefix("one row a").removeprefix("n ").strip())
            ),
            text(_scheme(view, entry["self_scheme"])),
            text(_scheme(view, entry["officer_scheme"])),
            text("Not needed" if entry["counts"] else "Yes" if entry["identifier"] else "No"),
            text(_covers(entry["first"], entry["last"], stated=bool(entry["stated"]))),
        ]
        for entry in gap_data.extracts(view)
    ]
    columns = ("Extract", "What it holds", "Self-defined ethnicity", "Officer's view", "Says which child", "Covers")
    return Html(table("Who records what", columns, [("", rows)])) if rows else NOTHING


def _scheme(view: View, name: str | None) -> str:
    if not name:
        return "Not recorded"
    can = gap_data.quality(view).get("schemes", {}).get(name, {})
    detailed, under = len(can.get("detailed", ())), len(can.get("under", ()))
    size = f"{detailed} groups" if detailed else f"{under} headings only"
    return f"{capital(gap_data.scheme_words(name))}: {size}"


def _covers(first: str | None, last: str | None, *, stated: bool) -> str:
    if not first or not last:
        return "Does not say"
    return f"{first} to {last}" if stated else f"{first} to {last}, as observed: the extract does not say"


# --- how completely -----------------------------------------------------------------------------------------


def completeness(view: View) -> Html:
    """The chart and the table of missing ethnicity by stage and area."""
    measures = gap_data.stages(view)
    if not measures:
        return NOTHING
    return Html(picture(_drawn(view)) + _area_table(view, measures))


def _drawn(view: View) -> bytes:
    from yjd.reporting.gap_chart import gaps_chart, gaps_description, gaps_headline, shown_stages
    from yjd.reporting.svg import chart_style, svg_bytes

    if not shown_stages(view):
        return b""
    with chart_style():
        figure = gaps_chart(view)
        return svg_bytes(figure, name="gaps", title=gaps_headline(view), description=gaps_description(view))


def _in_area(view: View, measure: Measure, area: str) -> Completeness:
    return gap_data.not_known(view, measure, area=area, period=gap_data.wide_period(view, measure))


def _area_table(view: View, measures: Sequence[Measure]) -> str:
    places = [ALL, *view.areas]
    names = ["All areas", *view.areas]
    periods = [gap_data.wide_period(view, measure) for measure in measures]
    usual = max(periods, key=periods.count)
    others = "" if len(set(periods)) == 1 else " unless another is named"
    caption = f"Ethnicity not known, of every 100, by stage and area, {usual}{others}"
    if len(view.areas) > _AREAS_ACROSS:
        bodies = [
            (
                _stage_period(view, measure, usual),
                [
                    [text(name), _percent(_in_area(view, measure, area))]
                    for area, name in zip(places, names, strict=True)
                ],
            )
            for measure in measures
        ]
        return table(caption, ("Area", "Not known"), bodies)
    rows = [
        [text(_stage_period(view, measure, usual)), *(_percent(_in_area(view, measure, area)) for area in places)]
        for measure in measures
    ]
    return table(caption, ("Stage", *names), [("", rows)])


def _stage_period(view: View, measure: Measure, usual: str) -> str:
    period = gap_data.wide_period(view, measure)
    return f"{view.stage_title(measure.numerator)}{f', {period}' if period != usual else ''}"


def _percent(found: Completeness) -> Cell:
    return Cell(escape_html(percent_text(found.percent / 100)) if found.told else found.mark, number=True)


def in_time(view: View) -> Html:
    """Missing ethnicity by stage and period, for all areas together; folded, every area of the overview's stages."""
    measures, periods = gap_data.stages(view), view.series
    if not measures or not periods:
        return NOTHING
    rows = [
        [
            text(view.stage_title(measure.numerator)),
            *(_percent(gap_data.not_known(view, measure, period=period)) for period in periods),
        ]
        for measure in measures
    ]
    caption = "Ethnicity not known, of every 100, by stage and period, all areas"
    written = table(caption, ("Stage", *periods), [("", rows)])
    overview = {measure.numerator for measure in view.pathway}
    bodies = [
        (
            view.stage_title(measure.numerator),
            [
                [
                    text(area),
                    *(_percent(gap_data.not_known(view, measure, area=area, period=period)) for period in periods),
                ]
                for area in view.areas
            ],
        )
        for measure in measures
        if measure.numerator in overview
    ]
    areas = table("Ethnicity not known, of every 100, by area and period", ("Area", *periods), bodies)
    return Html(written + (details("Each area in each period", areas) if view.areas else ""))


def reasons(view: View) -> Html:
    """As recorded, before one value is chosen for each child: how often recorded, and why not."""
    found = gap_data.slices(view, "all")
    if not found:
        return NOTHING
    heads = ("Source", "Recorded, of every 100 records", *gap_data.REASONS.values())
    caption = "How ethnicity was recorded; reasons are of every 100 records without it"
    written = table(caption, heads, [("", [_reason_row(one.source, one) for one in found])])
    for by, title in (("area", "By area"), ("period", "By period")):
        held = gap_data.slices(view, by)
        bodies = [(one.source, _slice_rows([part for part in held if part.source == one.source], by)) for one in found]
        bodies = [(heading, rows) for heading, rows in bodies if rows]
        if bodies:
            name = (by.capitalize(), *heads[1:])
            written += details(f"{title}: how ethnicity was recorded", table(f"{caption}, {by}s", name, bodies))
    return Html(written + f"<p>{escape_html(_rounding(view))}</p>")


def _slice_rows(held: Sequence[gap_data.Slice], by: str) -> list[list[Cell]]:
    """A row for each area or period; those of which nothing can be shown share one."""
    parts = {"known", *gap_data.REASONS}
    told = [one for one in held if parts & set(one.percent)]
    rows = [_reason_row(one.name, one) for one in told]
    if others := [one.name for one in held if one not in told]:
        hidden = [Cell("[c]", number=True) for _ in range(len(parts))]
        rows.append([text(and_list(others) if told else f"Every {by}"), *hidden])
    return rows


def _reason_row(name: str, one: gap_data.Slice) -> list[Cell]:
    parts = ("known", *gap_data.REASONS)
    return [text(name), *(Cell(escape_html(one.words(part)), number=True) for part in parts)]


def _rounding(view: View) -> str:
    unit = gap_data.quality(view).get("unit")
    return (
        f"Shares of records are rounded so that one step is at least {unit} records, and shown only where there are "
        "enough of them. None and few look alike on purpose: 'less than 2' may be none."
    )


# --- in which detail ----------------------------------------------------------------------------------------


def detail(view: View) -> Html:
    """How fine the labels are, how often they are used to the full, and whether records say which child."""
    rows = []
    entries = {str(entry["extract"]): entry for entry in gap_data.extracts(view)}
    for one in gap_data.slices(view, "all"):
        entry = entries.get(one.source.partition(":")[0], {})
        finest = len(gap_data.quality(view).get("schemes", {}).get(entry.get("self_scheme"), {}).get("detailed", ()))
        rows.append([
            text(one.source),
            text(f"{finest} of {len(gap_data.groups(view))}" if entry.get("self_scheme") else "None"),
            Cell(escape_html(one.words("detailed")), number=True),
            Cell(escape_html(one.words("officer")) if entry.get("officer_scheme") else "[z]", number=True),
            Cell(escape_html(one.words("identified")) if entry.get("identifier") else "[z]", number=True),
        ])  # fmt: skip
    columns = (
        "Source",
        "Groups that its labels can tell apart",
        "With a detailed group, of every 100 known",
        "With an officer's view, of every 100",
        "Says which child, of every 100",
    )
    return Html(table("In which detail ethnicity is recorded", columns, [("", rows)])) if rows else NOTHING


def lost_groups(view: View) -> Html:
    """Which groups each set of labels cannot express, so that they change or vanish where systems meet."""
    schemes = gap_data.quality(view).get("schemes", {})
    if not schemes:
        return NOTHING
    rows = []
    for group in gap_data.groups(view):
        without = [name for name in schemes if schemes[name]["detailed"] and not gap_data.expresses(view, name, group)]
        if without:
            rows.append(
                [text(group), text(and_list(gap_data.scheme_words(name) for name in without)), text(_counted_as(group))]
            )
    headings = [name for name in view.manifest.get("groups", {}).get("broad", ()) if name != "Unknown"]
    for heading in headings:
        without = [name for name in schemes if heading not in schemes[name]["under"]]
        if without:
            lost = f"No such heading: {heading} children are put under the others"
            rows.append(
                [
                    text(f"{heading} (heading)"),
                    text(and_list(gap_data.scheme_words(name) for name in without)),
                    text(lost),
                ]
            )
    only = [name for name in schemes if not schemes[name]["detailed"]]
    if only:
        rows.append(
            [
                text("Every detailed group"),
                text(and_list(gap_data.scheme_words(name) for name in only)),
                text("Headings only"),
            ]
        )
    notes = [
        f"{gap_data.scheme_words(name)}: {lower_first(note)}." for name in schemes for note in schemes[name]["joined"]
    ]
    if {"police_16plus1", "police_18plus1"} & {name.partition("+")[0] for name in schemes}:
        notes.append(
            "Chinese is code O1, beside Other, in the police 16+1 codes and A4, under Asian, in the 18+1: the same "
            "child changes heading unless the code is read within its own set of labels, as it is here."
        )
    said = "".join(f"<li>{escape_html(note)}</li>" for note in notes)
    columns = ("Group", "Cannot be told apart in", "Where they are counted")
    written = table("Groups that are lost between sets of labels", columns, [("", rows)]) if rows else ""
    return Html(
        (written or "<p>Every set of labels can express every group.</p>") + (f"<ul>{said}</ul>" if said else "")
    )


_ELSEWHERE = {
    "Roma": "Under Any other White background, or not at all: there is no code",
    "Gypsy or Irish Traveller": "Under Any other White background",
    "Arab": "Under Any other ethnic group",
    "Chinese": "Under Other",
}


def _counted_as(group: str) -> str:
    return _ELSEWHERE.get(group, "Under the any other background of their heading")


# --- coverage in time ---------------------------------------------------------------------------------------


def coverage(view: View) -> Html:
    """Which periods each extract covers, and in which each stage can be judged."""
    periods = [entry for entry in view.manifest.get("periods", ()) if entry["period"] in view.series]
    words = {"whole": "Whole", "part": "Part", "none": "Not covered", "": "Does not say"}
    rows = [
        [
            text(entry["extract"]),
            *(text(words[gap_data.covered(entry, str(p["start"]), str(p["end"]))]) for p in periods),
        ]
        for entry in gap_data.extracts(view)
        if not entry["counts"]
    ]
    names = [str(p["period"]) for p in periods]
    written = table("Periods that each extract covers", ("Extract", *names), [("", rows)]) if rows and periods else ""
    judged = [
        [
            text(view.stage_title(measure.numerator)),
            *(text(_judged(gap_data.not_known(view, measure, period=name))) for name in names),
        ]
        for measure in gap_data.stages(view)
    ]
    if judged and names:
        written += details(
            "Periods in which each stage can be judged",
            table("Periods in which each stage can be judged", ("Stage", *names), [("", judged)]),
        )
    return Html(written) if written else NOTHING


def _judged(found: Completeness) -> str:
    words = {"censored": "Too recent [x]", "not_available": "Not available [x]"}
    return words.get(found.verdict.outcome, "Counted")


def set_aside(view: View) -> Html:
    """How many rows were read, used and set aside, by extract."""
    from yjd.reporting import facts

    return Html(f"<p>{escape_html(facts.accounting_sentence(view))}</p>{facts.accounting_table(view)}")
