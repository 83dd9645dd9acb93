"""The stages of a pathway side by side: what may be compared, the counts, and how surely each is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import STRATUM, USABLE, Kind, Side, prepare
from yjd.metrics.intervals import FloatArray

Base = Literal["fixed", "counted"]

_ROW = (*STRATUM, "group")


@dataclass(frozen=True)
class Route:
    """The stages in order, what they count, and for each the stages that hold it (places, the nearest first)."""

    steps: tuple[str, ...]
    within: tuple[tuple[int, ...], ...]
    units: Mapping[str, str]
    sources: Mapping[str, str]
    fixed: bool

    @classmethod
    def of(
        cls,
        steps: Sequence[str],
        part_of: Mapping[str, str],
        units: Mapping[str, str],
        sources: Mapping[str, str],
        base: str,
    ) -> Route:
        """Check what a caller gives."""
        if isinstance(steps, str) or len(steps) < 2 or len(set(steps)) < len(steps):
            raise EstimationError("A pathway needs two or more different stages.", "Name each stage once, in order.")
        if base not in get_args(Base):
            raise EstimationError("The base of a pathway is fixed or counted.", "Give base one of the two.")
        place = {stage: number for number, stage in enumerate(steps)}
        within: list[tuple[int, ...]] = []
        for number, stage in enumerate(steps):
            parent = place.get(_holder(stage, part_of, place), -1)
            if parent >= number:
                raise EstimationError("A stage is part of a later one.", "Put the whole before its part in steps.")
            within.append((parent, *within[parent]) if parent >= 0 else ())
        return cls(tuple(steps), tuple(within), units, sources, base == "fixed")

    def comparable(self, above: int, below: int) -> bool:
        """Whether the way from `below` to `above` stays within one source of ethnicity and one unit."""

        def same(labels: Mapping[str, str]) -> bool:
            found = [labels.get(self.steps[place]) for place in (above, below)]
            return "mixed" not in found and (None in found or found[0] == found[1])

        return same(self.sources) and ((below == 0 and self.fixed) or same(self.units))


def _holder(stage: str, part_of: Mapping[str, str], place: Mapping[str, int]) -> str:
    """The nearest stage of the pathway that holds this one, by way of stages outside of it."""
    seen = {stage}
    holder = part_of.get(stage, "")
    while holder and holder not in place and holder not in seen:
        seen.add(holder)
        holder = part_of.get(holder, "")
    return holder


@dataclass(frozen=True)
class Stages:
    """Every stage's cells beside each other: `count` and `squares` have shape (stages, rows)."""

    keys: pd.DataFrame
    count: FloatArray
    squares: FloatArray | None
    sides: list[Side]

    @classmethod
    def of(cls, cells: pd.DataFrame, steps: Sequence[str], measure: str) -> Stages:
        """Check the cells and set the stages side by side; a cell that is not there is not available."""
        if missing := [name for name in ("stage", "group", "n") if name not in cells.columns]:
            raise EstimationError(
                f"The cells have no column {', '.join(missing)}.", "Add it, or rename a column to it."
            )
        chosen = cells[cells["stage"].isin(list(steps))]
        squared = "squares" in chosen.columns
        squares = chosen["squares"] if squared else np.nan
        tidy = prepare(chosen.assign(measure=chosen["stage"], numerator=chosen["n"], denominator=squares))
        stage = pd.Index(steps).get_indexer(pd.Index(tidy["measure"]))
        keys = tidy[list(_ROW)].assign(measure=measure)
        row = keys.groupby(list(_ROW), sort=False).ngroup().to_numpy()
        keys = keys.drop_duplicates(ignore_index=True)

        def numbers(name: str) -> FloatArray:
            full = np.full((len(steps), len(keys)), np.nan)
            full[stage, row] = tidy[name].to_numpy(dtype=np.float64)
            return full

        def words(name: str, otherwise: str) -> NDArray[np.str_]:
            given = tidy[name].to_numpy(dtype=np.str_)
            full = np.full((len(steps), len(keys)), otherwise, dtype=np.result_type(given, np.dtype("U20")))
            full[stage, row] = given
            return full

        count, status = numbers("numerator"), words("status", "ok")
        gone = np.isnan(count) & np.isin(status, USABLE)
        gone[0] = False  # a group without a base is no_denominator, as in every metric
        status = np.where(gone, "not_available", status)
        sides = [Side(*columns) for columns in zip(count, count, status, words("disclosure", "shown"), strict=True)]
        # whole events: a sum of squares is never below the sum
        return cls(keys, count, np.fmax(numbers("denominator"), count) if squared else None, sides)

    def compare(
        self, above: int, below: int, reference: str, kind: Kind = "rate", *, also: Sequence[int] = ()
    ) -> Comparison:
        """Two stages as numerator and base; a row is as usable and as open as the worst of all stages named."""
        worst = reduce(Side.plus, (self.sides[place] for place in dict.fromkeys((above, below, *also))))
        return self._compared(self.count[above], self.count[below], worst, reference, kind)

    def compare_squares(self, above: int, below: int, reference: str) -> Comparison | None:
        """The sums of squares in place of the counts, where there are any."""
        if self.squares is None:
            return None
        return self._compared(self.squares[above], self.squares[below], self.sides[above], reference, "rate")

    def _compared(self, above: FloatArray, below: FloatArray, worst: Side, reference: str, kind: Kind) -> Comparison:
        frame = self.keys.assign(
            numerator=above, denominator=below, status=worst.status, disclosure=worst.disclosure
        )  # fmt: skip
        return Comparison.of(frame, reference, kind)
