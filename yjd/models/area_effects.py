"""A rung of the ladder in which areas are random intercepts instead of fixed terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import EVERYONE, NOT_GROUPS, OTHERS, Kind, check_per, confidence_levels
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models.design import Rung, build
from yjd.models.dispersion import pearson
from yjd.models.families import Family
from yjd.models.fit import Fit, fit_rung
from yjd.models.intercepts import Fitted, fit_intercepts
from yjd.models.quadrature import Clustered, gauss_hermite
from yjd.models.rows import Found, Keys, limits, result_rows, two_sided
from yjd.models.rungs import OVERDISPERSED
from yjd.models.sample import IntArray, Sample, read_sample
from yjd.models.strata import LEAST_LEFT, dense, refused, set_aside
from yjd.schema import ALL

MOST_CELLS = 2_000_000  # patterns times columns of a design that is written out: 16 MB
_INFINITE = 40.0  # as in yjd.models.fit: exp(-40) is below what a double adds to 1


@dataclass(frozen=True)
class _Averages:
    """Adjusted rates of the groups, with their covariance and status."""

    groups: tuple[str, ...]
    rates: FloatArray
    covariance: FloatArray
    status: StrArray


def area_effects(
    counts: pd.DataFrame,
    *,
    kind: Kind,
    adjusters: Sequence[str],
    per: float = 100.0,
    reference: str = "White",
    area: str = "area",
    rung: str = "M1 areas random",
    confidence: float | Sequence[float] = 0.95,
    measure: str = "",
    period: str = ALL,
    level: str = "",
) -> pd.DataFrame:
    """Compare groups adjusted for some columns, with a random intercept for each area.

    Logistic (proportion) or log-linear with the base as exposure (rate), by greatest marginal likelihood with adaptive
    Gauss-Hermite quadrature of 25 nodes, as R's lme4::glmer does. Adjusted rates average the predictions over all
    patterns of the sample, weighted with their bases, and over the normal distribution of areas: they are marginal
    standardisations, to be compared with those of :func:`yjd.models.ladder.ladder`.

    Parameters
    ----------
    counts : DataFrame
        Model counts: columns group, base, events, the area and the adjusters.
    kind : {"proportion", "rate"}
        Whether events are part of the base.
    adjusters : sequence of str
        Without the area.
    per : float
        Scale of adjusted rates and differences.
    reference : str
        A group. Unknown is in the sample and has an adjusted rate, and is compared with nobody.
    area : str
        The column whose labels have the random intercepts.
    rung : str
        Name of the rung on the rows.
    confidence : float or sequence of float
        One or more levels; each is a row.
    measure, period, level : str
        Keys of the rows.

    Returns
    -------
    DataFrame
        Columns `yjd.schema.RESULT_COLUMNS`. Quantities adjusted_rate, adjusted_rri (interval on the log scale) and
        marginal_difference, methods mixed_logit or mixed_poisson; and area_effects_sd (group All), the standard
        deviation of areas on the scale of logits or logarithms, with limits from the adjusted profile likelihood and
        the p-value of its being 0. The method ends in _boundary where the likelihood is greatest without any
        differences between areas. Statuses: too_few (fewer than 5 areas, or 2 groups), separated, collinear,
        no_reference, no_events, inconsistent, not_converged.

    Raises
    ------
    EstimationError
        If columns are missing, a count is no number or below 0, groups are totals, the area is among the adjusters,
        or patterns times columns are more than 2,000,000: this design is written out.

    Notes
    -----
    Intervals are by the delta method from the inverse of the information of coefficients and standard deviation. They
    take events as independent given the area; where a rate is tested to vary more than a Poisson count about the model
    with areas as fixed terms, the likelihood is divided by its dispersion (method mixed_poisson_quasi). Normal limits
    with few areas are a little too near. Where areas differ in what groups live there, the ladder with areas as fixed
    terms compares within areas alone, and this one between them too as far as they are alike.
    """
    check_per(per)
    levels = confidence_levels(confidence)
    _check(adjusters, area, reference)
    sample = read_sample(counts, kind=kind, adjusters=[*adjusters, area])
    keys = Keys(measure, period, level)
    if not len(sample.base):
        return result_rows([], events={}, base={}, levels=levels, keys=keys)
    averages, fitted, status, scale = _averages(sample, tuple(adjusters), area, reference)
    method = {"proportion": "mixed_logit", "rate": "mixed_poisson"}[kind]
    method += "_quasi" if scale != 1 else ""
    method += "_boundary" if fitted is not None and fitted.boundary else ""
    found = [*_quantities(averages, kind, per, reference, rung, method, levels),
             _deviation(fitted, status, rung, method, levels)]  # fmt: skip
    events = dict(zip(sample.groups, sample.by_group(sample.events), strict=True))
    base = dict(zip(sample.groups, sample.by_group(sample.base), strict=True))
    events[ALL], base[ALL] = float(sample.events.sum()), float(sample.base.sum())
    return result_rows(found, events=events, base=base, levels=levels, keys=keys)


def _check(adjusters: Sequence[str], area: str, reference: str) -> None:
    if isinstance(adjusters, str) or area in adjusters or len(set(adjusters)) < len(adjusters):
        raise EstimationError("The area is random here, or an adjuster comes twice.", "Name other adjusters once.")
    if reference in (OTHERS, EVERYONE, *NOT_GROUPS):
        raise EstimationError("A model compares with one group.", "Name a group as the reference, such as White.")


def _averages(
    sample: Sample, adjusters: tuple[str, ...], area: str, reference: str
) -> tuple[_Averages, Fitted | None, str, float]:
    """Fit, and average the predictions; give also the status, and the dispersion that was allowed for."""
    status = refused(sample)
    if len([group for group in sample.groups if group not in NOT_GROUPS]) < 2:
        status = status or "too_few"
    if len(sample.factors[area].levels) < LEAST_LEFT + 1:
        status = status or "too_few"
    if status:
        return _nothing(sample.groups, status), None, status, 1.0
    built, own = build(sample, adjusters, reference=reference), build(sample, (*adjusters, area), reference=reference)
    if own.design.rows * built.design.width > MOST_CELLS:
        raise EstimationError(
            f"Patterns times columns are more than {MOST_CELLS:,}.", "Use fewer adjusters, or areas as fixed terms."
        )  # fmt: skip
    plain = fit_rung(built, family="binomial" if sample.kind == "proportion" else "poisson")
    scale = _scale(sample, own)
    fitted = fit_intercepts(_clustered(sample, built, own, plain, area, scale), plain.coefficients[plain.kept])
    if not fitted.converged:
        return _nothing(built.design.groups, "not_converged"), None, "not_converged", scale
    return _average(built, plain, fitted), fitted, "ok", scale


def _scale(sample: Sample, own: Rung) -> float:
    """Pearson's dispersion of a rate about a model with fixed areas, where it is tested to be above 1."""
    if sample.kind == "proportion":
        return 1.0
    found = pearson(sample, own, fit_rung(own, family="poisson"))
    return found.ratio if found.p_value < OVERDISPERSED else 1.0


