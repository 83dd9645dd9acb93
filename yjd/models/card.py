"""A page about a model, for those who read its results: what was modelled, on whom, and what it cannot say."""

from __future__ import annotations

from collections.abc import Sequence

from yjd.errors import EstimationError
from yjd.metrics.counts import Kind, check_kind
from yjd.models.rungs import Rung
from yjd.reporting.words import ADJUSTERS, CAUTION, and_list, capital, children, escape_markdown

_ERRORS = {
    "by_child": "Records of the same child belong together: a child with several records counts as one piece of "
    "evidence, not several.",
    "by_area": "Records of the same area belong together. Areas are few, so intervals are wide and rough.",
    "by_row": "Each record is taken as independent of the others.",
    "model": "They are those of the model, which takes each record as independent. Where a rate varies more from "
    "place to place and time to time than chance would, they are widened to match.",
}
_MEDIATOR = (
    "Possible mediator: what is added here may itself come of disparity, so adjusting for it can hide some of what is "
    "looked for."
)


def model_card(
    title: str,
    *,
    kind: Kind,
    per: float,
    periods: Sequence[str],
    sample_flow: Sequence[tuple[str, int]],
    rungs: Sequence[Rung],
    lowest: int,
    round_to: int,
    reference: str = "White",
    errors: str = "model",
    left_out: Sequence[str] = (),
    base: str = "",
    begins: str = "",
    limits: Sequence[str] = (),
) -> str:
    """Write the card of one model, as one page of Markdown that may leave the machine.

    What is counted is protected: no count from 1 to below `lowest` is written, nor two counts that differ by so few,
    and all are rounded to a multiple of `round_to`. The card holds no other number from the data. Every name from
    outside is escaped, so nothing in it is read as Markdown or HTML.

    Parameters
    ----------
    title : str
        Of the measure.
    kind : {"proportion", "rate"}
        What was modelled.
    per : float
        Scale of rates and differences.
    periods : sequence of str
        Names of the periods, in order.
    sample_flow : sequence of (str, int)
        Words and number left after each step of leaving some out: `ModelCounts.flow`.
    rungs : sequence of Rung
        From the lowest; those with `mediator` are labelled.
    lowest : int
        The smallest count that may be shown, at least 1.
    round_to : int
        Counts are rounded to its nearest multiple; 0 and 1 do not round.
    reference : str
        The group that others are compared with.
    errors : {"model", "by_child", "by_area", "by_row"}
        Where standard errors come from: the ending of the method of results.
    left_out : sequence of str
        Adjusters that were asked for and could not be had.
    base : str
        Who or what the proportion is of, as "children who were arrested": the model is of them alone.
    begins : str
        The day from which records go back, in words.
    limits : sequence of str
        Further limits, a sentence each.

    Raises
    ------
    EstimationError
        The kind, the errors or the rules of disclosure have no meaning, or there are no rungs.
    """
    check_kind(kind)
    if errors not in _ERRORS or not rungs or lowest < 1 or round_to < 0:
        raise EstimationError(
            "The card has no rungs, or its standard errors or rules of disclosure have no meaning.",
            f"Give rungs, errors as one of {', '.join(_ERRORS)}, lowest from 1 and round_to from 0.",
        )
    parts = [
        f"# About this model: {escape_markdown(title)}",
        CAUTION + " An adjusted difference says how groups compare once the listed factors are alike; it does not say "
        "why they differ.",
        "## What was modelled",
        _modelled(kind, per, periods, reference, base),
        "## Who is in it",
        _flow(sample_flow, kind, lowest, round_to),
        "## What was adjusted for",
        _rungs(rungs, left_out),
        "## How to read the results",
        _reading(kind, per, reference, errors),
        "## What it cannot say",
        _limits(kind, rungs, base, begins, limits),
    ]
    return "\n\n".join(parts) + "\n"


def safe_count(number: int, *, lowest: int, round_to: int) -> str:
    """A count as it may be written: 'fewer than 10', or rounded, a half upward."""
    if 0 < number < lowest:
        return f"fewer than {lowest:,}"
    step = max(round_to, 1)
    rounded = (2 * number + step) // (2 * step) * step
    return f"fewer than {step:,}" if number and not rounded else f"{rounded:,}"


def words(adjuster: str) -> str:
    """An adjuster in words, escaped."""
    return escape_markdown(ADJUSTERS.get(adjuster, adjuster.replace("_", " ")))


def _modelled(kind: Kind, per: float, periods: Sequence[str], reference: str, base: str) -> str:
    what = "a logistic model of a proportion" if kind == "proportion" else "a log-linear model of a rate by residents"
    times = and_list([escape_markdown(period) for period in periods]) or "all periods together"
    among = f" among {escape_markdown(base)}" if base else ""
    return (
        f"{capital(what)}{among}, shown for every {per:,.0f}. Periods: {times}. Each group is compared with "
        f"{escape_markdown(children(reference))}."
    )


