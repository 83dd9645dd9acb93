"""Rubin's rules: estimates of several completed tables made one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from yjd.errors import EstimationError
from yjd.metrics.intervals import FloatArray


@dataclass(frozen=True)
class Pooled:
    """Several estimates made one by Rubin's rules. Arrays have the shape of one estimate.

    `missing_information` is the fraction of the information that is missing because the values are.
    """

    estimate: FloatArray
    variance: FloatArray
    degrees: FloatArray
    missing_information: FloatArray


def pool(estimates: FloatArray, variances: FloatArray) -> Pooled:
    """Pool estimates of completed tables by Rubin's rules (Rubin 1987, Multiple Imputation, pages 76 to 81).

    Parameters
    ----------
    estimates, variances : array of shape (tables, ...)
        The estimate from each completed table and its variance.

    Returns
    -------
    Pooled
        With U the mean variance, B the variance between m tables and r = (1 + 1/m) B / U: the variance is
        U + (1 + 1/m) B, the degrees of freedom (m - 1) (1 + 1/r)^2 (infinite where the tables agree), and the
        fraction of missing information (r + 2 / (degrees + 3)) / (r + 1).
    """
    tables = len(estimates)
    if tables < 2:
        raise EstimationError("Rubin's rules need two completed tables or more.", "Give imputations=20.")
    within = variances.mean(axis=0)
    between = (1 + 1 / tables) * estimates.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # tables that agree but for the last digits agree
        between = np.where(between <= 1e-24 * (1 + np.square(estimates).max(axis=0)), 0.0, between)
        r = between / within
        degrees = np.where(between > 0, (tables - 1) * (1 + 1 / r) ** 2, np.inf)
        missing = np.where(between > 0, (r + 2 / (degrees + 3)) / (r + 1), 0.0)
    missing = np.where(np.isinf(r), 1.0, missing)
    return Pooled(estimates.mean(axis=0), within + between, degrees, missing)


def student_quantile(degrees: FloatArray, p: FloatArray) -> FloatArray:
    """Student's quantile, the normal one where the degrees of freedom have no end."""
    endless = degrees > 1e12
    found = special.stdtrit(np.where(endless, 1.0, degrees), p)
    return np.asarray(np.where(endless, special.ndtri(p), found))


def student_below(degrees: FloatArray, t: FloatArray) -> FloatArray:
    """Student's probability below t, the normal one where the degrees of freedom have no end."""
    endless = degrees > 1e12
    return np.asarray(np.where(endless, special.ndtr(t), special.stdtr(np.where(endless, 1.0, degrees), t)))
