"""The smallest change that the data could have shown, and when the target's change would become visible.

Both are of the rule that verdicts follow: the ratio and the group's own rate must both be better, each by its own
test at the corrected level, after the allowance for a changing share of unknown ethnicity. What is asked is how often
that would happen if the group's rate became so many times what it was and the reference's stayed. Chance is taken as
normal: of the logs of the other three counts, and of a root of the group's count now (Anscombe 1948, Biometrika
35:246-254), on which the standard error of the test depends. With exact tests half an event is added to what they ask
for. The share of unknown ethnicity is unchanged but for chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from yjd.metrics.intervals import FloatArray
from yjd.progress.recording import CLEAR, excess_error

_LARGEST = 3.0  # log of a change by a factor of 20
_FEWEST = 3.0  # events that must be left to be expected
_HALVINGS, _STEPS = 14, 6
_CERTAIN = 1e12  # events that leave nothing to chance
_LATER = 40  # periods that one may be asked to wait
_CHANCE, _CHANCE_WEIGHT = np.polynomial.hermite_e.hermegauss(7)
_OWN, _OTHER = (grid.ravel() for grid in np.meshgrid(_CHANCE, _CHANCE, indexing="ij"))
_WEIGHT = np.outer(_CHANCE_WEIGHT, _CHANCE_WEIGHT).ravel() / _CHANCE_WEIGHT.sum() ** 2
# the share of unknown ethnicity moves by chance: mostly too little to be noticed, else by about so many standard errors
_TAIL = float(special.ndtr(-CLEAR))
_UNKNOWN = ((-2.34, _TAIL), (0.0, 1 - 2 * _TAIL), (2.34, _TAIL))
_NAMES = ("a1", "A1", "A2", "b1", "B1", "b2", "B2", "u1", "n1", "n2")


@dataclass(frozen=True)
class Volumes:
    """What power depends on; arrays have shape (rows,).

    Attributes
    ----------
    counts : dict of str to array
        a1, A1, A2, b1, B1, b2, B2, u1, n1 and n2 as in `yjd.progress.changes`.
    own, other : array
        How many times as large as of independent events the variance of the group's, and of the reference's, change is.
    exact, proportion, alone, up : array of bool
        Whether the rate's test is exact; the kind; whether there is no reference; whether higher is better.
    """

    counts: dict[str, FloatArray]
    own: FloatArray
    other: FloatArray
    exact: np.ndarray
    proportion: np.ndarray
    alone: np.ndarray
    up: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Volumes:
        """Read them off comparisons with their changes and the column `better` (-1 lower, 1 higher)."""
        counts = _counts(frame)
        proportion = (frame["kind"] == "proportion").to_numpy(dtype=bool)
        alone = (frame["reference"] == "").to_numpy(dtype=bool)
        variances = [frame[f"{name}_change_se"].to_numpy(dtype=np.float64) ** 2 for name in ("rate", "ratio")]
        with np.errstate(divide="ignore", invalid="ignore"):
            own = variances[0] / sum(_variance(counts[f"a{t}"], counts[f"A{t}"], proportion) for t in (1, 2))
            other = (variances[1] - variances[0]) / sum(
                _variance(counts[f"b{t}"], counts[f"B{t}"], proportion) for t in (1, 2)
            )
        method = frame["rate_change_method"]
        return cls(
            counts, np.clip(own, 0.05, 100), np.where(alone, 0.0, np.clip(other, 0.05, 100)),
            (method.str.startswith("exact") | method.str.startswith("from_")).to_numpy(dtype=bool), proportion, alone,
            (frame["better"] > 0).to_numpy(dtype=bool),
        )  # fmt: skip

    def column(self, name: str) -> FloatArray:
        """One count as shape (rows, 1)."""
        return self.counts[name][:, None]


def power(volumes: Volumes, size: FloatArray, z: FloatArray, periods: FloatArray | float = 1.0) -> FloatArray:
    """How often a change of this size would be called an improvement.

    Parameters
    ----------
    volumes : Volumes
        Of shape (rows,).
    size : array, shape (rows, sizes)
        Size of the change of the group's rate on the log scale, 0 or more, in the better direction.
    z : array, shape (rows,)
        How many standard errors a two-sided test asks for.
    periods : array, shape (rows, sizes), or float
        How many later periods are taken together.

    Returns
    -------
    array, shape (rows, sizes)
        NaN where a count is not known.
    """
    sign = np.where(volumes.up, 1.0, -1.0)[:, None]
    kind, alone = volumes.proportion[:, None], volumes.alone[:, None]
    own, half = volumes.own[:, None], np.where(volumes.exact[:, None] & ~kind, 0.5, 0.0)
    a1, first, second = volumes.column("a1"), volumes.column("A1"), volumes.column("A2") * periods
    b1, b2 = volumes.column("b1"), volumes.column("b2") * periods
    with np.errstate(all="ignore"):
        mean = a1 * second / first * np.exp(sign * size)  # the events now, had the rate changed so
        then = _variance(a1, first, kind)
        other = volumes.other[:, None] * (
            _variance(b1, volumes.column("B1"), kind) + _variance(b2, volumes.column("B2") * periods, kind)
        )
        other = np.where(alone, 0.0, other)
        centre = _stable(mean, second, kind) - np.where(kind, 0.0, own / (4 * np.sqrt(mean)))
        unchanged, error, apart = np.log(a1 * second / first), np.sqrt(own * then), np.sqrt(other)
        asked = sign * z[:, None]
        total = np.zeros(np.broadcast_shapes(mean.shape, size.shape))
        for moved, share in _UNKNOWN:
            for_rate, for_ratio = _allowance(volumes, moved, mean, b2, periods)
            # the last axis has the chance values of the baseline's events and of the reference
            past = unchanged[..., None] + error[..., None] * _OWN
            held = past + (sign * for_ratio)[..., None] + apart[..., None] * _OTHER
            side = _Side(*(part[..., None] for part in (asked, own, then, second, kind)))
            rate = _threshold(past + (sign * for_rate)[..., None], side, half=half[..., None], other=0.0)
            ratio = _threshold(held, side, half=0.0, other=other[..., None])
            way = sign[..., None]
            bound = np.where(alone[..., None], rate, way * np.maximum(way * rate, way * ratio))
            beyond = -way * (_stable(np.exp(bound), side.base, side.kind) - centre[..., None]) / np.sqrt(own)[..., None]
            total += share * (special.ndtr(beyond) * _WEIGHT).sum(axis=-1)
        possible = (mean >= _FEWEST) & (~kind | (mean < second))
        return np.where(possible, total, np.where(np.isnan(mean), np.nan, 0.0))


def _stable(events: FloatArray, base: FloatArray, kind: np.ndarray) -> FloatArray:
    """Events on a scale on which chance is about the same everywhere, 1 where they are independent (Anscombe 1948)."""
    share = np.clip((events + 0.375) / (base + 0.75), 0.0, 1.0)
    return np.asarray(np.where(kind, 2 * np.sqrt(base + 0.5) * np.arcsin(np.sqrt(share)), 2 * np.sqrt(events + 0.375)))


class _Side(NamedTuple):
    """What a threshold on the events now depends on; all broadcast together. The sign of z is the better direction."""

    z: FloatArray
    own: FloatArray
    then: FloatArray
    base: FloatArray
    kind: np.ndarray


def _threshold(held: FloatArray, side: _Side, *, half: FloatArray | float, other: FloatArray | float) -> FloatArray:
    """Log of the events now at which a test just passes, by Newton's method: its standard error depends on them."""
    z, own, then, base, kind = side
    log = held - np.abs(z) * np.sqrt(own * 2 * then + other) * -np.sign(z)
    for _ in range(_STEPS):
        events = np.exp(np.clip(log, -20, 40))
        variance = own * (1 / events - np.where(kind, 1 / base, 0.0) + then) + other
        error = np.sqrt(np.maximum(variance, 1e-12))
        extra = np.sign(z) * half * own * (1 / events + then)
        off = log - z * error - extra - held
        slope = 1 + z * own / (2 * error * events) + np.sign(z) * half * own / events
        log = log - off / np.where(np.abs(slope) < 0.2, 0.2, slope)
    return np.asarray(log)


