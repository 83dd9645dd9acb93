"""Where along a pathway a disparity arises: the population ratio as the product of one ratio for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import special

from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import EVERYONE, USABLE, Reason, Side, confidence_levels, first_reason
from yjd.metrics.intervals import FloatArray, StrArray, normal_quantile
from yjd.metrics.layout import Estimates, lay_out
from yjd.metrics.pathway_gap import Compared, Gap, fieller, gap_to_reference
from yjd.metrics.pathway_stages import Base, Pair, PathwayCells, Route
from yjd.metrics.relative import RatioMethod, ratio_estimates


def pathway(
    cells: pd.DataFrame | PathwayCells,
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
    cells : DataFrame or PathwayCells
        Columns stage, group, n; any of period, area, sex, age_band, deprivation, level, status, disclosure. A cell
        that is not there is not available: write 0 where nothing happened. An optional column `squares` holds the
        sum over children of the square of each child's number of events, which makes the intervals allow for
        children who come again; blank means that no child does. For several references make one `PathwayCells.of`
        of the frame: it prepares the stages once.
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
    stages = PathwayCells.of(cells).stages(route.steps, f"pathway_{name}")
    later = range(1, len(route.steps))
    pairs = [route.pair(place, 0) for place in later]
    pairs += [route.pair(place, place - 1) for place in later[1:]]  # the first step is the first ratio
    pairs += [Pair(later[-1], 0, also=tuple(later))]
    compared = stages.compare(pairs, reference)
    squared: Sequence[Comparison | None] = [None] * len(pairs)
    if stages.squares is not None:
        squared = stages.compare(pairs, reference, squares=True)
    found = [
        _ratio(route, pair, Compared(*both), everyone=reference == EVERYONE, levels=levels)
        for pair, both in zip(pairs[:-1], zip(compared, squared, strict=True), strict=False)
    ]
    ratios, added = found[: len(later)], [found[0], *found[len(later) :]]
    terms = route.steps[1:]
    return pd.concat(
        [
            _table("pathway_rri", ratios, terms, reference, levels),
            _table("pathway_step", added, terms, reference, levels),
            *(
                _table("pathway_share", shares, terms, reference, levels[[number]])
                for number, shares in enumerate(_shares(route, compared[-1], ratios, added, reference, levels))
            ),
        ],
        ignore_index=True,
    )


@dataclass(frozen=True)
class _Part:
    """What was found of one step; `own` and `against` as they are to be published."""

    frame: pd.DataFrame
    own: Side
    against: Side
    status: StrArray
    found: Estimates
    compared: Compared


def _table(
    quantity: str, parts: Sequence[_Part], terms: Sequence[str], reference: str, levels: FloatArray
) -> pd.DataFrame:
    """All steps laid out at once."""

    def side(of: Sequence[Side]) -> Side:
        return Side(
            np.concatenate([one.numerator for one in of]), np.concatenate([one.denominator for one in of]),
            np.concatenate([one.status for one in of]), np.concatenate([one.disclosure for one in of]),
        )  # fmt: skip

    rows = [len(part.frame) for part in parts]
    every = [part.found for part in parts]
    p_values = [np.full(n, np.nan) if one.p_value is None else one.p_value for n, one in zip(rows, every, strict=True)]
    found = Estimates(
        np.concatenate([one.estimate for one in every]), np.concatenate([one.lower for one in every]),
        np.concatenate([one.upper for one in every]), np.concatenate([one.method for one in every]),
        np.concatenate(p_values),
    )  # fmt: skip
    return lay_out(
        pd.concat([part.frame for part in parts], ignore_index=True), quantity, levels=levels,
        own=side([part.own for part in parts]), against=side([part.against for part in parts]), reference=reference,
        status=np.concatenate([part.status for part in parts]), found=found, term=np.repeat(np.asarray(terms), rows),
    )  # fmt: skip


def _ratio(route: Route, pair: Pair, compared: Compared, *, everyone: bool, levels: FloatArray) -> _Part:
    """One stage against another, by the method that suits the two."""
    fixed, counts = pair.below == 0 and route.fixed, compared.counts
    if compared.squares is None and (pair.nested or fixed):
        method: RatioMethod = "score" if pair.nested else "exact"
        status, found = ratio_estimates(counts, levels, method, everyone=everyone)
    else:
        gap = gap_to_reference([compared], ((), (0,) if pair.nested else ()), fixed=fixed, everyone=everyone)
        status, found = _log_normal(counts, gap, levels)
    if not route.comparable(pair.above, pair.below):
        status = np.where(np.isin(counts.status, USABLE), "not_comparable", status)
    return _Part(counts.frame, counts.own, counts.against, status, found, compared)


def _log_normal(counts: Comparison, gap: Gap, levels: FloatArray) -> tuple[StrArray, Estimates]:
    form = np.array([-1.0, 1.0])
    variance = gap.between(form, form)
    with np.errstate(all="ignore"):
        log_ratio = gap.of(form)
        deviation = np.sqrt(np.maximum(variance, 0))
        half = normal_quantile(levels) * deviation[:, None]
        lower, upper = np.exp(log_ratio[:, None] - half), np.exp(log_ratio[:, None] + half)
        p_value = 2 * special.ndtr(-np.abs(log_ratio) / deviation)
        estimate = np.exp(log_ratio)
    status = counts.ratio_status()
    usable = np.isin(status, USABLE)
    reasons = [
        (usable & (counts.own.numerator == 0), "no_events"),
        (usable & (counts.apart.numerator == 0), "no_reference"),
        (usable & ~(deviation > 0), "no_events"),  # everything went on: no variation is left
        (usable & ~np.isfinite(lower + upper).all(axis=1), "too_few"),
    ]
    found = Estimates(estimate, lower, upper, np.full(lower.shape, "log_normal"), p_value)
    return first_reason(reasons, status), found


def _shares(
    route: Route,
    everything: Comparison,
    ratios: Sequence[_Part],
    added: Sequence[_Part],
    reference: str,
    levels: FloatArray,
) -> list[list[_Part]]:
    """Each step's share of the log ratio at the last stage, for each level of confidence.

    The levels are laid out apart from each other, since a share can have limits at one level and none at another.
    """
    gap = gap_to_reference(
        [part.compared for part in ratios], route.within, fixed=route.fixed, everyone=reference == EVERYONE
    )
    status, total = _share_status(route, everything, ratios, added), ratios[-1].found
    usable, unit = np.isin(status, USABLE), np.eye(len(route.steps))
    shares: list[list[_Part]] = [[] for _ in levels]
    for place, part in enumerate(added, start=1):
        estimate, lower, upper = fieller(gap, unit[place] - unit[place - 1], unit[-1] - unit[0], levels)
        own = Side(part.own.numerator, part.own.denominator, everything.own.status, everything.own.disclosure)
        against = Side(
            part.against.numerator, part.against.denominator, everything.against.status, everything.against.disclosure
        )
        for number, of_level in enumerate(shares):
            here = [number]
            parity = (total.lower[:, number] <= 1) & (total.upper[:, number] >= 1)
            no_limits = ~np.isfinite(lower[:, number] + upper[:, number])
            why = first_reason([(usable & parity, "parity_possible"), (usable & no_limits, "too_few")], status)
            method = np.full((len(status), 1), "fieller")
            found = Estimates(100 * estimate, 100 * lower[:, here], 100 * upper[:, here], method)
            of_level.append(_Part(everything.frame, own, against, why, found, part.compared))
    return shares


def _share_status(route: Route, everything: Comparison, ratios: Sequence[_Part], added: Sequence[_Part]) -> StrArray:
    """A share rests on every count along the way."""
    usable = np.isin(everything.status, USABLE)
    # any two, since a stage of which nothing is known can stand between two that differ
    alike = all(route.comparable(above, below) for below, above in combinations(range(len(route.steps)), 2))
    own, apart = (
        np.stack([sides[0].denominator, *(side.numerator for side in sides)])
        for sides in (
            [part.compared.counts.own for part in ratios],
            [part.compared.counts.apart for part in ratios],
        )
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
