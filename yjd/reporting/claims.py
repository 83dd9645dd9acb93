"""Published claims held against a release: each reading of a claim, today's value, and whether it still stands.

A reading asserts a range of values: `about` its figure, above it or below it. The verdict compares the whole interval
of the row with that range and nothing else, so that it never says more than the row shows:

- the whole interval within the range: stands;
- the whole interval outside of it: does not stand;
- partly within: cannot be told, as where there is no number;
- no measure for it: not measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from yjd.claims import CHILDREN
from yjd.reporting.classify import classify
from yjd.reporting.tables import Cell, Html, table, text
from yjd.reporting.view import Row, View
from yjd.reporting.words import (
    Measure,
    and_list,
    capital,
    children,
    counted,
    escape_html,
    interval_text,
    rate_text,
    ratio_text,
)

Outcome = Literal["stands", "does_not_stand", "cannot_be_told", "not_measured"]

TIMES = 1.25  # how many times its figure, up or down, a value may be and still be about it
POINTS = 5.0  # of 100: and how far from it, if it is a share

WORDS: Mapping[Outcome, str] = {
    "stands": "Stands",
    "does_not_stand": "Does not stand",
    "cannot_be_told": "Cannot be told",
    "not_measured": "Not measured",
}


@dataclass(frozen=True)
class Judged:
    """One reading held against its row.

    Attributes
    ----------
    outcome : str
        By the rule at the head of this module.
    today : str
        The value with its interval in words, or the shorthand.
    why : str
        The rule applied, in words; no number of a row that has none.
    period : str
        The period of the row; '' without one.
    """

    reading: Mapping[str, Any]
    outcome: Outcome
    today: str
    why: str
    period: str = ""


def asserted(reading: Mapping[str, Any], measure: Measure) -> tuple[float, float]:
    """The range of values that a reading asserts, (low, high); strict where it says more or less than."""
    value = float(reading["value"])
    if reading["says"] == "more_than":
        return value, math.inf
    if reading["says"] == "less_than":
        return -math.inf, value
    if reading["quantity"] == "composition" or (reading["quantity"] == "rate" and measure.kind == "proportion"):
        return max(value - POINTS, value / TIMES), min(value + POINTS, value * TIMES)
    return value / TIMES, value * TIMES


def verdict(interval: tuple[float, float], low: float, high: float) -> Outcome:
    """Whether an interval lies within a range, outside of it or across an end of it.

    An end of the range that the interval only touches belongs to neither side: then it cannot be told.

    Parameters
    ----------
    interval : (float, float)
        Lower and upper limit; NaN where there is none.
    low, high : float
        The range that is asserted.
    """
    lower, upper = interval
    if not (lower <= upper) or math.isinf(lower):  # NaN compares as false
        return "cannot_be_told"
    if upper < low or lower > high:
        return "does_not_stand"
    return "stands" if lower > low and upper < high else _at_an_end(lower, upper, low, high)


def _at_an_end(lower: float, upper: float, low: float, high: float) -> Outcome:
    """No upper limit lies within a range without one."""
    return "stands" if lower > low and upper == high == math.inf else "cannot_be_told"


def judge(view: View, reading: Mapping[str, Any]) -> Judged:
    """Hold one reading against the release: all areas together, in the period in which its measure is shown."""
    measure = next((one for one in view.measures if one.id == reading["measure"]), None)
    if not reading["measure"]:
        return Judged(reading, "not_measured", "[z]", capital(f"{reading['why']}."))
    if measure is None:
        return Judged(reading, "not_measured", "[x]", "This release does not have the measure.")
    row = _row(view, measure, reading)
    if row is None:
        return Judged(reading, "not_measured", "[x]", "This release does not have the group or the comparison.")
    found = classify(row, adverse=measure.adverse)
    period = str(row["period"])
    interval = _interval(row, turned=bool(reading["turned"]))
    if not found.has_numbers or not all(map(math.isfinite, (float(row["estimate"]), interval[0]))):
        mark = found.shorthand or "[z]"
        why = found.reason or "there is no interval"
        return Judged(reading, "cannot_be_told", mark, f"{found.words} {mark}: {why}.", period)
    low, high = asserted(reading, measure)
    outcome = verdict(interval, low, high)
    return Judged(reading, outcome, _today(row, reading, interval), _because(outcome, reading, low, high), period)


def _row(view: View, measure: Measure, reading: Mapping[str, Any]) -> Row | None:
    """The row of the region; only a ratio to a comparison group has more than one to choose from."""
    quantity, group = str(reading["quantity"]), str(reading["group"])
    reference = str(reading["reference"]) if quantity == "rri" else None
    levels = [level for level in ("broad", "detailed") if group in view.groups(level)]
    for level in dict.fromkeys([view.level, *levels]):
        found = view.region.rows(measure, quantity, level=level, group=group, reference=reference)
        if found:
            return found[0]
    return None


def _interval(row: Row, *, turned: bool) -> tuple[float, float]:
    lower, upper = float(row["lower"]), float(row["upper"])
    if not turned:
        return lower, upper
    return _inverse(upper), _inverse(lower)


def _inverse(value: float) -> float:
    """1 over a limit of a ratio: none becomes no limit."""
    return math.inf if value == 0 else 0.0 if math.isinf(value) else 1 / value


def _today(row: Row, reading: Mapping[str, Any], interval: tuple[float, float]) -> str:
    estimate = float(row["estimate"])
    if reading["quantity"] in ("rri", "representation_ratio"):
        estimate = _inverse(estimate) if reading["turned"] else estimate
        return f"{ratio_text(estimate, 2)} ({interval_text(*interval, 2)})"
    return f"{rate_text(estimate)} ({rate_text(interval[0])} to {rate_text(interval[1])})"


def _because(outcome: Outcome, reading: Mapping[str, Any], low: float, high: float) -> str:
    told = {
        "stands": "the whole interval lies",
        "does_not_stand": "no part of the interval lies",
        "cannot_be_told": "only part of the interval lies",
        "not_measured": "",
    }
    return capital(f"{told[outcome]} {range_words(reading, low, high)}.")


def range_words(reading: Mapping[str, Any], low: float, high: float) -> str:
    """What a reading asserts: 'between 2.4 and 3.75', 'above 3', 'below 0.5'."""
    if reading["says"] == "more_than":
        return f"above {low:g}"
    if reading["says"] == "less_than":
        return f"below {high:g}"
    return f"between {low:g} and {high:g} (about {float(reading['value']):g})"


# --- the page -----------------------------------------------------------------------------------------------


def made_elsewhere(view: View, claim: Mapping[str, Any]) -> str:
    """Why a claim is not about whom this release is about; empty where it is."""
    differs = []
    if {str(area).casefold() for area in claim["areas"]} != {str(a).casefold() for a in view.manifest.get("areas", ())}:
        differs.append(f"about {claim['place']}, not these areas")
    if str(claim["population"]) != CHILDREN:
        differs.append(f"about {claim['population']}, not {CHILDREN}")
    return and_list(differs)


def conclusion(view: View, claim: Mapping[str, Any], judged: Sequence[Judged]) -> str:
    """One claim in one or two sentences: judged only if made about these children, and reading by reading."""
    outcomes = [one.outcome for one in judged]
    said = _outcomes_in_words(outcomes)
    elsewhere = made_elsewhere(view, claim)
    if elsewhere:
        return f"Not judged: the claim was made {elsewhere}. Said of the children of this release: {said}."
    made_up = " The records are made up, so this says nothing of the claim itself." if _is_made_up(view) else ""
    return f"{capital(said)}.{made_up}"


def _outcomes_in_words(outcomes: Sequence[Outcome]) -> str:
    """'it stands', 'none of the 3 readings stands', 'of 3 readings, 1 stands and 2 cannot be told'."""
    one: dict[Outcome, str] = {"stands": "stands", "does_not_stand": "does not stand",
                               "cannot_be_told": "cannot be told", "not_measured": "is not measured"}  # fmt: skip
    many: dict[Outcome, str] = one | {"stands": "stand", "does_not_stand": "do not stand",
                                      "not_measured": "are not measured"}  # fmt: skip
    alike: dict[Outcome, str] = {
        "stands": "all {} readings stand",
        "does_not_stand": "none of the {} readings stands",
        "cannot_be_told": "none of the {} readings can be told either way",
        "not_measured": "none of the {} readings is measured",
    }
    if len(outcomes) == 1:
        return f"it {one[outcomes[0]]}"
    if len(set(outcomes)) == 1:
        return alike[outcomes[0]].format(len(outcomes))
    tally = [(name, outcomes.count(name)) for name in WORDS if name in outcomes]
    parts = [f"{number} {one[name] if number == 1 else many[name]}" for name, number in tally]
    return f"of {counted(len(outcomes), 'reading')}, {and_list(parts)}"


def _is_made_up(view: View) -> bool:
    return bool(view.manifest.get("demonstration"))


def held(view: View) -> list[tuple[Mapping[str, Any], list[Judged]]]:
    """Every claim of the release with its readings, judged."""
    claims = view.manifest.get("claims") or ()
    return [(claim, [judge(view, reading) for reading in claim["readings"]]) for claim in claims]


def main_points(view: View) -> Html:
    """How many claims there are, and what became of their readings."""
    found = held(view)
    if not found:
        return Html("<p>This release holds no register of claims [x].</p>")
    here = [(claim, judged) for claim, judged in found if not made_elsewhere(view, claim)]
    away = len(found) - len(here)
    first = f"{counted(len(found), 'published claim')} {'is' if len(found) == 1 else 'are'} held against this release"
    if here:
        first += (
            f"; {len(here)} {'was' if len(here) == 1 else 'were'} made about these areas and children{_rest(away)}."
        )
    else:
        about = "It is" if away == 1 else "All are"
        first += f". {about} about other areas or other children: compared, but not judged."
    points = [first, *(f'"{claim["text"]}": {_lower(conclusion(view, claim, judged))}' for claim, judged in here)]
    split = sum({"stands", "does_not_stand"} <= {one.outcome for one in judged} for _, judged in found)
    if split:
        points.append(f"For {counted(split, 'claim')} one reading stands and another does not: say which is meant.")
    return Html(f'<ul class="yjd-points">{"".join(f"<li>{escape_html(point)}</li>" for point in points)}</ul>')


def _rest(away: int) -> str:
    if not away:
        return ""
    verb = "is" if away == 1 else "are"
    return f", and {away} {verb} about others and {verb} not judged, only compared"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def all_claims(view: View) -> Html:
    """Each claim: its words, its source, the verdict, and a table of its readings."""
    found = held(view)
    parts = [_one(view, number, claim, judged) for number, (claim, judged) in enumerate(found, start=1)]
    return Html("".join(parts) or "<p>This release holds no register of claims [x].</p>")


def _one(view: View, number: int, claim: Mapping[str, Any], judged: Sequence[Judged]) -> str:
    period = f", {claim['period']}" if claim["period"] else ""
    about = [
        f"Made about {claim['population']} in {claim['place']}{period}.",
        f"Source: {str(claim['source']).rstrip('.')}.",
        "Added by this office." if claim.get("local") else "",
        str(claim["note"]),
    ]
    return (
        f"<h3>{number}. &ldquo;{escape_html(claim['text'])}&rdquo;</h3>"
        f"<p>{escape_html(conclusion(view, claim, judged))}</p>"
        f"{_table(view, number, claim, judged)}"
        f"<p>{escape_html(' '.join(line for line in about if line))}</p>"
    )


def _table(view: View, number: int, claim: Mapping[str, Any], judged: Sequence[Judged]) -> str:
    rows = []
    for one in judged:
        later = one.period and one.period != view.period
        today = f"{one.today}, {view.period_label(one.period)}" if later else one.today
        words = escape_html(WORDS[one.outcome])
        clear = one.outcome in ("stands", "does_not_stand")
        rows.append([
            text(one.reading["words"]),
            Cell(escape_html(today)),
            Cell(f"<strong>{words}</strong>" if clear else words),
            text(one.why),
        ])  # fmt: skip
    said = "Said of the children of this release" if made_elsewhere(view, claim) else "Verdict"
    columns = ("What it can mean", f"Today ({view.interval_name}), {view.period_label()}", said, "Why")
    return table(f"Claim {number}: its readings beside today's values", columns, [("", rows)])


_TIMES_MORE = (
    "“3 times as likely” has one meaning: one rate is 3 times the other. “3 times more likely” has two: 3 times, or 3 "
    "times on top of once, which is 4 times. “300% more” has the second."
)
_SHARES = (
    "A share of a stage (“18 of every 100 searches”) says who the stage is made up of. It is not how likely "
    "anything is, and shares of 100 that add to 100 are of this kind."
)


def wording(view: View) -> Html:
    """'Times more likely' against 'times as likely', with a row of this release as the example where there is one."""
    from yjd.reporting.sentences import comparison_sentence

    items = [item for measure in view.pathway for item in view.compare(measure)]
    clear = [
        item for item in items
        if item.verdict.outcome == "higher" and item.measure.likely == "times as likely" and item.row["estimate"] >= 1.5
    ]  # fmt: skip
    lines = [_TIMES_MORE, _SHARES]
    if clear:
        ratio = float(clear[0].row["estimate"])
        lines.append(
            f"An example from this release. {comparison_sentence(clear[0])} Whoever hears “{ratio_text(ratio)} times "
            f"more” may take it for {ratio_text(ratio + 1)} times the rate of {children(clear[0].row['reference'])}."
        )
    return Html("".join(f"<p>{escape_html(line)}</p>" for line in lines))


def rule(view: View) -> Html:
    """How a claim is judged, in words."""
    ends = {"points": f"{POINTS:g}", "low": f"{1 / TIMES:g}", "high": f"{TIMES:g}"}
    return Html(f"<p>{escape_html(_RULE.format(interval=view.interval_name, **ends))}</p>")


_RULE = (
    "A reading says that a value is about a figure, above it or below it. About means {low} to {high} times the "
    "figure and, for a share, at most {points} of every 100 away from it: this project's choice. A reading stands "
    "where the whole {interval} lies within what it says, does not stand where no part of it does, and otherwise "
    "cannot be told. A verdict is on the numbers of this release, not on whether the claim was true when it was "
    "made."
)
