"""The parts of the document on progress: the register, each verdict with its reasons, and what is on record.

Verdicts are those that the release holds; early signals, ranks and ratios that stand out are made of its results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from yjd.progress.overview import Judged, Progress, Run, progress
from yjd.progress.verdicts import VERDICTS
from yjd.reporting import facts
from yjd.reporting.progress_comparisons import comparison_name, comparisons_chart, comparisons_table
from yjd.reporting.progress_events import events
from yjd.reporting.tables import Html, table, text
from yjd.reporting.view import View
from yjd.reporting.words import capital, children, counted, escape_html, ratio_text
from yjd.schema import ALL

if TYPE_CHECKING:
    import pandas as pd

NOTHING = Html("<p>This release was made without a register of recommendations [x].</p>")
_MOST_RANKED = 5  # places of a list that are shown


def found_in(view: View) -> Progress | None:
    """The progress that a release holds; None where it was made without a register."""
    manifest = view.manifest
    return progress(Run(str(manifest["run"]), view.results, manifest)) if manifest.get("progress") else None


def points(items: Sequence[str]) -> Html:
    """Main points as a list; blank ones are left out."""
    return Html(f'<ul class="yjd-points">{"".join(f"<li>{escape_html(said)}</li>" for said in items if said)}</ul>')


def main_points(found: Progress | None, view: View) -> Html:
    """How many recommendations have each verdict, what may be claimed, and what cannot."""
    if found is None:
        return NOTHING
    counts = found.counts()
    listed = "; ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts.get(verdict))
    judging = found.register.judging
    promise = (
        f"of 100 registers without any change at most {judging.error_percent:g} would hold a false verdict"
        if judging.correction == "holm"
        else f"of 100 verdicts of a change at most {judging.error_percent:g} would be false"
    )
    unanswered = int((found.answers["state"] == "unanswered").sum())
    refused = sum(one.weight == "refuse" for one in found.differences)
    cannot = "figures of the two cannot be compared for all measures"
    said = [
        f"Of {counted(len(found.recommendations), 'recommendation')}: {listed}.",
        "Rate and ratio are judged together: a better ratio with a worse rate of the group is not progress.",
        f"Verdicts allow for how many comparisons there are: {promise}.",
        f"{counted(len(found.answers), 'ratio')} on the adverse side, {_periods(view)}; unanswered: {unanswered}.",
        f"{capital(counted(refused, 'difference'))} from the earlier run: {cannot}." if refused else "",
        "A difference is not of itself evidence of bias or a direct effect of ethnicity.",
    ]
    return points(said)


def comparability(found: Progress | None) -> Html:
    """What changed since the earlier run besides the children."""
    if found is None:
        return NOTHING
    if not found.earlier:
        return Html("<p>This is the first run on record, so there is none to compare it with.</p>")
    if not found.differences:
        return Html(f"<p>Nothing differs from run {escape_html(found.earlier)} but the records.</p>")
    words = {"refuse": "Cannot be compared", "mark": "With care", "note": "No harm"}
    order = ("refuse", "mark", "note")
    rows = [
        [text(capital(one.aspect)), text(one.text), text(words[one.weight])]
        for one in sorted(found.differences, key=lambda one: order.index(one.weight))
    ]
    return Html(
        table(f"What differs from run {found.earlier}", ("What", "How", "Figures of the two runs"), [("", rows)])
    )


def overview(found: Progress | None) -> Html:
    """Every recommendation with its verdict, by owner."""
    if found is None:
        return NOTHING
    bodies = [
        (
            owner,
            [
                [text(one.recommendation.gist), text(capital(one.verdict)), text(one.reasons[0])]
                for one in found.recommendations
                if one.recommendation.owner == owner
            ],
        )
        for owner in dict.fromkeys(one.recommendation.owner for one in found.recommendations)
    ]
    return Html(table("The register at a glance, by owner", ("Recommendation", "Verdict", "Of what"), bodies))


def changed(found: Progress | None, view: View) -> Html:
    """Every comparison that has a verdict of a change: the chart, and the numbers."""
    if found is None:
        return NOTHING
    told = found.comparisons[found.comparisons["verdict"].isin(["met", "improving", "worsening"])]
    rows = _dicts(told)
    if not rows:
        return Html("<p>No comparison has a verdict of a change.</p>")
    return Html(comparisons_chart("overview", rows, view) + comparisons_table("What has changed.", rows, view))


def recommendations(found: Progress | None, view: View) -> Html:
    """Each recommendation: its verdict and reasons, its chart, its comparisons and their reasons."""
    if found is None:
        return NOTHING
    return Html("".join(_recommendation(one, _rows(found, one), view) for one in found.recommendations))


def _rows(found: Progress, one: Judged) -> list[dict[str, Any]]:
    return _dicts(found.comparisons[found.comparisons["recommendation"] == one.recommendation.id])


def _dicts(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict(orient="records")]


def _recommendation(one: Judged, rows: Sequence[Mapping[str, Any]], view: View) -> str:
    entry = one.recommendation
    said = [f"{entry.source}{f', {entry.date}' if entry.date else ''}.", *one.reasons]
    said += [f"To be confirmed: {entry.unsure}"] if entry.unsure else []
    said += [f"{item.date}: {item.what}{f' ({item.where})' if item.where else ''}" for item in entry.evidence]
    listed = "".join(f"<li>{escape_html(words)}</li>" for words in said)
    parts = [
        f"<h3>{escape_html(entry.gist)}</h3><p><strong>{escape_html(capital(one.verdict))}</strong></p><ul>{listed}</ul>"
    ]
    if rows:
        parts += [comparisons_chart(entry.id, rows, view), comparisons_table(entry.gist, rows, view)]
    return "".join(parts)


def _periods(view: View) -> str:
    """The period in which measures are looked at, in words: each in its own, which is named where it is another."""
    return facts.period_words(view, view.measures)


def timeline(found: Progress | None, *, owner: str = "") -> Html:
    """What was published, done, recorded and aimed at, in order; of one owner where one is named."""
    if found is None:
        return NOTHING
    rows = [[text(value) for value in event] for event in events(found.register) if owner in ("", event[-1])]
    if not rows:
        return Html("<p>Nothing on record has a date.</p>")
    return Html(table("What was recommended, done and aimed at", ("Date", "What", "In words", "Whose"), [("", rows)]))


def answers(found: Progress | None, view: View) -> Html:
    """Explain or reform: every ratio that stands out, and what is on record about it."""
    if found is None:
        return NOTHING
    measures = {measure.id: measure for measure in view.measures}
    rows = []
    for row in found.answers.to_dict(orient="records"):
        given = [found.register.answers[int(place)] for place in str(row["answers"]).split()]
        said = "; ".join(f"{one.date}, {one.owner}: {one.text}" for one in given) or "Nothing yet"
        limits = f"{ratio_text(row['ratio'], 2)} ({ratio_text(row['lower'], 2)} to {ratio_text(row['upper'], 2)})"
        named = {str(name): value for name, value in row.items()}
        name = text(comparison_name(named, measures, view.title_of))
        rows.append([name, text(limits), text(capital(str(row["state"]))), text(said)])
    if not rows:
        return Html(f"<p>No ratio stands out on the adverse side in {_periods(view)}.</p>")
    caption = f"Ratios that stand out, {_periods(view)} ({view.interval_name}), and what is on record"
    return Html(table(caption, ("Comparison", "Ratio", "State", "On record"), [("", rows)]))


def signals(found: Progress | None, view: View) -> Html:
    """What the control charts show, beside what chance alone would give."""
    if found is None:
        return NOTHING
    seen = found.signals
    if not seen.charts:
        return Html("<p>This release has no control charts [x]: they need quarters or months among its periods.</p>")
    said = (
        f"{counted(seen.charts, 'chart')} with {seen.points:,} points show {counted(seen.found, 'signal')}. "
        f"Chance alone would give about {seen.expected:.1f}."
    )
    titles = {measure.id: measure.title for measure in view.measures}
    rows = [
        [
            text(row["period"]), text(titles.get(row["measure"], row["measure"])), text(children(row["group"])),
            text("All areas" if row["area"] == ALL else row["area"]),
            text(f"{capital(row['direction'])} the centre, {row['side']}"), text(row["rules"].replace("_", " ")),
        ]
        for row in seen.table.head(20).to_dict(orient="records")
    ]  # fmt: skip
    columns = ("Period", "Measure", "Group", "Area", "Direction", "Rule")
    shown = table("The latest signals", columns, [("", rows)]) if rows else ""
    return Html(f"<p>{escape_html(said)}</p>{shown}")


def where(found: Progress | None, view: View) -> Html:
    """Where more work is needed: stages by how many fewer events would mean parity, with the interval of each rank."""
    if found is None:
        return NOTHING
    measures = {measure.id: measure for measure in view.measures}
    parts = []
    for kind, caption in (("stages", "Stages"), ("areas", "Areas")):
        ranked = found.priorities[(found.priorities["list"] == kind) & (found.priorities["lower"] > 0)]
        top = ranked.sort_values("more", ascending=False).head(4 * _MOST_RANKED)
        rows = [
            [
                text(f"{view.title_of(measures[row['measure']])}: {children(row['group'])}"
                     + ("" if row["area"] == ALL else f", {row['area']}")),
                text(f"{row['more']:,.0f} ({row['lower']:,.0f} to {row['upper']:,.0f})"),
                text("children" if row["unit"] == "child" else "events"), text(ratio_text(row["ratio"], 2)),
                text(_rank(row)),
            ]
            for row in top.to_dict(orient="records")
        ]  # fmt: skip
        if rows:
            columns = (caption, "Beyond parity", "Unit", "Ratio", "Rank in its list")
            parts.append(table(f"{caption} with most beyond parity, {_periods(view)}", columns, [("", rows)]))
    return Html("".join(parts)) if parts else Html("<p>Nothing is clearly beyond parity in this release.</p>")


def _rank(row: Mapping[Any, Any]) -> str:
    hidden = f"; {row['hidden']:.0f} more hidden" if row["hidden"] else ""
    shown = int(row["items"] - row["hidden"])
    return f"{row['rank']:.0f} of {shown}, between {row['rank_best']:.0f} and {row['rank_worst']:.0f}{hidden}"
