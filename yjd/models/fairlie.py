"""The numbers of a decomposition: one fit, averages over pairs and orders, and one covariance of all parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yjd.metrics.counts import NOT_GROUPS
from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models.clusters import Clusters
from yjd.models.design import Rung, build, group_last, null_space
from yjd.models.fit import Fit, fit_rung
from yjd.models.influence import Dense, OfScores, Stacked
from yjd.models.rungs import FLOOR
from yjd.models.sample import GROUP, IntArray, Sample
from yjd.models.shapley import Crossed, crossed, weights_of_sets


@dataclass(frozen=True)
class Parts:
    """What was found of each group. The terms are the adjusters, explained, unexplained and gap.

    Shapes: values (groups, terms), covariance (groups, terms, terms), status (groups, terms).
    """

    groups: tuple[str, ...]
    values: FloatArray
    covariance: FloatArray
    degrees: float
    status: StrArray
    method: str


@dataclass(frozen=True)
class _Model:
    """One fit, with what each adjuster adds to each pattern's linear predictor.

    Shapes: labels (patterns, adjusters): the column of the design, -1 for a baseline; adds the same; group (patterns,).
    """

    built: Rung
    fit: Fit
    start: float
    labels: IntArray
    adds: FloatArray
    group: IntArray


def decomposed(sample: Sample, adjusters: Sequence[str], reference: str, clusters: Clusters, seed: int) -> Parts:
    """Share each group's gap among the adjusters, the rest of the explained part, and what is unexplained.

    Parameters
    ----------
    sample : Sample
        At least two groups, with the reference and with events.
    adjusters : sequence of str
        Factors of the sample.
    reference : str
        Whose equation gives the explained part.
    clusters : Clusters
        Which records belong together.
    seed : int
        See :func:`yjd.models.shapley.weights_of_sets`.
    """
    model = _model(sample, adjusters, reference)
    fitted, names = model.fit, model.built.design.groups
    compared = np.array(sorted((at for at, name in enumerate(names) if name not in (*NOT_GROUPS, reference)),
                               key=lambda at: names[at]), dtype=np.intp)  # fmt: skip
    size, count = len(adjusters) + 1, len(compared)
    gradients = np.zeros((model.built.design.width, count * size))
    shift = np.zeros((model.built.design.rows, count * size)) if sample.kind == "proportion" else None
    values = np.zeros((count, size))
    orders = weights_of_sets(len(adjusters), seed=seed)
    for at, group in enumerate(compared):
        columns = slice(at * size, (at + 1) * size)
        moved = None if shift is None else shift[:, columns]
        values[at] = _contributions(model, int(group), orders, gradients[:, columns], moved)
    event, other = fitted.family.parts(fitted.linear, fitted.base)
    scores = OfScores(model.built.design, model.built.row, fitted.covariance @ gradients, event, other, shift)
    gap, gaps = _raw(sample, [names[at] for at in compared], reference)
    spread = clusters.covariance(sample, Stacked([scores, gaps]))
    turn = _from_stacked(len(adjusters))
    covariance = np.zeros((count, size + 2, size + 2))
    for at in range(count):
        own = np.append(np.arange(at * size, (at + 1) * size), count * size + at)
        covariance[at] = turn @ spread.covariance[np.ix_(own, own)] @ turn.T
    whole = np.column_stack([values, gap]) @ turn.T
    family = "logit" if sample.kind == "proportion" else "poisson"
    status = _statuses(sample, model, adjusters, compared)
    return Parts(
        tuple(names[at] for at in compared), whole, covariance, spread.degrees, status,
        f"fairlie_{family}_{clusters.name}",
    )  # fmt: skip


def _from_stacked(adjusters: int) -> FloatArray:
    """Adjusters, explained, gap into adjusters, explained, unexplained, gap."""
    turn = np.zeros((adjusters + 3, adjusters + 2))
    turn[np.arange(adjusters + 1), np.arange(adjusters + 1)] = 1.0
    turn[-2, -2:] = (-1.0, 1.0)
    turn[-1, -1] = 1.0
    return turn


def _model(sample: Sample, adjusters: Sequence[str], reference: str) -> _Model:
    built = build(sample, adjusters, reference=reference)
    fitted = fit_rung(built, family="binomial" if sample.kind == "proportion" else "poisson")
    columns = {column: at for at, column in enumerate(built.design.columns)}
    first = np.unique(built.row, return_index=True)[1]
    labels = np.zeros((len(first), len(adjusters)), dtype=np.intp)
    for at, name in enumerate(adjusters):
        factor = sample.factors[name]
        place = np.array([columns.get((name, level), -1) for level in factor.levels], dtype=np.intp)
        labels[:, at] = place[factor.codes[first]]
    adds = np.where(labels >= 0, fitted.values[np.maximum(labels, 0)], 0.0)
    return _Model(built, fitted, float(fitted.values[0]), labels, adds, built.design.blocks[0].codes)


@dataclass(frozen=True)
class _Side:
    """One of the two groups set beside each other.

    Shapes: rows, mass (patterns of the group,); columns, adds (patterns, adjusters), with columns counted from 1 and 0
    for a baseline; shift (adjusters + 1, patterns), which is filled in place.
    """

    rows: IntArray
    mass: FloatArray
    columns: IntArray
    adds: FloatArray
    shift: FloatArray

    @classmethod
    def of(cls, model: _Model, group: int) -> _Side:
        rows = np.flatnonzero(model.group == group)
        base, adds = model.fit.base[rows], model.adds[rows]
        shift = np.zeros((adds.shape[1] + 1, len(rows)))
        return cls(rows, base / base.sum(), np.asfortranarray(model.labels[rows] + 1), adds, shift)


def _contributions(
    model: _Model, group: int, orders: dict[int, FloatArray], gradients: FloatArray, shift: FloatArray | None
) -> FloatArray:
    """Each adjuster's share and the explained part: shape (adjusters + 1,). Fills gradients and shift in place."""
    adjusters = model.adds.shape[1]
    full = 2**adjusters - 1
    own, others = _Side.of(model, group), _Side.of(model, 0)
    values, slopes = np.zeros(adjusters + 1), np.zeros((len(gradients) + 1, adjusters + 1))
    for chosen, shares in orders.items():
        weights = np.append(shares, float(chosen == full) - float(chosen == 0))
        inside = np.array([bool(chosen >> part & 1) for part in range(adjusters)])
        mean, slope = _average(model, own, others, inside)
        values += weights * mean.value
        slopes[1] += weights * slope.value
        loads = own.mass * slope.of_first, others.mass * slope.of_second
        for part in range(adjusters):
            side, load = (own, loads[0]) if inside[part] else (others, loads[1])
            sums = np.bincount(side.columns[:, part], weights=load)
            slopes[: len(sums)] += sums[:, None] * weights
        if shift is not None:
            for side, at in ((own, mean.of_first), (others, mean.of_second)):
                apart = at - mean.value
                for target in np.flatnonzero(weights):  # with many adjusters a set matters to a few
                    side.shift[target] += weights[target] * apart
    gradients[:] = slopes[1:]
    if shift is not None:
        for side in (own, others):
            shift[side.rows] = side.shift.T / model.fit.base[side.rows].sum()
    return values


