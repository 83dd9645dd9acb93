"""The finest strata made ready to be completed: known counts of nested margins, and what the cells add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.metrics.counts import NOT_GROUPS, STRATUM, Counts, Kind
from yjd.metrics.intervals import FloatArray
from yjd.metrics.unknown_strata import OFFICER, tall_strata
from yjd.schema import ALL, SPLITS, UNKNOWN

Places = NDArray[np.integer[Any]]

_WITHIN = ("period", "event")  # nothing is borrowed over periods, nor from children without the event
_COARSER = (("area", OFFICER), (OFFICER,), ())


@dataclass(frozen=True)
class Margin:
    """Known counts of some margin's nodes, shape (nodes, groups), and the coarser node that each lies in.

    `rows` are the nodes of each period.
    """

    known: FloatArray
    parent: Places
    rows: list[slice]


@dataclass(frozen=True)
class Block:
    """The cells with unknown children of one measure and level, and their margins from coarse to fine.

    `periods` are those of the cells, in order, and `rows` the cells of each.
    """

    name: tuple[str, str]
    groups: list[str]
    cells: pd.DataFrame
    unknown: FloatArray
    margins: list[Margin]
    periods: list[str]
    rows: list[slice]


def places_of(index: pd.Index, wanted: pd.Index) -> Places:
    """For every entry wanted its place in the index; -1 where it is not there."""
    return index.get_indexer(wanted).astype(np.int64).reshape(-1)


@dataclass(frozen=True)
class Wanted:
    """A block, and what its cells add up to.

    Attributes
    ----------
    columns : array of int
        Place of each of the block's groups among all.
    cell : array of int
        Cells of the block, once for every margin that holds them, in the order in which they are summed.
    where : array of int
        Running number of margin and event (2 x margin, + 1 without the event) of each sum.
    starts : array of int
        Where in `cell` each sum starts.
    """

    block: Block
    columns: Places
    cell: Places
    where: Places
    starts: Places


@dataclass(frozen=True)
class KnownStrata:
    """The strata made ready: the margins, the groups, and the blocks that have anything to add."""

    keys: pd.DataFrame
    groups: tuple[str, ...]
    wanted: list[Wanted]

    @classmethod
    def of(cls, strata: pd.DataFrame, counts: pd.DataFrame | Counts, kind: Kind, *, officer: bool) -> KnownStrata:
        """Prepare once for the same counts and strata, which are known by their identity and kept."""
        data = Counts.of(counts)
        asked = (cls, id(strata), kind)
        if asked not in data.found:
            data.found[asked] = strata, tall_strata(strata, kind), {}
        _, tall, found = data.found[asked]
        if officer and not tall[OFFICER].ne("").any():
            officer = False  # then both ways are one
        if officer not in found:
            found[officer] = cls._prepared(tall if officer else tall.assign(**{OFFICER: ""}), data)
        prepared: KnownStrata = found[officer]
        return prepared

    @classmethod
    def _prepared(cls, tall: pd.DataFrame, data: Counts) -> KnownStrata:
        keys = data.frame[list(STRATUM)].drop_duplicates(ignore_index=True)
        groups = tuple(sorted(set(tall["group"].unique()) - set(NOT_GROUPS)))
        names = np.unique(pd.concat([tall["period"], keys["period"]]).astype("str"))  # in the order of their numbers
        split = (keys[list(SPLITS)] != ALL).to_numpy(dtype=bool)
        tall, codes = _numbered(tall, keys)
        found = []
        for (measure, level), part in tall.groupby(["measure", "level"], sort=True):
            wanted = np.flatnonzero(((keys["measure"] == measure) & (keys["level"] == level)).to_numpy(dtype=bool))
            block = _block((str(measure), str(level)), part, names)
            cell, place = _pairs(block.cells, codes.iloc[wanted], split[wanted])
            if not len(cell):
                continue
            # one running number for margin and event, sorted once, so that each table is one sum of slices
            number = 2 * wanted[place] + (1 - block.cells["event"].to_numpy(dtype=np.intp)[cell])
            order = np.argsort(number, kind="stable")
            where, starts = np.unique(number[order], return_index=True)
            found.append(Wanted(block, np.searchsorted(groups, block.groups), cell[order], where, starts))
        return cls(keys, groups, found)


def _numbered(tall: pd.DataFrame, keys: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Numbers for the texts of strata and margins, in the same order and much faster to sort and to match."""
    tall, keys = tall.copy(deep=False), keys.copy(deep=False)
    for name in ("period", *SPLITS):
        numbers, _ = pd.factorize(pd.concat([tall[name], keys[name]]), sort=True)
        tall[name], keys[name] = numbers[: len(tall)], numbers[len(tall) :]
    tall[OFFICER], _ = pd.factorize(tall[OFFICER], sort=True)
    return tall, keys


