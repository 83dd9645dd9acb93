"""Logarithm of the rising factorial, and its derivatives, also where gamma functions would cancel.

log G(x + c) - log G(x) is what counts c add to a marginal likelihood, and loses every digit by subtraction once x
is large beside c: just where areas hardly differ. From x = 25 Stirling's series is used, to below 1e-14.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from yjd.metrics.intervals import FloatArray

_LARGE = 25.0


def log_rising(c: FloatArray, x: FloatArray) -> FloatArray:
    """Log of G(x + c) / (G(x) x^c); arrays of one shape."""
    found = np.empty(np.shape(x))
    large = x >= _LARGE
    some_c, some_x = c[large], x[large]
    total = some_x + some_c
    found[large] = (total - 0.5) * np.log1p(some_c / some_x) - some_c + _stirling(total) - _stirling(some_x)
    some_c, some_x = c[~large], x[~large]
    found[~large] = special.gammaln(some_x + some_c) - special.gammaln(some_x) - special.xlogy(some_c, some_x)
    return found


def first(c: FloatArray, x: FloatArray) -> FloatArray:
    """Return psi(x + c) - psi(x) - log(1 + c / x)."""
    found = np.empty(np.shape(x))
    large = x >= _LARGE
    some_c, some_x = c[large], x[large]
    total = some_x + some_c
    found[large] = some_c / (2 * some_x * total) + _tail_1(total) - _tail_1(some_x)
    some_c, some_x = c[~large], x[~large]
    found[~large] = special.psi(some_x + some_c) - special.psi(some_x) - np.log1p(some_c / some_x)
    return found


def second(c: FloatArray, x: FloatArray) -> FloatArray:
    """Return psi'(x + c) - psi'(x) + c / (x (x + c))."""
    found = np.empty(np.shape(x))
    large = x >= _LARGE
    some_c, some_x = c[large], x[large]
    total = some_x + some_c
    found[large] = -some_c * (some_x + total) / (2 * (some_x * total) ** 2) + _tail_2(total) - _tail_2(some_x)
    some_c, some_x = c[~large], x[~large]
    found[~large] = special.zeta(2.0, some_x + some_c) - special.zeta(2.0, some_x) + some_c / some_x / (some_x + some_c)
    return found


def _stirling(x: FloatArray) -> FloatArray:
    square = 1 / x**2
    return np.asarray((1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / x)


def _tail_1(x: FloatArray) -> FloatArray:
    square = 1 / x**2
    return np.asarray(-square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square / 240))))


def _tail_2(x: FloatArray) -> FloatArray:
    square = 1 / x**2
    return np.asarray(square / x * (1 / 6 - square * (1 / 30 - square * (1 / 42 - square / 30))))