def smallest_detectable(volumes: Volumes, z: FloatArray, wanted: float) -> FloatArray:
    """The smallest size of a change (log scale) that is found with this power; inf where none is; shape (rows,)."""
    with np.errstate(all="ignore"):
        events = volumes.counts["a1"] * volumes.counts["A2"] / volumes.counts["A1"]
        room = np.where(volumes.up & volumes.proportion, np.log(volumes.counts["A2"] / events) - 1e-6, _LARGEST)
        room = np.where(volumes.up, room, np.log(events / _FEWEST))
    high = np.clip(room, 0.0, _LARGEST)
    low = np.zeros(len(z))
    reached = power(volumes, high[:, None], z)[:, 0]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = power(volumes, middle[:, None], z)[:, 0] >= wanted
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.where(np.isnan(reached), np.nan, np.where(reached >= wanted, high, np.inf))


def periods_until_visible(volumes: Volumes, size: FloatArray, z: FloatArray, wanted: float) -> FloatArray:
    """How many later periods, taken together, would show a change of this size (log scale); inf beyond 40.

    Volumes stay as they are now; the baseline stays what it was, so that a small one may never be enough.
    """
    last = power(volumes, size[:, None], z, np.full((len(size), 1), float(_LATER)))[:, 0]
    low, high = np.zeros(len(size)), np.full(len(size), float(_LATER))
    while (high - low > 1).any():
        middle = np.ceil((low + high) / 2)
        enough = power(volumes, size[:, None], z, middle[:, None])[:, 0] >= wanted
        low, high = np.where(enough, low, np.minimum(middle, high - 1)), np.where(enough, middle, high)
    return np.where(np.isnan(size) | np.isnan(last), np.nan, np.where(last >= wanted, high, np.inf))


