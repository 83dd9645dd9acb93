"""Counts set out in time: one series a row, one period a column, and the runs that no break interrupts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.counts import STRATUM, USABLE, Kind, Side
from yjd.metrics.intervals import FloatArray, StrArray

Times = Mapping[str, float]
Breaks = Mapping[str, Sequence[str]] | Sequence[str]

_KEYS = [*(name for name in STRATUM if name != "period"), "group"]
_UNSEEN = ("censored", "not_available")  # what a series may lack at its ends
# what spoils a run, from the most to the least binding
_SPOILERS = ("hidden", "censored", "not_available", "no_denominator", "inconsistent", "no_reference")


@dataclass(frozen=True)
class Series:
    """Rows of a prepared frame by series and period.

    Attributes
    ----------
    position : array of int, shape (series, periods)
        Which row of the frame, -1 where the series has none.
    run : array of int, shape (series, periods)
        Number of the unbroken run that a period belongs to; it grows by 1 at every break.
    names : array of str, shape (periods,)
        The periods in order.
    times : array of float, shape (periods,)
        Their starts in years, or their places where no times were given.
    """

    position: NDArray[np.intp]
    run: NDArray[np.intp]
    names: StrArray
    times: FloatArray

    @classmethod
    def of(cls, frame: pd.DataFrame, status: StrArray, *, times: Times | None, breaks: Breaks) -> Series:
        """Arrange rows; a run starts at each declared break and at each row whose status is break."""
        names, starts = _in_order(frame["period"], times)
        place = pd.Index(names).get_indexer(pd.Index(frame["period"].to_numpy(dtype=object))).astype(np.intp)
        series = frame.groupby(_KEYS, sort=False).ngroup().to_numpy().astype(np.intp)
        position = np.full((int(series.max(initial=-1)) + 1, len(names)), -1, dtype=np.intp)
        position[series, place] = np.arange(len(frame))
        starts_run = np.zeros(position.shape, dtype=bool)
        starts_run[series, place] = status == "break"
        first = position.max(axis=1, initial=-1)
        measure = frame["measure"].to_numpy(dtype=object)[first] if len(frame) else np.empty(0, dtype=object)
        for measures, broken in _declared(breaks):
            column = _first_from(broken, names, starts, times)
            if column is not None:
                starts_run[np.ones(len(measure), dtype=bool) if measures is None else measure == measures, column] = (
                    True
                )
        return cls(position, np.cumsum(starts_run, axis=1, dtype=np.intp), names.astype(np.str_), starts)

    def grid(self, values: np.ndarray, absent: float | str | bool) -> np.ndarray:
        """Values of rows, shape (rows,), set out as (series, periods)."""
        if not len(values):
            return np.full(self.position.shape, absent)
        return np.asarray(np.where(self.position < 0, absent, values[self.position]))

    def rows(self, values: np.ndarray, size: int) -> np.ndarray:
        """Values by series and period put back as (rows,)."""
        found = self.position >= 0
        back = np.empty(size, dtype=values.dtype)
        back[self.position[found]] = values[found]
        return back


def cell_state(sides: Sequence[tuple[Side, str]], kind: Kind) -> StrArray:
    """Why a row of counts cannot take part in a series, `ok` if it can; shape (rows,).

    Every side is given with the status of a base that is absent. A base of 0 without events says nothing and
    spoils nothing.
    """
    state = np.full(len(sides[0][0].numerator), "ok", dtype="U16")
    for side, without_base in reversed(sides):
        usable = np.isin(side.status, USABLE)
        over = side.numerator > side.denominator if kind == "proportion" else np.zeros(len(state), dtype=bool)
        over &= side.denominator > 0
        below = (side.numerator < 0) | (side.denominator < 0)
        state = np.where(usable & (over | below), "inconsistent", state)
        no_base = np.isnan(side.denominator) | ((side.denominator == 0) & (side.numerator > 0))
        state = np.where(usable & no_base & ~over, without_base, state)
        state = np.where(usable, state, side.status)
    for side, _ in sides:
        state = np.where(side.hidden, "hidden", state)
    return state


@dataclass(frozen=True)
class LastRun:
    """The run of periods that each series ends with. Shapes: inside (series, periods), others (series,)."""

    inside: NDArray[np.bool_]
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    status: StrArray

    @classmethod
    def of(cls, series: Series, state: StrArray) -> LastRun:
        """Find it from the state of every row.

        Periods that could not be seen (censored, not available) are left out at either end; inside the run
        they spoil it, as does every other state but ok.
        """
        grid = series.grid(state, "absent")
        unseen = np.isin(grid, (*_UNSEEN, "absent"))
        nothing = np.asarray(unseen.all(axis=1))
        # of a series that was never seen, all of it: the row still needs its periods and its reason
        seen = np.asarray(np.where(nothing[:, None], grid != "absent", ~unseen))
        columns = np.arange(seen.shape[1])
        last = np.where(seen, columns, -1).max(axis=1, initial=-1)
        same = series.run == np.take_along_axis(series.run, last[:, None], axis=1)
        in_run = (same & seen) | (nothing[:, None] & seen)
        first = np.where(in_run, columns, seen.shape[1]).min(axis=1, initial=seen.shape[1])
        inside = (columns >= first[:, None]) & (columns <= last[:, None])
        status = np.full(len(grid), "ok", dtype="U16")
        for word in reversed(_SPOILERS):
            alike = (word, "absent") if word == "not_available" else (word,)
            status = np.where((inside & np.isin(grid, alike)).any(axis=1), word, status)
        return cls(inside, first, last, status)

    def frame(self, series: Series, frame: pd.DataFrame) -> pd.DataFrame:
        """Keys of each series, with the last period of its run as the period."""
        return frame.iloc[self.at_last(series)].reset_index(drop=True)

    def at_last(self, series: Series) -> NDArray[np.intp]:
        """Row of the run's last period."""
        return np.take_along_axis(series.position, self.last[:, None], axis=1)[:, 0]

    def side(self, series: Series, side: Side) -> Side:
        """Events and bases summed over the run; hidden where any period of it is."""
        sums = [
            np.where(self.inside, series.grid(values, 0.0), 0.0).sum(axis=1)
            for values in (side.numerator, side.denominator)
        ]
        shown = np.where(self.inside, series.grid(side.disclosure, "shown"), "shown")
        hidden, rounded = ((shown == word).any(axis=1) for word in ("hidden", "rounded"))
        disclosure = np.select([hidden, rounded], ["hidden", "rounded"], "shown").astype(np.str_)
        return Side(sums[0], sums[1], np.full(len(self.last), "ok"), disclosure)