def _block(name: tuple[str, str], tall: pd.DataFrame, periods: np.ndarray) -> Block:
    groups = sorted(set(tall["group"].unique()) - {UNKNOWN})
    finest = [*_WITHIN, *SPLITS, OFFICER]
    cells = tall[finest].drop_duplicates().sort_values(finest, ignore_index=True)
    cell = pd.MultiIndex.from_frame(cells).get_indexer(pd.MultiIndex.from_frame(tall[finest]))
    column = pd.Index([*groups, UNKNOWN]).get_indexer(pd.Index(tall["group"]))
    table = np.zeros((len(cells), len(groups) + 1))
    np.add.at(table, (cell, column), tall["n"].to_numpy(dtype=np.float64))
    wanted = np.flatnonzero(table[:, -1] > 0)
    margins, chosen = _margins(cells, table[:, :-1], wanted), cells.iloc[wanted]
    numbers = chosen["period"].to_numpy()
    named = [str(periods[number]) for number in np.unique(numbers)]
    return Block(name, groups, chosen, table[wanted, -1], margins, named, _runs(numbers))


def _runs(sorted_: np.ndarray) -> list[slice]:
    """Where each value of a sorted array stands."""
    ends = [*np.flatnonzero(np.diff(sorted_)) + 1, len(sorted_)] if len(sorted_) else []
    return [slice(int(start), int(end)) for start, end in zip([0, *ends], ends, strict=False)]


def _margins(cells: pd.DataFrame, known: FloatArray, wanted: Places) -> list[Margin]:
    """Every margin that is coarser than the next, each with the nodes that hold a wanted cell."""
    chain: list[Places] = [np.arange(len(cells), dtype=np.intp)]
    for names in _COARSER:
        codes: Places = cells.groupby([*_WITHIN, *names], sort=True).ngroup().to_numpy(dtype=np.int64)
        if codes.max(initial=-1) < chain[-1].max(initial=-1):
            chain.append(codes)
    margins: list[Margin] = []
    period = cells["period"].to_numpy()[wanted]
    coarser = np.zeros(len(wanted), dtype=np.intp)
    for codes in reversed(chain):
        sums = np.zeros((int(codes.max(initial=-1)) + 1, known.shape[1]))
        np.add.at(sums, codes, known)
        nodes, first, place = np.unique(codes[wanted], return_index=True, return_inverse=True)
        margins.append(Margin(sums[nodes], coarser[first], _runs(period[first])))
        coarser = np.asarray(place, dtype=np.intp)
    return margins


def _pairs(cells: pd.DataFrame, keys: pd.DataFrame, split: NDArray[np.bool_]) -> tuple[Places, Places]:
    """Which cell lies in which margin: a margin holds the cells that agree with it wherever it is split."""
    nothing = np.empty(0, dtype=np.intp)
    found = [(nothing, nothing)]
    for pattern in np.unique(split, axis=0):
        names = ["period", *np.array(SPLITS)[pattern]]
        here = np.flatnonzero((split == pattern).all(axis=1))
        index = pd.MultiIndex.from_frame(keys.iloc[here][names])
        place = index.get_indexer(pd.MultiIndex.from_frame(cells[names]))
        cell = np.flatnonzero(place >= 0)
        found.append((cell, here[place[cell]]))
    cell, place = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return cell, place
