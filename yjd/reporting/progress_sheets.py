"""Progress on recommendations as sheets of the workbook: the register, and every comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from yjd.recommendations import from_json
from yjd.reporting.progress_events import events
from yjd.reporting.spreadsheet import Sheet, Value
from yjd.reporting.words import capital
from yjd.schema import ALL

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = {
    "rate_then": "Rate at the baseline", "rate": "Rate now",
    "ratio_then": "Ratio at the baseline", "ratio": "Ratio now",
    "ratio_change": "Change of the ratio, times", "ratio_change_lower": "Change of the ratio, lower limit",
    "ratio_change_upper": "Change of the ratio, upper limit",
    "rate_change": "Change of the rate, times", "rate_change_lower": "Change of the rate, lower limit",
    "rate_change_upper": "Change of the rate, upper limit",
    "target_ratio": "Target, ratio", "target_rate": "Target, rate",
    "detectable": "Smallest change that could be shown, times",
}  # fmt: skip
_COUNTED = ("target_ratio", "target_rate")  # what no count lies behind, so that it is not applicable rather than hidden


def progress_sheets(results: pd.DataFrame, manifest: Mapping[str, Any]) -> Iterator[Sheet]:
    """The register, its comparisons, explain or reform, the record; none of a release without a register."""
    kept = manifest.get("progress")
    if not kept:
        return
    named = {one["id"]: one for one in kept["register"]["recommendations"]}
    rows: list[list[Value]] = [
        [
            named[one["recommendation"]]["gist"], named[one["recommendation"]]["source"],
            named[one["recommendation"]]["owner"], capital(one["verdict"]), " ".join(one["reasons"]),
        ]
        for one in kept["verdicts"]
    ]  # fmt: skip
    yield Sheet(
        "Progress", "Progress on recommendations", ["The rate of a group and its ratio are judged together."],
        ["Recommendation", "Source", "Owner", "Verdict", "Why"], rows,
    )  # fmt: skip
    if kept["comparisons"]:
        titles = {measure["id"]: measure["title"] for measure in manifest["measures"]}
        columns = ["Recommendation", "Measure", "Area", "Group", "Compared with", "Baseline", "Period", "Verdict"]
        yield Sheet(
            "Comparisons", "What tracks the recommendations", ["Each row is one comparison; changes are ratios."],
            [*columns, *_NUMBERS.values(), "Why"], [_row(one, titles) for one in kept["comparisons"]],
        )  # fmt: skip
    yield from _answers(results, manifest)
    if record := events(from_json(kept["register"])):
        yield Sheet(
            "On record", "What is on record", ["What was published, done, explained and aimed at, in order of date."],
            ["Date", "What", "In words", "Whose"], [list(one) for one in record],
        )  # fmt: skip


def _answers(results: pd.DataFrame, manifest: Mapping[str, Any]) -> Iterator[Sheet]:
    """Explain or reform: every ratio that stands out, with what is on record; none where none does."""
    from yjd.progress.answers import explain_or_reform

    register = from_json(manifest["progress"]["register"])
    found = explain_or_reform(register, results, manifest)
    if not len(found):
        return
    titles = {measure["id"]: measure["title"] for measure in manifest["measures"]}
    rows: list[list[Value]] = []
    for one in found.to_dict(orient="records"):
        given = [register.answers[int(place)] for place in str(one["answers"]).split()]
        said = "; ".join(f"{answer.date}, {answer.owner}: {answer.text}" for answer in given)
        where = "All areas" if one["area"] == ALL else one["area"]
        numbers = [float(one[name]) for name in ("ratio", "lower", "upper")]
        words = [titles[one["measure"]], where, one["group"], one["reference"], one["period"]]
        rows.append([*words, *numbers, capital(one["state"]), said or "Nothing yet"])
    yield Sheet(
        "Explain or reform", "Ratios that stand out, and what is on record",
        ["A ratio stands out where its whole interval lies on the adverse side of 1."],
        ["Measure", "Area", "Group", "Compared with", "Period", "Ratio", "Lower limit", "Upper limit", "State",
         "On record"], rows,
    )  # fmt: skip


def _row(one: Mapping[str, Any], titles: Mapping[str, str]) -> list[Value]:
    where = "All areas" if one["area"] == ALL else one["area"]
    title = titles.get(one["measure"], one["measure"])
    words = [
        one["recommendation"], title, where, one["group"], one["reference"] or "[z]", one["baseline"] or "values",
        one["period"] or "[x]", capital(one["verdict"]),
    ]  # fmt: skip
    blank = "[c]" if one["status"] == "hidden" else "[x]"
    numbers: list[Value] = [
        float(one[name]) if one[name] is not None else "[z]" if name in _COUNTED else blank for name in _NUMBERS
    ]
    if one["detectable"] == 0:  # none, however large, could have been shown
        numbers[list(_NUMBERS).index("detectable")] = "[z]"
    return [*words, *numbers, " ".join(one["reasons"])]