def _counts(frame: pd.DataFrame) -> dict[str, FloatArray]:
    """Counts by name. A baseline by values has no chance in it: as of very large counts at those values."""
    counts = {name: frame[name].to_numpy(dtype=np.float64) for name in (*_NAMES, "a2")}
    fixed = (frame["baseline"] == "").to_numpy(dtype=bool)
    change = {name: frame[f"{name}_change"].to_numpy(dtype=np.float64) for name in ("rate", "ratio")}
    with np.errstate(all="ignore"):
        rates = {
            "a": counts["a2"] / counts["A2"] / np.exp(change["rate"]),
            "b": counts["b2"] / counts["B2"] / np.exp(change["rate"] - change["ratio"]),
        }
    for letter, rate in rates.items():
        counts[f"{letter}1"] = np.where(fixed, _CERTAIN * rate, counts[f"{letter}1"])
        counts[f"{letter.upper()}1"] = np.where(fixed, _CERTAIN, counts[f"{letter.upper()}1"])
    return counts | {name: np.where(fixed, 0.0, counts[name]) for name in ("u1", "n1")}


def _variance(events: FloatArray, base: FloatArray, proportion: np.ndarray) -> FloatArray:
    """Variance of the log of a rate of independent events."""
    return np.asarray((1 - np.where(proportion, events / base, 0.0)) / events)


def _allowance(
    volumes: Volumes, moved: float, a2: FloatArray, b2: FloatArray, periods: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """What the allowance for unknown ethnicity asks of the rate and of the ratio besides (log, 0 or more).

    `moved` is by how many standard errors the share has moved. What would undo an improvement is the group's events
    hidden in the unknown now, or the reference's then; where higher is better, the other way round.
    """
    if moved == 0:
        return np.zeros(1), np.zeros(1)
    n1, n2 = volumes.column("n1"), volumes.column("n2") * periods
    more = moved * excess_error(volumes.column("u1"), n1, n1, n2)
    now, then = np.maximum(more, 0.0), np.nan_to_num(np.maximum(-more, 0.0) * n1 / n2)
    up, kind = volumes.up[:, None], volumes.proportion[:, None]

    def move(added: FloatArray, events: FloatArray, base: FloatArray) -> FloatArray:
        return np.asarray(np.log1p(added / events) - np.where(kind, np.log1p(added / base), 0.0))

    rate = np.where(
        up, move(then, volumes.column("a1"), volumes.column("A1")), move(now, a2, volumes.column("A2") * periods)
    )
    ratio = rate + np.where(
        up, move(now, b2, volumes.column("B2") * periods), move(then, volumes.column("b1"), volumes.column("B1"))
    )
    return np.nan_to_num(rate), np.nan_to_num(ratio)
