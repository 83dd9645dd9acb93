"""From the fits of a ladder to its quantities, by the delta method from one covariance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from yjd.metrics.counts import NOT_GROUPS
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models import firth
from yjd.models.families import Binomial
from yjd.models.fit import fit
from yjd.models.rows import Found, limits, two_sided
from yjd.models.rungs import Fitted, Ladder, Options
from yjd.models.sample import IntArray, Sample
from yjd.schema import ALL

_PROFILE_WORK = 1e6  # patterns times columns: beyond, profiles would take minutes and Wald limits are given


_UNTELLING = 4.0  # standard error of a logarithm: an interval from 1/2,500 to 2,500 times the estimate says nothing


class _Spread(NamedTuple):
    """Covariance of one rung's rates and of its coefficients, each (groups, groups)."""

    rates: FloatArray
    contrasts: FloatArray
    degrees: float
    suffix: str


def of_ladder(fitted: Ladder, levels: FloatArray) -> list[Found]:
    """All quantities of all rungs, in the order of the rungs."""
    found: list[Found] = []
    for at, one in enumerate(fitted.rungs):
        spread = _spread(fitted, at)
        found += _of_rung(one, fitted.options, spread, levels)
        if at:
            found.append(_change(fitted, at, levels))
        found.append(_dispersion(one, levels))
    return found


def blank_ladder(
    sample: Sample, names: list[str], options: Options, status: str, levels: FloatArray
) -> list[Found]:  # fmt: skip
    """Give rows without estimates, for a sample that no model can be fitted to."""
    reference = options.reference
    compared = tuple(group for group in sample.groups if group not in (*NOT_GROUPS, reference))
    ratio = "odds_ratio" if sample.kind == "proportion" else "rate_ratio"
    found = []
    for at, name in enumerate(names):
        found.append(_blank("adjusted_rate", name, sample.groups, status, levels))
        for quantity in ("adjusted_rri", "marginal_difference", ratio, *(["rung_change"] if at else [])):
            term = names[at - 1] if quantity == "rung_change" else ""
            found.append(_blank(quantity, name, compared, status, levels, reference, term))
    return found


def _blank(
    quantity: str, rung: str, groups: tuple[str, ...], status: str, levels: FloatArray, reference: str = "",
    term: str = "",
) -> Found:  # fmt: skip
    nothing, wide = np.full(len(groups), np.nan), np.full((len(groups), len(levels)), np.nan)
    words = np.full(len(groups), status)
    return Found(quantity, rung, groups, nothing, wide, wide, nothing, words, np.full(len(groups), ""), term, reference)


def _spread(fitted: Ladder, at: int) -> _Spread:
    one, size = fitted.rungs[at], len(fitted.sample.groups)
    if fitted.rates is None or fitted.contrasts is None or fitted.options.clusters is None:
        suffix = "_model" if one.method in ("logit", "poisson") else ""
        return _Spread(
            one.rates.model_covariance * one.scale, one.contrasts.model_covariance * one.scale, float("inf"), suffix
        )
    own = slice(at * size, (at + 1) * size)
    name = f"_{fitted.options.clusters.name}"
    rates, contrasts = (spread.covariance[own, own] for spread in (fitted.rates, fitted.contrasts))
    return _Spread(rates, contrasts, fitted.rates.degrees, name)


def _of_rung(one: Fitted, options: Options, spread: _Spread, levels: FloatArray) -> list[Found]:
    groups, name = one.rates.groups, one.rung.name
    method = np.full(len(groups), one.method + spread.suffix)
    compared, reference = _compared(groups, options.reference)
    theta = one.rates.estimates
    found = [_rates(one, options.per, method, spread, levels)]
    status = _contrast_status(one, compared, reference)
    picked, words = tuple(groups[at] for at in compared), method[compared]
    slope = _differences(compared, reference, len(groups))
    log_error = _error(spread.rates, slope / np.where(theta > 0, theta, 1.0))
    value = _against(np.log(np.where(theta > 0, theta, np.nan)), compared, reference)
    lower, upper = limits(value, log_error, levels, scale="log", degrees=spread.degrees)
    p_value = two_sided(value, log_error, spread.degrees)
    usable = _with_error(status, log_error, most=_UNTELLING)
    found.append(Found("adjusted_rri", name, picked, np.exp(value), lower, upper, p_value, usable, words,
                       reference=options.reference))  # fmt: skip
    value, error = _against(theta, compared, reference), _error(spread.rates, slope)
    lower, upper = limits(value, error, levels, scale="linear", degrees=spread.degrees)
    found.append(Found("marginal_difference", name, picked, value * options.per, lower * options.per,
                       upper * options.per, two_sided(value, error, spread.degrees), _with_error(status, error), words,
                       reference=options.reference))  # fmt: skip
    found.append(_ratios(one, options, spread, compared, reference, levels))
    return found