def _flow(flow: Sequence[tuple[str, int]], kind: Kind, lowest: int, round_to: int) -> str:
    if not flow:
        return "The sample was not described."
    lines, last = [], None
    for words_, number in flow:
        few = last is not None and 0 < abs(last - number) < lowest  # the difference would be a small count
        shown = (
            f"as above, but for fewer than {lowest:,}" if few else safe_count(number, lowest=lowest, round_to=round_to)
        )  # fmt: skip
        lines.append(f"| {_step(words_)} | {shown} |")
        last = last if few else number
    counted = "Records" if kind == "proportion" else "Events"
    rounding = f", rounded to the nearest {round_to:,}" if round_to > 1 else ""
    table = "\n".join([f"| Step | {counted} left |", "| --- | ---: |", *lines])
    note = f"Every step of the ladder below uses the same records{rounding}."
    return f"{table}\n\n{note}"


def _step(step: str) -> str:
    """A step of the flow; an adjuster in it is put into words."""
    name = step.removesuffix(" known")
    return f"{words(name)} known" if name != step and name in ADJUSTERS else escape_markdown(step)


def _rungs(rungs: Sequence[Rung], left_out: Sequence[str]) -> str:
    lines, before = [], set[str]()
    for rung in rungs:
        added = [words(name) for name in rung.adjusters if name not in before]
        what = f"adjusted for {and_list(added)}" if added else "unadjusted: groups as they are"
        if added and before:
            what = f"also {what}"
        label = f" **{_MEDIATOR}**" if rung.mediator else ""
        lines.append(f"- {escape_markdown(rung.name)}: {what}.{label}")
        before |= set(rung.adjusters)
    if left_out:
        names = and_list([words(name) for name in left_out])
        lines.append(f"- Left out, as the records do not hold it or hold too little of it: {names}.")
    return "\n".join(lines)


def _reading(kind: Kind, per: float, reference: str, errors: str) -> str:
    other = escape_markdown(children(reference))
    records = "record" if kind == "proportion" else "resident child"
    lines = {
        "adjusted_rate": f"the number for every {per:,.0f} that the model expects if every {records} of the sample "
        "were of this group and all else stayed as it is.",
        "adjusted_rri": f"the adjusted rate of the group divided by that of {other}. 1 means no difference.",
        "marginal_difference": f"the adjusted rate of the group less that of {other}, for every {per:,.0f}. "
        "0 means no difference.",
        "rung_change": "the adjusted ratio of one step divided by that of the step before: below 1, the ratio fell.",
        "Intervals": "values that go with the data at the stated level of confidence. An interval that holds 1 (for a "
        "difference 0) means that the data are also consistent with no difference, not that there is none.",
        "Standard errors": _ERRORS[errors],
        "A row without a number": "it has a status: separated (a group with no events, or nothing but events), too few "
        "(events for the factors), collinear (a factor that says the same as the group), not converged, no reference, "
        "or hidden (so that no child can be identified). A blank is never a zero.",
    }
    return "\n".join(f"- {escape_markdown(name)}: {line}" for name, line in lines.items())


def _limits(kind: Kind, rungs: Sequence[Rung], base: str, begins: str, more: Sequence[str]) -> str:
    names = {name for rung in rungs for name in rung.adjusters}
    lines = ["These are adjusted differences. What was not recorded is not adjusted for."]
    if kind == "proportion":
        who = escape_markdown(base) if base else "the records of the base"
        lines.append(
            f"Selection: the model is of {who} alone. How they came to be there is not part of it, and a disparity "
            "in that can hide or make one here."
        )
    else:
        lines.append(
            "Selection: children who live elsewhere, and counts of residents that are out of date, move rates."
        )
    if "prior_outcomes" in names:
        since = f" ({escape_markdown(begins)})" if begins else ""
        lines.append(
            "Earlier outcomes absorb earlier policing and earlier decisions. The record begins with the extract"
            f"{since}: outcomes before it are not counted, and children of the first periods have less of a record."
        )
    if names & {"offence_group", "gravity"}:
        lines.append("The offence on record is itself a decision by police and prosecutors.")
    if names & {"admission", "assessed_reoffending", "assessed_harm", "assessed_safety"}:
        lines.append("What a practitioner judged, or what a child was ready to admit, can differ by group in itself.")
    if kind == "proportion":
        lines.append("Only records with every factor and a known ethnicity are in the model.")
    else:
        lines.append(
            "Only events with a known ethnicity are in the model. Those of which another factor is not known are "
            "spread over the other events of their group."
        )
    lines += [escape_markdown(one) for one in more]
    return "\n".join(f"- {line}" for line in lines)