def _average(model: _Model, own: _Side, others: _Side, inside: np.ndarray) -> tuple[Crossed, Crossed]:
    """Average prediction of the reference's equation, and its slope, with the group's labels for some adjusters."""
    first = own.adds @ inside.astype(np.float64)
    second = others.adds @ (~inside).astype(np.float64) + model.start
    functions = (model.fit.family.mean, model.fit.family.slope)
    if inside.all() or not inside.any():  # one of the two is the same for everybody: no pairs
        kept, mass = (first + model.start, own.mass) if inside.all() else (second, others.mass)
        found = []
        for function in functions:
            at = function(kept)
            value = float(mass @ at)
            same = np.full(len(others.rows if inside.all() else own.rows), value)
            found.append(Crossed(value, at, same) if inside.all() else Crossed(value, same, at))
        return found[0], found[1]
    pair = crossed(functions, (first, own.mass), (second, others.mass))
    return pair[0], pair[1]


def _raw(sample: Sample, compared: Sequence[str], reference: str) -> tuple[FloatArray, Dense]:
    """Raw gaps, shape (compared,), and what each row contributes to them."""
    base, events = sample.by_group(sample.base), sample.by_group(sample.events)
    rate, code = events / base, sample.factors[GROUP].codes
    places = [sample.groups.index(name) for name in compared]
    against = sample.groups.index(reference)
    load = np.zeros((len(code), len(places)))
    for at, place in enumerate(places):
        load[:, at] = (code == place) / base[place] - (code == against) / base[against]
    less = rate[code][:, None]
    event = load * (1 - less) if sample.kind == "proportion" else load
    return rate[places] - rate[against], Dense(event, -less * load)


def _statuses(sample: Sample, model: _Model, adjusters: Sequence[str], compared: IntArray) -> StrArray:
    """Shape (groups, terms)."""
    fitted, design = model.fit, model.built.design
    status = np.full((len(compared), len(adjusters) + 3), "ok", dtype="<U20")
    null = null_space(design.cross(fitted.base), group_last(design))[1]
    tied = {design.columns[at][0] for at in np.flatnonzero((np.abs(null) > 1e-9).any(axis=1))}
    for at, name in enumerate(adjusters):
        if name in tied:
            status[:, at] = "collinear"
    for states in (fitted.contrast_status, fitted.level_status):
        for side in (states[compared], np.full(len(compared), states[0])):
            wrong = side != "ok"
            status[wrong] = side[wrong, None]
    scarce = sample.events.sum()
    if sample.kind == "proportion":
        scarce = min(scarce, sample.base.sum() - scarce)
    if scarce < FLOOR * len(fitted.kept):
        status[:] = "too_few"
    elif not fitted.converged:
        status[:] = "not_converged"
    return status