def _rates(one: Fitted, per: float, method: StrArray, spread: _Spread, levels: FloatArray) -> Found:
    theta, binomial = one.rates.estimates, isinstance(one.fit.family, Binomial)
    error = np.sqrt(np.maximum(np.diag(spread.rates), 0.0))
    inside = (theta > 0) & ((theta < 1) | (not binomial))
    safe = np.where(inside, theta, 0.5)
    slope = safe * (1 - safe) if binomial else safe
    value = np.log(safe / (1 - safe)) if binomial else np.log(safe)
    lower, upper = limits(
        value, error / slope, levels, scale="logit" if binomial else "log", degrees=spread.degrees
    )  # fmt: skip
    status = one.rates.status if one.status == "ok" else np.full(len(theta), one.status)
    status = _with_error(np.where((status == "ok") & ~inside, "separated", status), error)
    order = np.argsort(np.array(one.rates.groups))
    groups = tuple(one.rates.groups[at] for at in order)
    return Found("adjusted_rate", one.rung.name, groups, theta[order] * per, lower[order] * per, upper[order] * per,
                 np.full(len(theta), np.nan), status[order], method[order])  # fmt: skip


def _ratios(
    one: Fitted, options: Options, spread: _Spread, compared: IntArray, reference: int, levels: FloatArray
) -> Found:
    """Odds ratios or rate ratios: Wald, or from the profile where the fit is Firth's."""
    groups, binomial = one.rates.groups, isinstance(one.fit.family, Binomial)
    status = _contrast_status(one, compared, reference, of_coefficients=True)
    method = np.full(len(compared), one.method + spread.suffix, dtype="<U40")
    value = one.contrasts.estimates[compared]
    error = np.sqrt(np.maximum(np.diag(spread.contrasts), 0.0))[compared]
    lower, upper = limits(value, error, levels, scale="log", degrees=spread.degrees)
    p_value = two_sided(value, error, spread.degrees)
    status = _with_error(status, error, most=_UNTELLING)
    penalised = one.fit.penalty == "firth"
    rescued = np.isin(status, ["separated"]) & (options.firth != "never") & (one.status == "ok") & (reference >= 0)
    wanted = ((status == "ok") & penalised & (options.clusters is None)) | rescued
    if wanted.any() and one.fit.design.rows * one.fit.design.width <= _PROFILE_WORK:
        for at, (estimate, low, high, chance) in _profiles(one, compared[wanted], levels).items():
            place = int(np.flatnonzero(compared == at)[0])
            if np.isfinite(low).all() and np.isfinite(high).all():
                value[place], lower[place], upper[place], p_value[place] = estimate, np.exp(low), np.exp(high), chance
                method[place], status[place] = "firth_profile", "ok"
    return Found(
        "odds_ratio" if binomial else "rate_ratio", one.rung.name, tuple(groups[at] for at in compared),
        np.exp(value), lower, upper, p_value, status, method, reference=options.reference,
    )  # fmt: skip


def _profiles(
    one: Fitted, compared: IntArray, levels: FloatArray
) -> dict[int, tuple[float, FloatArray, FloatArray, float]]:
    """Firth's estimate, its profile limits and the p-value of the penalised likelihood ratio, on the log scale."""
    from scipy import special

    design, events, base = one.fit.design, one.fit.events, one.fit.base
    family = one.fit.family
    plain = fit(design, events, base, family="binomial" if isinstance(family, Binomial) else "poisson", penalty="firth")
    best = firth.maximise(family, design, events, base, start=plain.coefficients, kept=plain.kept)
    found = {}
    for at in compared:
        column = int(design.group_columns[at])
        if column < 0 or column not in plain.kept or plain.contrast_status[at] != "ok":
            continue
        ends = [[firth.profile_limit(family, design, events, base, best=best, kept=plain.kept, column=column,
                                     drop=float(special.chdtri(1, 1 - level)) / 2, upward=upward)
                 for level in levels] for upward in (False, True)]  # fmt: skip
        start = best.coefficients.copy()
        start[column] = 0.0
        none = firth.maximise(family, design, events, base, start=start, kept=plain.kept, fixed=column)
        chance = float(special.chdtrc(1, max(2 * (best.log_likelihood - none.log_likelihood), 0.0)))
        found[int(at)] = (float(best.coefficients[column]), np.array(ends[0]), np.array(ends[1]), chance)
    return found


