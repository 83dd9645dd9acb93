"""What a row of results may be said to show: the one place where a report's wording is decided.

Every headline, sentence, marker and alternative text starts from the `Verdict` given here, so that none can
claim more than its row does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal[
    "higher", "lower", "no_clear_difference", "shown", "not_estimated", "hidden", "not_available", "censored"
]
Side = Literal["adverse", "favourable", "neither"]

PARITY = {
    **dict.fromkeys(
        ("rri", "rri_bounds", "rri_imputed", "representation_ratio", "standardised_rri", "standardised_ratio"), 1.0
    ),
    **dict.fromkeys(("adjusted_rri", "aipw_rri", "rung_change", "mh_ratio", "odds_ratio", "rate_ratio"), 1.0),
    **dict.fromkeys(("count_ratio", "hazard_ratio", "observed_expected", "stratum_rri"), 1.0),
    **dict.fromkeys(("pathway_rri", "pathway_step", "trend_rate", "trend_rri", "change_rate", "change_rri"), 1.0),
    **dict.fromkeys(("difference", "representation", "excess", "pathway_share"), 0.0),
    **dict.fromkeys(("marginal_difference", "aipw_difference", "ipw_difference", "matched_difference"), 0.0),
    **dict.fromkeys(("decomposition", "decomposition_share"), 0.0),
}

_ESTIMABLE = ("ok", "break", "no_events")
_SHOWN = ("shown", "rounded", "")  # any other mark hides: a mark that is not known may not show a number

# Every status of the results, and why such a row has no numbers; `ok` and `break` have them.
REASONS: dict[str, str] = {
    "ok": "there is no estimate",
    "break": "there is no estimate, and what is counted changed",
    "hidden": "so that no child can be identified",
    "not_available": "these data were not supplied for this period",
    "censored": "the time that children are followed up is not over",
    "no_events": "there were no events in this group",
    "no_reference": "there is nothing in the comparison group to compare with",
    "no_denominator": "there is no base to work out a rate",
    "inconsistent": "the counts contradict each other",
    "too_few": "there are too few events, areas or periods",
    "separated": "in this group it happened to nobody or to everybody",
    "collinear": "another factor says the same as the group does",
    "not_converged": "the calculation did not settle on an answer",
    "not_comparable": "the stages differ in whose record of ethnicity they use or in what they count",
    "no_overlap": "too few children of one group have a counterpart in the other",
    "parity_possible": "there may be no difference at the last stage, so nothing may be there to share out",
    "no_difference": "there is no clear difference to explain",
}
WORDS: dict[Outcome, str] = {
    "higher": "Higher",
    "lower": "Lower",
    "no_clear_difference": "No clear difference",
    "shown": "Shown",
    "not_estimated": "Cannot be estimated",
    "hidden": "Hidden to protect confidentiality",
    "not_available": "Not available",
    "censored": "Too recent to judge",
}
_SHORTHAND: dict[Outcome, str] = {
    "hidden": "[c]",
    "not_available": "[x]",
    "censored": "[x]",
    "not_estimated": "[z]",
}


@dataclass(frozen=True)
class Verdict:
    """What one row shows.

    Attributes
    ----------
    outcome : str
        `higher` and `lower` only where the whole interval lies on that side of parity.
    side : str
        Whether a clear difference is on the adverse side of the measure; kept apart from its direction.
    reason : str
        Why there is no estimate; empty where there is one.
    after_break : bool
        The row is not comparable with earlier periods.
    """

    outcome: Outcome
    side: Side = "neither"
    reason: str = ""
    after_break: bool = False

    @property
    def is_clear(self) -> bool:
        """The interval leaves no room for parity."""
        return self.outcome in ("higher", "lower")

    @property
    def has_numbers(self) -> bool:
        """The numbers of the row may be shown."""
        return self.is_clear or self.outcome in ("no_clear_difference", "shown")

    @property
    def shorthand(self) -> str:
        """`[c]`, `[x]` or `[z]` in place of the numbers; empty where there are numbers."""
        return _SHORTHAND.get(self.outcome, "")

    @property
    def words(self) -> str:
        """The classification in words, with the adverse side named."""
        side = {"adverse": " (less favourable)", "favourable": " (more favourable)"}.get(self.side, "")
        return f"{WORDS[self.outcome]}{side if self.is_clear else ''}"


def classify(row: Mapping[str, Any], *, adverse: str = "neither") -> Verdict:
    """Classify one row of results from its status, its disclosure and its interval.

    Parameters
    ----------
    row : mapping
        One row with the columns of `yjd.schema.RESULT_COLUMNS`.
    adverse : str
        The measure's adverse direction: `higher`, `lower` or `neither`.

    Returns
    -------
    Verdict
        Hidden comes first: a hidden row is hidden whatever else it says. A status or
        a mark that this function does not know gives no numbers.
    """
    status = str(row["status"])
    if status == "hidden" or str(row["disclosure"]) not in _SHOWN:
        return Verdict("hidden", reason=REASONS["hidden"])
    if status == "not_available":
        return Verdict("not_available", reason=REASONS[status])
    if status == "censored":
        return Verdict("censored", reason=REASONS[status])
    after_break = status == "break"
    estimate, lower, upper = (_number(row[name]) for name in ("estimate", "lower", "upper"))
    if status not in _ESTIMABLE or not math.isfinite(estimate):
        return Verdict("not_estimated", reason=REASONS.get(status, REASONS["ok"]), after_break=after_break)
    parity = PARITY.get(str(row["quantity"]))
    if parity is None:
        return Verdict("shown", after_break=after_break)
    slack = 1e-9 * max(1.0, abs(estimate))
    if not (math.isfinite(lower) and lower - slack <= estimate <= upper + slack):
        return Verdict("not_estimated", reason="there is no interval", after_break=after_break)
    outcome: Outcome = "higher" if lower > parity else "lower" if upper < parity else "no_clear_difference"
    return Verdict(outcome, side=_side(outcome, adverse), after_break=after_break)


def _side(outcome: Outcome, adverse: str) -> Side:
    if outcome == "no_clear_difference" or adverse not in ("higher", "lower"):
        return "neither"
    return "adverse" if outcome == adverse else "favourable"


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan
