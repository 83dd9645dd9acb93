"""Strata of several dimensions, and the two models of them that are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from yjd.metrics.intervals import FloatArray, StrArray
from yjd.models.design import Design, Rung, build
from yjd.models.fit import Fit, fit_rung
from yjd.models.intercepts import Fitted, fit_intercepts
from yjd.models.quadrature import Clustered
from yjd.models.sample import GROUP, IntArray, Sample

LEAST_LEFT = 4  # strata more than coefficients, or areas more than the overall rate: a variance needs a few


@dataclass(frozen=True)
class Strata:
    """One row for each stratum that has a base, in the order of its labels.

    Attributes
    ----------
    labels : mapping
        Dimension -> label of each stratum, shape (strata,).
    events, base : arrays, shape (strata,)
        The counts.
    rung : Rung
        The main terms, with the strata as patterns in their first order.
    order : array of int, shape (strata,)
        The pattern of each stratum in the rung.
    """

    labels: Mapping[str, StrArray]
    events: FloatArray
    base: FloatArray
    rung: Rung
    order: IntArray

    def counterpart(self, group: str) -> IntArray:
        """The place of this group's stratum of otherwise the same labels; -1 where there is none."""
        rest = [values for name, values in self.labels.items() if name != GROUP]
        number = np.zeros(len(self.base), dtype=np.intp)
        for values in rest:
            found, codes = np.unique(values, return_inverse=True)
            number = number * len(found) + codes
        place = np.full(int(number.max()) + 1, -1, dtype=np.intp)
        own = np.flatnonzero(self.labels[GROUP] == group)
        place[number[own]] = own
        return place[number]


@dataclass(frozen=True)
class Model:
    """One of the two models.

    Attributes
    ----------
    term : str
        null or main.
    status : str
        ok, or why there is no model.
    rows : array of int
        The strata that it is of: all but those that are separated.
    fitted : Fitted or None
        The model, where it was tried.
    """

    term: str
    status: str
    rows: IntArray
    fitted: Fitted | None = None

    def of_strata(self, size: int) -> StrArray:
        """Status of each stratum."""
        status = np.full(size, self.status if self.status != "ok" else "separated", dtype="<U20")
        status[self.rows] = self.status
        return status


def strata_of(sample: Sample, dimensions: tuple[str, ...], reference: str) -> Strata:
    """Sum a sample over the strata that some dimensions make."""
    rung = build(sample, [name for name in dimensions if name != GROUP], reference=reference)
    _, first = np.unique(rung.row, return_index=True)
    factors = [sample.factors[name] for name in (GROUP, *(name for name in dimensions if name != GROUP))]
    order = np.lexsort([factor.codes[first] for factor in reversed(factors)])
    names = (GROUP, *(name for name in dimensions if name != GROUP))
    labels = {name: np.array(factor.levels, dtype=np.str_)[factor.codes[first][order]]
              for name, factor in zip(names, factors, strict=True)}  # fmt: skip
    return Strata(labels, rung.events[order], rung.base[order], rung, order)


def dense(design: Design) -> FloatArray:
    """The matrix of a design, written out: only for designs of few rows."""
    return design.linear(np.eye(design.width))


def set_aside(fit: Fit) -> FloatArray:
    """In which direction, if any, each row's fitted probability goes to its end: shape (rows,)."""
    if not fit.infinite.any():
        return np.zeros(fit.design.rows)
    along = fit.design.linear(fit.infinite)
    return np.where(np.abs(along) > 1e-7 * np.abs(along).max(), along, 0.0)


def refused(sample: Sample) -> str:
    """Why no model can be fitted at all; empty where one can be tried."""
    if sample.inconsistent:
        return "inconsistent"
    if sample.events.sum() == 0:
        return "no_events"
    if sample.kind == "proportion" and sample.events.sum() >= sample.base.sum() * (1 - 1e-12):
        return "separated"
    return ""


def fit_models(sample: Sample, made: Strata) -> tuple[Model, Model]:
    """Fit the null model and the model with main terms."""
    every = np.arange(len(made.base))
    why = refused(sample)
    if why:
        return Model("null", why, every), Model("main", why, every)
    plain = fit_rung(made.rung, family="binomial" if sample.kind == "proportion" else "poisson")
    rate = float(sample.events.sum() / sample.base.sum())
    start = np.array([plain.family.link(rate)])
    null = _model("null", sample, made, np.ones((len(every), 1)), start, every)
    rows = np.flatnonzero(set_aside(plain)[made.order] == 0)
    matrix = dense(made.rung.design)[np.ix_(made.order[rows], plain.kept)]
    return null, _model("main", sample, made, matrix, plain.coefficients[plain.kept], rows)


def _model(
    term: str, sample: Sample, made: Strata, matrix: FloatArray, start: FloatArray, rows: IntArray
) -> Model:  # fmt: skip
    if len(rows) < len(start) + LEAST_LEFT:
        return Model(term, "too_few", np.arange(len(made.base)))
    counts = Clustered.of(sample.kind, matrix, made.events[rows], made.base[rows], np.arange(len(rows)))
    fitted = fit_intercepts(counts, start)
    return Model(term, "ok" if fitted.converged else "not_converged", rows, fitted)