def _change(fitted: Ladder, at: int, levels: FloatArray) -> Found:
    """Ratio of a rung's adjusted_rri to that of the rung below, from the covariance of both."""
    above, below, options = fitted.rungs[at], fitted.rungs[at - 1], fitted.options
    size, count = len(fitted.sample.groups), len(fitted.rungs)
    spread = fitted.rates
    assert spread is not None, "made wherever there are two rungs"
    compared, reference = _compared(above.rates.groups, options.reference)
    slope, value = np.zeros((len(compared), size * count)), np.zeros(len(compared))
    for one, place, sign in ((above, at, 1.0), (below, at - 1, -1.0)):
        theta = one.rates.estimates
        slope[:, place * size : (place + 1) * size] = (
            sign * _differences(compared, reference, size) / np.where(theta > 0, theta, 1.0)
        )
        value += sign * _against(np.log(np.where(theta > 0, theta, np.nan)), compared, reference)
    status = _contrast_status(above, compared, reference)
    status = np.where(status == "ok", _contrast_status(below, compared, reference), status)
    error = _error(spread.covariance, slope)
    suffix = f"_{options.clusters.name}" if options.clusters is not None else "_by_row"
    if options.clusters is None:
        error = error * np.sqrt(max(above.scale, below.scale))
    lower, upper = limits(value, error, levels, scale="log", degrees=spread.degrees)
    groups = tuple(above.rates.groups[place] for place in compared)
    method = np.full(len(compared), above.method + suffix)
    # a rung that adds nothing changes nothing, with certainty
    same = (np.abs(value) < 1e-12) & (error < 1e-12)
    status = np.where(same, status, _with_error(status, error, most=_UNTELLING))
    return Found("rung_change", above.rung.name, groups, np.exp(value), lower, upper,
                 two_sided(value, error, spread.degrees), status, method,
                 term=below.rung.name, reference=options.reference)  # fmt: skip


def _dispersion(one: Fitted, levels: FloatArray) -> Found:
    found, wide = one.dispersion, np.full((1, len(levels)), np.nan)
    status = "ok" if np.isfinite(found.ratio) else "too_few"
    return Found("dispersion", one.rung.name, (ALL,), np.array([found.ratio]), wide, wide, np.array([found.p_value]),
                 np.array([status]), np.array(["pearson"]))  # fmt: skip


def _compared(groups: tuple[str, ...], reference: str) -> tuple[IntArray, int]:
    places = [at for at, group in enumerate(groups) if group not in (*NOT_GROUPS, reference)]
    return np.array(sorted(places, key=lambda at: groups[at]), dtype=np.intp), (
        groups.index(reference) if reference in groups else -1
    )


def _contrast_status(one: Fitted, compared: IntArray, reference: int, *, of_coefficients: bool = False) -> StrArray:
    if one.status != "ok":
        return np.full(len(compared), one.status)
    if reference < 0:
        return np.full(len(compared), "no_reference")
    own, levels = one.contrasts.status[compared], one.rates.status
    if of_coefficients:
        separated = levels[compared] == "separated" if one.fit.penalty == "firth" else np.zeros(len(own), dtype=bool)
        return np.where((own == "ok") & separated, "separated", own).astype("<U20")
    for side in (levels[compared], np.broadcast_to(levels[reference], len(compared))):
        own = np.where(own == "ok", side, own)
    return own.astype("<U20")


def _differences(compared: IntArray, reference: int, size: int) -> FloatArray:
    """Rows with 1 at a group and -1 at the reference: shape (compared, groups)."""
    slope = np.zeros((len(compared), size))
    slope[np.arange(len(compared)), compared] = 1.0
    slope[:, max(reference, 0)] -= 1.0
    return slope


def _against(values: FloatArray, compared: IntArray, reference: int) -> FloatArray:
    return np.asarray(values[compared] - values[max(reference, 0)], dtype=np.float64)


def _error(covariance: FloatArray, slope: FloatArray) -> FloatArray:
    variance = np.einsum("kp,pq,kq->k", slope, covariance, slope, optimize=True)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), dtype=np.float64)


def _with_error(status: StrArray, error: FloatArray, *, most: float = float("inf")) -> StrArray:
    """An estimate without any variation to judge it by, or with no end of it, has too few of something."""
    return np.where((status == "ok") & ~((error > 0) & (error < most)), "too_few", status).astype("<U20")