def _in_order(period: pd.Series, times: Times | None) -> tuple[np.ndarray, FloatArray]:
    names = np.array(sorted(period.unique()), dtype=object)
    if not len(names):
        return np.array([""], dtype=object), np.zeros(1)
    if times is None:
        return names, np.arange(len(names), dtype=np.float64)
    missing = sum(name not in times for name in names)
    if missing:
        raise EstimationError(
            f"{missing} periods of the counts have no time.", "Give the start of every period, in years, in `times`."
        )
    starts = np.array([times[name] for name in names], dtype=np.float64)
    if not np.isfinite(starts).all() or len(np.unique(starts)) < len(starts):
        raise EstimationError(
            "Two periods start at the same time, or a time is not a number.",
            "Give counts of one kind of period, each with its own start in years.",
        )
    order = np.argsort(starts)
    return names[order], starts[order]


def _declared(breaks: Breaks) -> list[tuple[str | None, str]]:
    if isinstance(breaks, str):
        raise EstimationError("Breaks are a list of periods, not one text.", "Write ['2020'] for one break.")
    if isinstance(breaks, Mapping):
        return [(measure, name) for measure, names in breaks.items() for name in names]
    return [(None, name) for name in breaks]


def _first_from(broken: str, names: np.ndarray, starts: FloatArray, times: Times | None) -> int | None:
    """Place of the first period at or after a break; None if the series end before it."""
    if times is not None and broken not in times:
        raise EstimationError("A break is declared at a period that has no time.", "Add the period to `times`.")
    later = np.flatnonzero(names >= broken if times is None else starts >= times[broken])
    return int(later[0]) if later.size else None