def _clustered(sample: Sample, built: Rung, own: Rung, plain: Fit, area: str, scale: float) -> Clustered:
    """Patterns with the area, each with the columns of its pattern without; what is separated takes no part.

    Counts divided by a dispersion make a likelihood of which each part is divided by it: a quasi-likelihood.
    """
    _, first = np.unique(own.row, return_index=True)
    pattern = built.row[first]
    matrix = dense(built.design)[pattern][:, plain.kept]
    used = set_aside(plain)[pattern] == 0
    areas = sample.factors[area].codes[first][used]
    return Clustered.of(sample.kind, matrix[used], own.events[used] / scale, own.base[used] / scale, areas)


def _average(built: Rung, plain: Fit, fitted: Fitted) -> _Averages:
    design, deviation = built.design, fitted.deviation
    loads, share = design.blocks[0].loads, built.base / built.base.sum()
    values = _INFINITE * plain.infinite
    values[plain.kept] += fitted.best.coefficients
    rest = dense(design) - loads[design.blocks[0].codes]
    ok = plain.level_status == "ok"
    rates = np.full(len(loads), np.nan)
    gradients = np.zeros((len(plain.kept) + 1, len(loads)))
    for group in np.flatnonzero(ok):
        matrix = rest + loads[group]
        mean, slope, of_deviation = _over_areas(plain.family, matrix @ values, deviation)
        rates[group] = share @ mean
        gradients[:-1, group] = matrix[:, plain.kept].T @ (share * slope)
        gradients[-1, group] = share @ of_deviation
    return _Averages(design.groups, rates, gradients.T @ fitted.covariance() @ gradients, plain.level_status)


