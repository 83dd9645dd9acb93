"""The stages of a pathway side by side: what may be compared, the counts, and how surely each is known."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.comparison import Comparison
from yjd.metrics.counts import NOT_GROUPS, STRATUM, USABLE, Counts, Side, prepare
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

    def pair(self, above: int, below: int) -> Pair:
        """Two stages by their places."""
        return Pair(above, below, nested=below in self.within[above])

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
class Pair:
    """Two stages (places in the route) to be compared, and the others that the result rests on as well."""

    above: int
    below: int
    nested: bool = False  # above is part of below
    also: tuple[int, ...] = ()


@dataclass(frozen=True)
class PathwayCells:
    """Cells that several pathways or references are asked of: `pathway` takes it in the place of a frame.

    What is worked out of the cells is kept and used again, so the frame must not change in between.
    """

    frame: pd.DataFrame
    found: dict[Hashable, Any] = field(default_factory=dict, compare=False)  # what was worked out of it before

    @classmethod
    def of(cls, cells: pd.DataFrame | PathwayCells) -> PathwayCells:
        """Take a frame, or what was made of it before."""
        return cells if isinstance(cells, PathwayCells) else cls(cells)

    def stages(self, steps: tuple[str, ...], measure: str) -> Stages:
        """Set these stages side by side, once."""
        if (steps, measure) not in self.found:
            self.found[steps, measure] = Stages.of(self.frame, steps, measure)
        stages: Stages = self.found[steps, measure]
        return stages


@dataclass(frozen=True)
class Stages:
    """Every stage's cells beside each other: `count` and `squares` have shape (stages, rows)."""

    keys: pd.DataFrame
    count: FloatArray
    squares: FloatArray | None
    sides: list[Side]
    found: dict[Hashable, Counts] = field(default_factory=dict, compare=False)  # pairs, whatever the reference

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

    def compare(self, pairs: Sequence[Pair], reference: str, *, squares: bool = False) -> list[Comparison]:
        """Each pair's counts (or sums of squares), every group beside the reference.

        All pairs go through one comparison, as strata of their own: several times as fast as one after the other.
        """
        asked = (tuple(pairs), squares)
        if asked not in self.found:
            self.found[asked] = self._side_by_side(pairs, squares=squares)
        together = Comparison.of(self.found[asked], reference, "rate")
        keys = self.keys[~self.keys["group"].isin([*NOT_GROUPS, reference])].reset_index(drop=True)
        places = np.arange(len(together.frame)).reshape(len(pairs), -1)
        return [_taken(together, keys, place, nested=pair.nested) for pair, place in zip(pairs, places, strict=True)]

    def _side_by_side(self, pairs: Sequence[Pair], *, squares: bool) -> Counts:
        """Every pair's counts below each other; all was checked with the cells, so it is not checked again."""
        count = self.squares if squares and self.squares is not None else self.count
        stratum = self.keys.groupby(list(STRATUM), sort=False).ngroup().to_numpy().astype(np.intp)
        size = int(stratum.max(initial=-1)) + 1
        rests_on = [dict.fromkeys((pair.above, pair.below, *pair.also)) for pair in pairs]
        worst = [reduce(Side.plus, (self.sides[place] for place in places)) for places in rests_on]
        above = np.concatenate([count[pair.above] for pair in pairs])
        status = np.concatenate([side.status for side in worst])
        own = Side(
            above, np.concatenate([count[pair.below] for pair in pairs]),
            np.where(np.isnan(above) & np.isin(status, USABLE), "not_available", status),
            np.concatenate([side.disclosure for side in worst]),
        )  # fmt: skip
        rows = np.tile(np.arange(len(self.keys)), len(pairs))
        frame = pd.DataFrame({"group": self.keys["group"].array.take(rows)})
        return Counts(frame, np.concatenate([stratum + size * number for number in range(len(pairs))]), own)


def _taken(together: Comparison, keys: pd.DataFrame, place: NDArray[np.intp], *, nested: bool) -> Comparison:
    """One pair out of many; more in a part than in its whole is inconsistent."""
    own, against, apart, known, unknown = (
        getattr(together, side).at(place) for side in ("own", "against", "apart", "known", "unknown")
    )
    status = together.status[place]
    if nested:
        over = (own.numerator > own.denominator) | (apart.numerator > apart.denominator)
        status = np.where(over & np.isin(status, USABLE), "inconsistent", status)
    return Comparison(keys, own, against, apart, known, unknown, status)
