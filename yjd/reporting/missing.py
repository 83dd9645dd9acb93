"""What the missing ethnicity could explain: complete cases, allocation, bounds and imputation side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yjd.reporting.classify import Verdict, classify
from yjd.reporting.tables import Cell, table, text
from yjd.reporting.view import Comparison, Row, View
from yjd.reporting.words import Measure, and_list, children, interval_text, ratio_text


@dataclass(frozen=True)
class Explained:
    """One comparison, and whether the missing ethnicity alone could explain it."""

    item: Comparison
    row: Row | None

    @property
    def verdict(self) -> Verdict:
        """What the row of the verdict may be said to show."""
        return classify(self.row) if self.row is not None else Verdict("not_available", reason="it is not there")

    @property
    def could(self) -> bool | None:
        """True, False, or None where there is no verdict."""
        if self.row is None or not self.verdict.has_numbers:
            return None
        return bool(self.row["estimate"] == 1)


def explained(view: View, measure: Measure) -> list[Explained]:
    """Every comparison of a measure with its verdict, in the fixed order."""
    rows = {row["group"]: row for row in view.rows(measure, "missing_explains", reference=view.reference)}
    return [Explained(item, rows.get(item.group)) for item in view.compare(measure)]


def missing_statements(view: View, measures: Sequence[Measure]) -> list[str]:
    """Which clear differences missing ethnicity alone could explain, which not, and for which that is not known."""
    could, could_not, unknown = [], [], 0
    for measure in measures:
        names: dict[bool | None, list[str]] = {}
        for entry in explained(view, measure):
            if entry.item.verdict.is_clear:
                names.setdefault(entry.could, []).append(entry.item.group)
        could += [f"{view.title_of(measure)} ({and_list(names[True])})"] if True in names else []
        could_not += [f"{view.title_of(measure)} ({and_list(names[False])})"] if False in names else []
        unknown += len(names.get(None, ()))
    said = []
    if could:
        said.append(f"The missing ethnicity alone could explain these clear differences: {and_list(could)}.")
    if could_not:
        said.append(f"It alone could not explain these: {and_list(could_not)}.")
    if unknown:
        said.append(f"For {unknown} more this cannot be told, as a number that it needs is hidden or not there.")
    return said or ["No comparison of these measures shows a clear difference that missing ethnicity could explain."]


def missing_table(view: View, measures: Sequence[Measure]) -> str:
    """For each comparison the four answers side by side; empty where the release has none."""
    from yjd.metrics.verdict import VERDICTS

    bodies = []
    for measure in measures:
        if not (view.has(measure, "rri_bounds") or view.has(measure, "rri_imputed")):
            continue
        bounds = {item.group: item for item in view.compare(measure, quantity="rri_bounds")}
        imputed = {item.group: item for item in view.compare(measure, quantity="rri_imputed")}
        rows = []
        for entry in explained(view, measure):
            group = entry.item.group
            words = VERDICTS[int(entry.could)] if entry.could is not None else _why(entry)
            rows.append(
                [text(group), _ratio(entry.item), _allocated(bounds[group]), _bounds(bounds[group]),
                 _ratio(imputed[group]), text(words)]
            )  # fmt: skip
        bodies.append((view.title_of(measure), rows))
    if not bodies:
        return ""
    columns = (
        "Ethnic group",
        f"Known only ({view.interval_name})",
        "Shared out as the known",
        "Smallest and largest possible",
        f"Imputed ({view.interval_name})",
        "Could the missing ethnicity alone explain a difference?",
    )
    caption = f"Ratio to {children(view.reference)} under four ways to treat children of unknown ethnicity"
    return table(caption, columns, bodies)


def _why(entry: Explained) -> str:
    verdict = entry.verdict if entry.item.verdict.has_numbers else entry.item.verdict
    if entry.item.verdict.outcome == "no_clear_difference":
        return "No clear difference to explain."
    return f"{verdict.words} {verdict.shorthand}."


def _ratio(item: Comparison) -> Cell:
    if not item.verdict.has_numbers:
        return Cell(item.verdict.shorthand)
    return Cell(f"{ratio_text(item.row['estimate'])} ({interval_text(item.row['lower'], item.row['upper'])})")


def _allocated(item: Comparison) -> Cell:
    return Cell(ratio_text(item.row["estimate"]) if item.verdict.has_numbers else item.verdict.shorthand)


def _bounds(item: Comparison) -> Cell:
    if not item.verdict.has_numbers:
        return Cell(item.verdict.shorthand)
    return Cell(interval_text(item.row["lower"], item.row["upper"]))


NOTE = (
    "Known only leaves out children of unknown ethnicity. Shared out counts them as the known children are shared out. "
    "Smallest and largest are the limits over every way to give each unknown child a group: no interval, and not how "
    "likely any of it is. Imputed draws a group for each of them from what else is recorded. None of the four is the "
    "answer alone."
)