def _over_areas(family: Family, linear: FloatArray, deviation: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean over a normal intercept, and its derivatives by the linear predictor and the standard deviation."""
    places, weights = gauss_hermite()
    at = linear[:, None] + deviation * places
    slope = family.slope(at)
    return family.mean(at) @ weights, slope @ weights, slope @ (weights * places)


def _nothing(groups: tuple[str, ...], status: str) -> _Averages:
    size = len(groups)
    return _Averages(groups, np.full(size, np.nan), np.zeros((size, size)), np.full(size, status, dtype="<U20"))


def _quantities(
    found: _Averages, kind: Kind, per: float, reference: str, rung: str, method: str, levels: FloatArray
) -> list[Found]:
    order = np.array(sorted(range(len(found.groups)), key=lambda at: found.groups[at]), dtype=np.intp)
    compared = np.array([at for at in order if found.groups[at] not in (*NOT_GROUPS, reference)], dtype=np.intp)
    return [
        _rates(found, order, kind, per, rung, method, levels),
        _contrast(found, compared, "adjusted_rri", per, reference, rung, method, levels),
        _contrast(found, compared, "marginal_difference", per, reference, rung, method, levels),
    ]


def _rates(
    found: _Averages, order: IntArray, kind: Kind, per: float, rung: str, method: str, levels: FloatArray
) -> Found:  # fmt: skip
    theta, error = found.rates[order], np.sqrt(np.maximum(np.diag(found.covariance), 0.0))[order]
    status = _varying(found.status[order], error)
    safe = np.where(status == "ok", theta, 0.5)
    binomial = kind == "proportion"
    value, slope = (np.log(safe / (1 - safe)), safe * (1 - safe)) if binomial else (np.log(safe), safe)
    lower, upper = limits(value, error / slope, levels, scale="logit" if binomial else "log")
    return Found("adjusted_rate", rung, tuple(found.groups[at] for at in order), per * theta, per * lower, per * upper,
                 np.full(len(order), np.nan), status, np.full(len(order), method))  # fmt: skip


def _contrast(
    found: _Averages, compared: IntArray, quantity: str, per: float, reference: str, rung: str, method: str,
    levels: FloatArray,
) -> Found:  # fmt: skip
    """The ratio or the difference of each group's rate and the reference's."""
    other = found.groups.index(reference) if reference in found.groups else -1
    ratio = quantity == "adjusted_rri"
    status = found.status[compared].astype("<U20")
    partner = found.status[other] if other >= 0 else "no_reference"
    status = np.where(status == "ok", partner, status)
    safe = np.where(found.status == "ok", found.rates, 1.0)
    seen = np.log(safe) if ratio else per * safe
    slope = np.zeros((len(compared), len(safe)))
    slope[np.arange(len(compared)), compared] = 1.0
    slope[:, other] -= 1.0
    slope = slope / safe if ratio else slope * per
    value = seen[compared] - seen[other]
    error = np.sqrt(np.maximum(np.einsum("kp,pq,kq->k", slope, found.covariance, slope), 0.0))
    lower, upper = limits(value, error, levels, scale="log" if ratio else "linear")
    return Found(quantity, rung, tuple(found.groups[at] for at in compared), np.exp(value) if ratio else value, lower,
                 upper, two_sided(value, error), _varying(status, error), np.full(len(compared), method), "",
                 reference)  # fmt: skip


def _varying(status: StrArray, error: FloatArray) -> StrArray:
    """An estimate without any variation to judge it by has too few of something."""
    return np.where((status == "ok") & ~(error > 0), "too_few", status).astype("<U20")


def _deviation(fitted: Fitted | None, status: str, rung: str, method: str, levels: FloatArray) -> Found:
    value, p_value = np.array([np.nan]), np.array([np.nan])
    lower = upper = np.full((1, len(levels)), np.nan)
    if fitted is not None:
        value, p_value = np.array([fitted.deviation]), np.array([fitted.p_value()])
        lower, upper = (one[None, :] for one in fitted.limits(levels))
    return Found("area_effects_sd", rung, (ALL,), value, lower, upper, p_value, np.array([status]), np.array([method]))
