"""Comparisons on a page of progress: their paired dots, and a table with the reasons folded below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from yjd.reporting.progress_chart import description, drawable, headline, paired_chart
from yjd.reporting.progress_events import registered
from yjd.reporting.tables import Cell, details, picture, table, text
from yjd.reporting.view import View
from yjd.reporting.words import Measure, capital, children, escape_html, rate_text, ratio_text
from yjd.schema import ALL

Row = Mapping[str, Any]


def comparisons_chart(name: str, rows: Sequence[Row], view: View) -> str:
    """The paired dots of the comparisons that have a ratio then and now; empty where none has."""
    from yjd.reporting.svg import chart_style, svg_bytes

    drawn = drawable(rows)
    if not drawn:
        return ""
    titles = {measure.id: measure.title for measure in view.measures}
    said = description(drawn, titles)
    with chart_style():
        figure = paired_chart(drawn, titles)
        return picture(svg_bytes(figure, name=f"progress-{name}", title=headline(drawn), description=said))


def comparisons_table(gist: str, rows: Sequence[Row], view: View) -> str:
    """The comparisons, one row each; their reasons can be unfolded."""
    measures = {measure.id: measure for measure in view.measures}
    lines = [
        [
            _named(row, measures), _pair(row, "rate"), _change(row, "rate"), _pair(row, "ratio"), _change(row, "ratio"),
            text(capital(row["verdict"])), text(_smallest(row)),
        ]
        for row in rows
    ]  # fmt: skip
    columns = (
        "Comparison",
        "Rate, then and now",
        "Change of the rate",
        "Ratio, then and now",
        "Change of the ratio",
        "Verdict",
        "Could be shown",
    )
    why = "".join(
        f"<p>{escape_html(comparison_name(row, measures))}. {escape_html(' '.join(row['reasons']))}</p>" for row in rows
    )
    return table(f"{gist} The comparisons", columns, [("", lines)]) + details("Why, comparison by comparison", why)


def _title(measure: Measure) -> str:
    return measure.title


def comparison_name(row: Row, measures: Mapping[str, Measure], title_of: Callable[[Measure], str] = _title) -> str:
    """What is compared: the measure, the group, beside whom, and where."""
    title = title_of(measures[row["measure"]]) if row["measure"] in measures else registered(str(row["measure"]))
    where = "" if row["area"] == ALL else f", {row['area']}"
    against = f" beside {children(row['reference'])}" if row["reference"] else ""
    return f"{title}: {children(row['group'])}{against}{where}"


def _named(row: Row, measures: Mapping[str, Measure]) -> Cell:
    """What is compared, and below it from when to when."""
    when = f"{row['baseline'] or 'values given'} to {row['period'] or '[x]'}"
    return Cell(f'{escape_html(comparison_name(row, measures))} <span class="yjd-small">{escape_html(when)}</span>')


def _pair(row: Row, name: str) -> Cell:
    values = [row[f"{name}_then"], row[name]]
    words = [_number(value, name) if _told(value) else _blank(row) for value in values]
    return Cell(" to ".join(map(escape_html, words)))


def _number(value: float, name: str) -> str:
    return rate_text(value) if name == "rate" else ratio_text(value, 2)


def _change(row: Row, name: str) -> Cell:
    """By how much a rate or a ratio was multiplied: a verdict can rest on either."""
    values = [row[f"{name}_change{part}"] for part in ("", "_lower", "_upper")]
    if row["status"] != "ok" or not all(_told(value) for value in values):
        return Cell(_blank(row))
    value, lower, upper = (ratio_text(value, 2) for value in values)
    return Cell(escape_html(f"times {value} ({lower} to {upper})"))


def _told(value: object) -> bool:
    return isinstance(value, int | float) and value == value


def _blank(row: Row) -> str:
    return "[c]" if row["status"] == "hidden" else "[x]"


def _smallest(row: Row) -> str:
    value = row["detectable"]
    if row["status"] != "ok" or value is None or value != value:
        return "[x]" if row["status"] != "hidden" else "[c]"
    if value == 0:
        return "None"
    return f"{'Rise' if value > 1 else 'Fall'} of {100 * abs(value - 1):.0f}% or more"
