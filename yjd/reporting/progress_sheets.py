"""Progress on recommendations as sheets of the workbook: the register, and every comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yjd.reporting.spreadsheet import Sheet, Value
from yjd.reporting.words import capital
from yjd.schema import ALL

_NUMBERS = {
    "rate_then": "Rate at the baseline", "rate": "Rate now",
    "ratio_then": "Ratio at the baseline", "ratio": "Ratio now",
    "ratio_change": "Change of the ratio, times", "ratio_change_lower": "Change, lower limit",
    "ratio_change_upper": "Change, upper limit", "rate_change": "Change of the rate, times",
    "target_ratio": "Target, ratio", "target_rate": "Target, rate",
    "detectable": "Smallest change that could be shown, times",
}  # fmt: skip
_COUNTED = ("target_ratio", "target_rate")  # what no count lies behind, so that it is not applicable rather than hidden


def progress_sheets(manifest: Mapping[str, Any]) -> Iterator[Sheet]:
    """Two sheets, or none where the release was made without a register."""
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
