"""The plainest words for measures, sizes and groups: what is said can be read aloud, and is no more than its row shows.

Everything here is plain text: whoever writes it into a page escapes it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yjd.reporting.view import Comparison
from yjd.reporting.words import Measure, and_list, capital, children
from yjd.schema import POPULATION

_BASES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
_LEAST = 4.5  # the smallest rate that is shown rounds to 5: no rounding moves a rate by more than a tenth
_TOGETHER = 4  # names that fit in one short sentence
_HALVES = {
    1.5: "one and a half times", 2.0: "twice", 2.5: "two and a half times", 3.0: "three times",
    3.5: "three and a half times", 4.0: "four times", 4.5: "four and a half times", 5.0: "five times",
    5.5: "five and a half times", 6.0: "six times", 6.5: "six and a half times", 7.0: "seven times",
    7.5: "seven and a half times", 8.0: "eight times", 8.5: "eight and a half times", 9.0: "nine times",
    9.5: "nine and a half times", 10.0: "ten times",
}  # fmt: skip
_WITHOUT = {
    "no_clear_difference": "there was no clear difference",
    "hidden": "the numbers are private",
    "not_available": "we have no numbers",
    "censored": "it is too soon to tell",
    "not_estimated": "we could not work out an answer",
}


@dataclass(frozen=True)
class Easy:
    """How a measure is spoken of.

    Attributes
    ----------
    title : str
        The heading of its panel.
    about : str
        A sentence on what is counted; may be empty.
    likely : str
        What children are more or less likely to do or get: follows 'likely to'. Empty where `often` is told.
    often : str
        What happened more or less often to a group: follows its name. Empty where `likely` is told.
    counted : str
        What the picture counts, before 'for every 1,000 children'.
    base : str
        What it counts against, with the number as `{per}`.
    people : bool
        The picture counts children, not cases.
    """

    title: str
    about: str
    likely: str
    often: str
    counted: str
    base: str
    people: bool = False


_CHILDREN, _OUT_OF = "for every {per} children", "out of every {per} children"
_ENTRY = Easy(
    "Entering the youth justice system",
    "This is about a first caution or sentence.",
    "enter the youth justice system", "", "Children who entered", _OUT_OF, people=True,
)  # fmt: skip
_EASY: dict[str, Easy] = {
    "search_rate": Easy("Being stopped and searched", "",
                        "", "were stopped and searched", "Searches", _CHILDREN),
    "arrest_rate": Easy("Being arrested", "", "", "were arrested", "Arrests", _CHILDREN),
    "children_arrested_rate": Easy(
        "Being arrested", "", "be arrested", "", "Children arrested", _OUT_OF, people=True),
    "precourt_share": Easy("Staying out of court", "Some cases are settled without going to court.",
                           "stay out of court", "", "Cases settled without court,", "out of every {per}"),
    "court_share": Easy("Going to court", "Some cases go to court. Others are settled without it.",
                        "go to court", "", "Cases that went to court,", "out of every {per}"),
    "fte_rate_pnc": _ENTRY,
    "fte_rate_yjs": _ENTRY,
    "reoffending_rate": Easy(
        "Breaking the law again", "Some children are found to have broken the law again within a year.",
        "be found to have broken the law again", "", "Children who broke the law again,", _OUT_OF, people=True),
    "intervention_offered": Easy("Being offered help", "A team can offer help so that a child stays out of trouble.",
                                 "", "were offered help", "Offers of help", "for every {per} cases"),
    "intervention_accepted": Easy("Saying yes to help", "A child can say yes or no to help.",
                                  "say yes to help", "", "Children who said yes,", "out of every {per} offers"),
    "intervention_started": Easy("Starting to get help", "Some children start to get the help they said yes to.",
                                 "start to get help", "", "Help that was started,", "out of every {per} times"),
    "intervention_completed": Easy("Getting help to the end", "Some children get the help until it ends.",
                                   "get help to the end", "", "Help that was completed,", "out of every {per} times"),
}  # fmt: skip


def easy(measure: Measure) -> Easy:
    """How to speak of a measure: in its own words where there are none for it here."""
    if measure.id in _EASY:
        return _EASY[measure.id]
    title = spoken(measure.title)
    base = _CHILDREN if measure.denominator in ("", POPULATION) else "out of every {per}"
    if measure.likely == "times as likely" and measure.likely_to:
        return Easy(title, "", spoken(measure.likely_to), "", capital(spoken(measure.unit)), base)
    return Easy(title, "", "", f"had {spoken(measure.unit)}", capital(spoken(measure.unit)), base)


def spoken(text: str) -> str:
    """Text that reads well aloud: what stands in brackets is left out, and so are signs that are not read."""
    without = re.sub(r"\s*[(\[][^()\[\]]*[)\]]", "", text)
    return " ".join(re.sub(r"\s*[&+/|]\s*", " and ", without).replace("%", " per cent").split())


def size_words(ratio: float) -> tuple[str, str]:
    """A clear ratio in words, and the word that leads to the group it is compared with.

    Parameters
    ----------
    ratio : float
        The estimate of a row whose interval is clear of 1.

    Returns
    -------
    (str, str)
        Such as ('about twice as', 'as') or ('a little less', 'than'): 'likely' or 'often' follows the first.
    """
    if ratio >= 10.25:
        return "more than ten times as", "as"
    if ratio >= 1.4:
        return f"about {_HALVES[max(1.5, math.floor(2 * ratio + 0.5) / 2)]} as", "as"
    if ratio > 1:
        return ("a little more" if ratio < 1.2 else "more"), "than"
    if ratio > 0.8:
        return "a little less", "than"
    if 0.4 <= ratio <= 0.6:
        return "about half as", "as"
    return ("much less" if ratio < 0.4 else "less"), "than"


def sentences(comparisons: Sequence[Comparison]) -> list[str]:
    """One measure in short sentences: every group is in one of them, and each says what its row shows.

    Groups of which the same is said share a sentence; groups stand in the fixed order.
    """
    words = easy(comparisons[0].measure)
    told: dict[tuple[str, str, str], list[str]] = {}
    for item in comparisons:
        if item.verdict.is_clear:
            key = (item.verdict.outcome, *size_words(float(item.row["estimate"])))
        else:
            key = (item.verdict.outcome, "", "")
        told.setdefault(key, []).append(item.group)
    clear = [(key, groups) for key, groups in told.items() if key[1]]
    said: list[str] = []
    for (_, size, leads), groups in clear:
        against = "" if said else f" {leads} {children(comparisons[0].row['reference'])}"
        together = groups if said else groups[:1]  # the first sentence is long without a second group
        said.append(_clear(words, together, size, against))
        said += [f"The same goes for {and_list(children(g) for g in groups[1:])}."] if together != groups else []
    order = list(_WITHOUT)
    rest = sorted(
        ((key[0], groups) for key, groups in told.items() if not key[1]), key=lambda pair: order.index(pair[0])
    )
    for outcome, groups in rest:
        is_last = outcome == rest[-1][0] and len(groups) > 1 and (said or len(rest) > 1)
        said += [f"For the other groups, {_WITHOUT[outcome]}."] if is_last else _not(outcome, groups)
    return said


def _clear(words: Easy, groups: Sequence[str], size: str, against: str) -> str:
    who = capital(and_list(children(group) for group in groups))
    if words.often:
        return f"{who} {words.often} {size} often{against}."
    what = f" to {words.likely}" if against else ""
    return f"{who} were {size} likely{what}{against}."


def _not(outcome: str, groups: Sequence[str]) -> list[str]:
    """What is said of groups that do not clearly differ, or of which nothing is shown."""
    if len(groups) == 1:
        return [f"For the {groups[0]} group, {_WITHOUT[outcome]}."]
    if len(groups) <= _TOGETHER:
        return [f"For the {and_list(groups)} groups, {_WITHOUT[outcome]}."]
    return [f"For {len(groups)} groups, {_WITHOUT[outcome]}.", f"These groups are {and_list(groups)}."]


def rounded_rates(
    counts: Mapping[str, tuple[float, float]], clear: Mapping[str, str], reference: str
) -> tuple[int, dict[str, int]]:
    """Rates as whole numbers, for every 10, 100, 1,000 and so on: the smallest base that tells them rightly.

    Parameters
    ----------
    counts : mapping of str to (float, float)
        Numerator and denominator of each group that is shown.
    clear : mapping of str to str
        `higher` or `lower` for each group that clearly differs from the reference.
    reference : str
        The group that is compared with.

    Returns
    -------
    (int, dict of str to int)
        The base, and the rounded rate of each group. A group that clearly differs is on its side of the reference.
    """
    rates = {group: number / base for group, (number, base) in counts.items() if base > 0}
    made: dict[str, int] = {}
    for per in _BASES:
        made = {group: math.floor(per * rate + 0.5) for group, rate in rates.items()}
        small = any(0 < per * rate < _LEAST for rate in rates.values())
        if not small and all(_on_its_side(made, group, side, reference) for group, side in clear.items()):
            return per, made
    return _BASES[-1], made


def _on_its_side(made: Mapping[str, int], group: str, side: str, reference: str) -> bool:
    if group not in made or reference not in made:
        return True
    return made[group] > made[reference] if side == "higher" else made[group] < made[reference]
