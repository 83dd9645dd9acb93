"""Where along a pathway a disparity arises: the population ratio as the product of one ratio for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import EVERYONE, USABLE, Reason, Side, confidence_levels, first_reason
from yjd.metrics.intervals import FloatArray, StrArray, normal_quantile
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.pathway_gap import Gap, fieller, gap_to_reference
from yjd.metrics.pathway_stages import Base, Route, Stages
from yjd.metrics.relative import ratio_estimates


def pathway(
    cells: pd.DataFrame,
    *,
    steps: Sequence[str] = ("population", "searches", "arrests", "outcomes", "court"),
    name: str = "court",
    reference: str = "White",
    confidence: float | Sequence[float] = 0.95,
    part_of: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    sources: Mapping[str, str] | None = None,
    base: Base = "fixed",
) -> pd.DataFrame:
    """Ratio to the base at every stage, the ratio that each step adds, and each step's share of the whole.

    With n(k) the count at stage k, g the group and r the reference:

    - pathway_rri at stage k: (n(k,g) / n(0,g)) / (n(k,r) / n(0,r)), the ratio to the base up to there;
    - pathway_step: (n(k,g) / n(k-1,g)) / (n(k,r) / n(k-1,r)), what step k adds. The ratio at stage k is exactly
      the product of the steps up to k;
    - pathway_share: 100 x log(step) / log(ratio at the last stage). Shares add up to 100; one below 0 belongs to a
      step that works against the rest, and another then exceeds 100.

    Counts are of children whose ethnicity is known. Where it is known less often at one stage than at another, and
    not equally so for every group, part of a step is the recording and not the decision: read the steps beside the
    per cent unknown of each stage, which `composition` gives.

    Parameters
    ----------
    cells : DataFrame
        Columns stage, group, n; any of period, area, sex, age_band, deprivation, level, status, disclosure. A cell
        that is not there is not available: write 0 where nothing happened. An optional column `squares` holds the
        sum over children of the square of each child's number of events, which makes the intervals allow for
        children who come again; blank means that no child does.
    steps : sequence of str
        The stages in order, the base first.
    name : str
        The rows' measure is "pathway_" and this.
    reference : str
        A group; "others" or "everyone", as in `relative_rate`.
    confidence : float or sequence of float
        One or more levels; each level is a row.
    part_of : mapping of str to str, optional
        The stage that a stage is a subset of, where it is. Such a step is a proportion.
    units, sources : mapping of str to str, optional
        What a stage counts (child, event) and whose ethnicity its records carry (self, officer). A step between two
        stages that differ is not_comparable, and so are all shares; so is the ratio to the base where the sources of
        the stage and of the base differ. "mixed" is comparable with nothing. A stage that is left out is taken to
        be comparable. A fixed base has no unit: events for each resident are a rate.
    base : {"fixed", "counted"}
        Whether the first stage is known without error, as a population is, or is itself a count of what happened.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`; `term` is the stage at the end of the step. A share shows the counts of
        its own step. Statuses are those of `relative_rate`, not_comparable, and of a share: no_events and
        no_reference where any count on the way is 0; parity_possible where the interval of the ratio at the last
        stage holds 1, so that there may be nothing to share out; too_few where Fieller's interval is unbounded
        all the same.

    Raises
    ------
    EstimationError
        If columns are missing, a count is negative, rows repeat a key, or an option has no meaning.

    Notes
    -----
    A ratio to a fixed base has the exact conditional interval of `relative_rate`; a step into a part of the stage
    before it the score interval (Miettinen and Nurminen). A step between two separate counts has a log-normal
    interval (log_normal), as has every row where there are `squares`: counts are Poisson, so Var(log n) = 1/n, or
    squares/n^2. A part of a stage is that stage thinned, so that Cov(log n(k), log n(j)) = Var(log n(j)) where k is
    part of j; other stages are taken as independent, which makes a step's interval rather too wide than too narrow
    where the same children are in both. A fixed base is conditioned on. Every variance is a linear form in this one
    matrix: independent stages make neighbouring steps vary against each other. The share's limits are Fieller's
    for the ratio of two correlated log ratios (Fieller 1954, J R Stat Soc B 16:175-185), not those of the delta
    method, which stay finite and wrong as the whole nears a ratio of 1.
    """
    levels = confidence_levels(confidence)
    route = Route.of(steps, part_of or {}, units or {}, sources or {}, base)
    stages = Stages.of(cells, route.steps, f"pathway_{name}")
    last = len(route.steps) - 1
    ratios = [_ratio(stages, route, above, 0, reference, levels) for above in range(1, last + 1)]
    added = [ratios[0], *(_ratio(stages, route, above, above - 1, reference, levels) for above in range(2, last + 1))]
    tables = [
        lay_out(
            part.pair.frame, quantity, levels=levels, own=part.pair.own, against=part.pair.against,
            reference=reference, status=part.status, found=part.found, term=term,
        )
        for quantity, parts in (("pathway_rri", ratios), ("pathway_step", added))
        for term, part in zip(route.steps[1:], parts, strict=True)
    ]  # fmt: skip
    tables += _shares(stages, route, ratios, added, reference, levels)
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class _Ratio:
    """One stage beside another, compared; `squared` has the sums of squares in place of the counts."""

    pair: Comparison
    squared: Comparison | None
    status: StrArray
    found: Estimates


def _ratio(stages: Stages, route: Route, above: int, below: int, reference: str, levels: FloatArray) -> _Ratio:
    """One stage against another, by the method that suits the two."""
    nested, fixed, everyone = below in route.within[above], below == 0 and route.fixed, reference == EVERYONE
    pair = stages.compare(above, below, reference, "proportion" if nested else "rate")
    squared = stages.compare_squares(above, below, reference)
    if squared is None and (nested or fixed):
        status, found = ratio_estimates(pair, levels, "score" if nested else "exact", everyone=everyone)
    else:
        gap = gap_to_reference([(pair, squared)], ((), (0,) if nested else ()), fixed=fixed, everyone=everyone)
        status, found = _log_normal(pair, gap, levels)
    if not route.comparable(above, below):
        status = np.where(np.isin(pair.status, USABLE), "not_comparable", status)
    return _Ratio(pair, squared, status, found)


def _log_normal(pair: Comparison, gap: Gap, levels: FloatArray) -> tuple[StrArray, Estimates]:
    form = np.array([-1.0, 1.0])
    variance = gap.between(form, form)
    with np.errstate(all="ignore"):
        log_ratio = gap.of(form)
        deviation = np.sqrt(np.maximum(variance, 0))
        half = normal_quantile(levels) * deviation[:, None]
        lower, upper = np.exp(log_ratio[:, None] - half), np.exp(log_ratio[:, None] + half)
        p_value = 2 * special.ndtr(-np.abs(log_ratio) / deviation)
        estimate = np.exp(log_ratio)
    status = pair.ratio_status()
    usable = np.isin(status, USABLE)
    reasons = [
        (usable & (pair.own.numerator == 0), "no_events"),
        (usable & (pair.apart.numerator == 0), "no_reference"),
        (usable & ~(deviation > 0), "no_events"),  # everything went on: no variation is left
        (usable & ~np.isfinite(lower + upper).all(axis=1), "too_few"),
    ]
    found = Estimates(estimate, lower, upper, np.full(lower.shape, "log_normal"), p_value)
    return first_reason(reasons, status), found


def _shares(
    stages: Stages, route: Route, ratios: Sequence[_Ratio], added: Sequence[_Ratio], reference: str, levels: FloatArray
) -> list[pd.DataFrame]:
    """Each step's share of the log ratio at the last stage."""
    last = len(route.steps) - 1
    everything = stages.compare(last, 0, reference, also=range(last + 1))
    to_base = [(part.pair, part.squared) for part in ratios]
    gap = gap_to_reference(to_base, route.within, fixed=route.fixed, everyone=reference == EVERYONE)
    status = _share_status(route, everything, ratios, added)
    whole = np.eye(last + 1)[last] - np.eye(last + 1)[0]
    total = ratios[-1].found
    parity = (total.lower <= 1) & (total.upper >= 1)
    tables = []
    for place, part in enumerate(added, start=1):
        step = np.eye(last + 1)[place] - np.eye(last + 1)[place - 1]
        estimate, lower, upper = fieller(gap, step, whole, levels)
        method = np.full(lower.shape, "fieller")
        own, against = (_closed(one, all_) for one, all_ in (
            (part.pair.own, everything.own), (part.pair.against, everything.against)))  # fmt: skip
        by_level = []
        for number in range(len(levels)):
            here = slice(number, number + 1)
            usable = np.isin(status, USABLE)
            reasons = [
                (usable & parity[:, number], "parity_possible"),
                (usable & ~np.isfinite(lower[:, number] + upper[:, number]), "too_few"),
            ]
            found = Estimates(100 * estimate, 100 * lower[:, here], 100 * upper[:, here], method[:, here])
            by_level.append(
                lay_out(
                    everything.frame, "pathway_share", levels=levels[here], own=own, against=against,
                    reference=reference, status=first_reason(reasons, status), found=found, term=route.steps[place],
                )
            )  # fmt: skip
        # the levels of one row next to each other
        order = np.arange(len(levels) * len(status)).reshape(len(levels), -1).T.ravel()
        tables.append(pd.concat(by_level, ignore_index=True).take(order))
    return tables


def _closed(own: Side, every: Side) -> Side:
    """A step's counts, as open as the most closed cell of the whole pathway."""
    return Side(own.numerator, own.denominator, every.status, every.disclosure)


def _share_status(route: Route, everything: Comparison, ratios: Sequence[_Ratio], added: Sequence[_Ratio]) -> StrArray:
    """A share rests on every count along the way."""
    usable = np.isin(everything.status, USABLE)
    places = range(1, len(route.steps))
    alike = route.comparable(places[-1], 0) and all(route.comparable(place, place - 1) for place in places)
    own, apart = (
        np.stack([sides[0].denominator, *(side.numerator for side in sides)])
        for sides in ([part.pair.own for part in ratios], [part.pair.apart for part in ratios])
    )
    over = np.zeros(len(usable), dtype=bool)
    for place, wholes in enumerate(route.within):
        for whole in wholes:
            over |= (own[place] > own[whole]) | (apart[place] > apart[whole])
    reasons: list[Reason] = [
        (usable & (not alike), "not_comparable"),
        *((usable & ~np.isin(part.status, USABLE), part.status) for part in (*added, ratios[-1])),
        (usable & over, "inconsistent"),
        (usable & (own == 0).any(axis=0), "no_events"),
        (usable & (apart == 0).any(axis=0), "no_reference"),
    ]
    return first_reason(reasons, everything.status)
