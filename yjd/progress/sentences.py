"""The reasons of a verdict in words, made from the row that it was reached on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from yjd.recommendations import Judging
from yjd.reporting.words import Measure, capital, children, rate_text, ratio_text

Row = Mapping[str, Any]

_STATUS = {
    "absent": "This release has no figure for it: the extracts allow no such measure, group or area.",
    "no_baseline": "The baseline is not a period of this release.",
    "no_earlier_run": "The baseline belongs to another run than the one that this release was held against.",
    "incomparable": "The run that counted the baseline cannot be compared with this one.",
    "same_period": "The baseline is the latest period itself, so nothing has had time to change.",
    "overlap": "The two periods share days, and so children and events: no change can be read off them.",
    "break": "Recording or a definition changed between the two periods, so no change in outcome can be told from it.",
    "hidden": "A count that it needs is hidden so that no child can be known.",
    "not_available": "Some of its counts were not supplied.",
    "censored": "Its follow-up is not over.",
    "no_denominator": "There is no base for this group.",
    "inconsistent": "Its counts contradict each other.",
    "no_events": "There were no events in one of the periods, so no ratio of the two can be formed.",
    "no_reference": "The reference has no events to compare with.",
    "too_few": "There are too few events.",
    "not_converged": "The estimate could not be found.",
}
_REASON = {
    "target": "Rate and ratio are as good as the target asks, by more than chance explains.",
    "rate_worse": "The group's own rate is clearly worse than at the baseline; no ratio makes up for it.",
    "ratio_worse": "The ratio is clearly worse than at the baseline.",
    "better": "Both the ratio and the group's own rate are clearly better than at the baseline.",
    "recording": "As counted there would be a clear change, but the share of children whose ethnicity is not known "
                 "moved too, and that alone could have made it.",
    "unknown_hidden": "As counted there would be a clear change, but how many children have no known ethnicity is "
                      "hidden, so a change in recording cannot be ruled out.",
    "recording_large": "The share of children whose ethnicity is not known moved so much that it could hide, or "
                       "make, a change as large as the one that is looked for.",
    "reference_worse": "The ratio is better mostly because the reference's own rate got worse, which is not progress.",
    "too_small": "There is no clear change, and too few events to show one of the size that is looked for.",
    "no_gap": "At the baseline the group was not worse off than the reference, so there was no gap to close.",
    "unchanged": "There is no clear change, though this data would probably have shown one of the size looked for.",
}  # fmt: skip


def reasons(row: Row, measure: Mapping[str, Any] | None, judging: Judging) -> tuple[str, ...]:
    """Why a comparison has its verdict, the deciding reason first.

    Parameters
    ----------
    row : mapping
        A row of `yjd.progress.verdicts.with_detectable`.
    measure : mapping or None
        Its entry in release.json; None where the release does not have it.
    judging : Judging
        From the register.
    """
    if row["status"] != "ok" or measure is None:
        status = str(row["status"]) if measure is not None else "absent"
        return (_STATUS.get(status, f"It cannot be estimated ({status})."),)
    found = [_REASON[str(row["reason"])], _rate(row, measure)]
    if row["reference"]:
        found += [_ratio(row), _whose(row)]
    found += [
        _chance(row, judging),
        _years(row, judging),
        _detectable(row, judging),
        _target(row),
        _visible(row),
        _recording(row),
        _made(row),
    ]
    return tuple(text for text in found if text)


def _clearly(row: Row, name: str) -> str:
    """'1.26 times as high (interval 0.98 to 1.62)'."""
    value, lower, upper = (math.exp(row[f"{name}_change{word}"]) for word in ("", "_lower", "_upper"))
    return f"{ratio_text(value, 2)} times as high, interval {ratio_text(lower, 2)} to {ratio_text(upper, 2)}"


def _rate(row: Row, measure: Mapping[str, Any]) -> str:
    words = Measure.of(measure)
    then, now = (rate_text(float(row[name])) for name in ("rate_then", "rate"))
    when = row["baseline"] or "the baseline"
    return (
        f"{capital(words.unit)}: {then} {words.base(row['group'])} in {when}, {now} in {row['period']} "
        f"({_clearly(row, 'rate')})."
    )


def _ratio(row: Row) -> str:
    then, now = (ratio_text(float(row[name]), 2) for name in ("ratio_then", "ratio"))
    against = {"others": "all other children", "everyone": "all children"}.get(
        row["reference"], children(row["reference"])
    )
    return f"Ratio to {against}: {then} then, {now} now ({_clearly(row, 'ratio')})."


def _whose(row: Row) -> str:
    """What the reference did, where it moved at least a tenth."""
    change = float(row["reference_change"])
    if not math.isfinite(change) or abs(change) < math.log(1.1):
        return ""
    return f"The reference's own rate is {ratio_text(math.exp(change), 2)} times as high as it was."


def _chance(row: Row, judging: Judging) -> str:
    """Why what would count as a change by itself is not called one: the correction, or the other half that is asked."""
    error = judging.error_percent / 100
    if row["reason"] not in ("unchanged", "too_small", "no_gap"):
        return ""
    if row["p_value"] <= error < row["q_value"]:
        return (
            f"Taken alone it would count as a change; among the {int(row['tests'])} tests of this register it does "
            "not, since some such are to be expected by chance."
        )
    alone = [
        name
        for name in ("rate", "ratio")
        if row[f"{name}_change_p"] <= error and row["better"] * row[f"{name}_change"] > 0
    ]
    if alone == ["rate"] and row["reference"]:
        return "Taken alone the group's rate is better, but not clearly more so than the reference's."
    if alone == ["ratio"]:
        return "Taken alone the ratio is better, but the group's own rate is not clearly so."
    return ""


def _years(row: Row, judging: Judging) -> str:
    """By how much more than chance years vary, whose word that is, and what was allowed for."""
    given = judging.year_dispersion
    shown, used = (float(row[f"year_{name}"]) for name in ("dispersion", "factor"))
    said = f"Years are taken to vary {given:.2g} times as much as chance alone, as the register says"
    if math.isnan(shown):
        few = "Too few years are on record to see whether they vary more than by chance"
        return f"{said}." if given > 1 else f"{few}, so that this is not allowed for."
    if used <= given:
        before = f"the years before show {shown:.2g} times"
        return f"{said}; {before}." if given > 1 else f"Years are taken to vary by chance alone; {before}."
    return (
        f"The years before vary {shown:.2g} times as much as chance alone; since they are few, {used:.2g} times is "
        "allowed for (variances)."
    )


def _detectable(row: Row, judging: Judging) -> str:
    value, up = float(row["detectable"]), row["better"] > 0
    if math.isnan(value) or row["reason"] in ("target", "better"):
        return ""
    if value == 0:
        return "No change, however large, would probably have shown in counts this small."
    size = f"{100 * (value - 1):.0f}% or more" if up else f"{100 * (1 - value):.0f}% or more"
    verb = "a rise" if up else "a fall"
    return (
        f"The smallest change that this data would have shown {judging.power_percent:.0f} times in 100 is {verb} of "
        f"the group's rate by {size}, the reference's staying as it was."
    )


def _target(row: Row) -> str:
    parts = [
        f"a {name} of {text(float(row[f'target_{name}']))}"
        for name, text in (("ratio", lambda value: ratio_text(value, 2)), ("rate", rate_text))
        if not np.isnan(row[f"target_{name}"])
    ]
    if not parts:
        return ""
    reached = _as_good(row, "")
    state = ""
    if row["verdict"] != "met":
        state = (
            " The estimate has reached it, but not by more than chance explains." if reached else " It is not reached."
        )
        if row["late"]:
            state += " Its date has passed."
    elif _as_good(row, "_then"):
        state = " It was as good at the baseline already."
    return f"The target is {' and '.join(parts)} by {row['target_date']}.{state}"


def _as_good(row: Row, when: str) -> bool:
    """Whether the estimates, now or `_then`, are as good as the target."""
    named = [name for name in ("ratio", "rate") if not np.isnan(row[f"target_{name}"])]
    return all(row["better"] * (row[f"{name}{when}"] - row[f"target_{name}"]) >= 0 for name in named)


def _visible(row: Row) -> str:
    periods = float(row["periods_until_visible"])
    if math.isnan(periods) or row["verdict"] in ("met", "improving"):
        return ""
    if periods == 0:
        return "The change that the target asks for would probably have been visible in this data."
    if math.isinf(periods):
        return "At present volumes the change that the target asks for would never show: the baseline is too small."
    many = "the next period" if periods == 1 else f"{periods:.0f} further periods together"
    when = f"with {many}, by {row['visible_by']}"
    return f"At present volumes the change that the target asks for would become visible {when}."


def _recording(row: Row) -> str:
    moved = float(row["recording"])
    if not moved > 0 or row["reason"] in ("recording", "recording_large"):
        return ""
    factor = f"{math.exp(moved):.2f}"
    return f"The share of unknown ethnicity moved; that alone could change the ratio by a factor of up to {factor}."


def _made(row: Row) -> str:
    if row["baseline"] == "":
        return "The baseline was given as a value: how it was counted cannot be checked, and it is taken as certain."
    if str(row["ratio_change_method"] or row["rate_change_method"]) == "from_intervals":
        return (
            "The interval of the change is made of the two periods' own, without children who are in both; name the "
            "two periods in [periods] changes to have it computed."
        )
    return ""
