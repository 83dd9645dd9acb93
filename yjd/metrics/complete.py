"""Children of unknown ethnicity given a group, within strata: drawn many times, or shared out once.

The strata are finer than any margin that is published, and known and unknown children stand in them side by
side. What comes out are the unknown alone, summed to the margins that a counts frame has.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.errors import EstimationError
from yjd.metrics.counts import NOT_GROUPS, STRATUM, Counts, Kind
from yjd.metrics.intervals import FloatArray
from yjd.metrics.unknown_strata import OFFICER, tall_strata
from yjd.schema import ALL, SPLITS, UNKNOWN

BORROWED = 1.0  # what a coarser margin counts for in a finer one, in children; more would draw groups together
_DRAWN = 1e9  # beyond this many children of one cell the rest are shared out: chance no longer matters

Places = NDArray[np.integer[Any]]

_WITHIN = ("period", "event")  # nothing is borrowed over periods, nor from children without the event
_COARSER = (("area", OFFICER), (OFFICER,), ())


@dataclass(frozen=True)
class Completed:
    """How many children of unknown ethnicity each group was given, in each completed table.

    Attributes
    ----------
    keys : DataFrame
        The margins: columns `yjd.metrics.counts.STRATUM`, one row each.
    groups : tuple of str
        The groups, in the order of the last axis.
    events, rest : array of shape (tables, margins, groups + 1)
        Unknown children given to each group: with the event; and without it (proportion) or of the base
        (rate). The last group stands for any that the strata do not have, and is given none.
    """

    keys: pd.DataFrame
    groups: tuple[str, ...]
    events: FloatArray
    rest: FloatArray

    def margins(self, counts: Counts) -> Places:
        """For every row of the counts the place of its margin; -1 where there is none."""
        asked = (Completed, id(self.keys))
        if asked not in counts.found:
            _, first = np.unique(counts.stratum, return_index=True)  # a row of each stratum
            wanted = pd.MultiIndex.from_frame(counts.frame[list(STRATUM)].iloc[first])
            # kept beside them, so that no other frame can have the same identity
            counts.found[asked] = self.keys, _places(pd.MultiIndex.from_frame(self.keys), wanted)[counts.stratum]
        places: Places = counts.found[asked][1]
        return places

    def column(self, groups: pd.Series) -> Places:
        """For every name the place of its group."""
        places = groups.map({name: place for place, name in enumerate(self.groups)})
        return places.fillna(len(self.groups)).to_numpy(dtype=np.intp)


def impute(
    strata: pd.DataFrame, counts: pd.DataFrame | Counts, *, kind: Kind, imputations: int = 20, seed: int = 1
) -> Completed:
    """Draw a group for every child of unknown ethnicity, several times.

    Parameters
    ----------
    strata : DataFrame
        Known and unknown children at the finest split: group (Unknown among them); any of measure, period,
        area, sex, age_band, deprivation, level, and officer (officer-observed ethnicity, any text for none);
        and either event (1 in the numerator, 0 in the base: without the event for a proportion, all of it for
        a rate) with n, or numerator and denominator. A rate with a public base needs its events only.
    counts : DataFrame
        As for `relative_rate`; it says which margins are wanted.
    kind : {"proportion", "rate"}
        Whether the numerator is part of the base.
    imputations : int
        How many completed tables, 2 or more.
    seed : int
        The same seed gives the same draws, whatever the order of rows and whatever other measures are there.

    Notes
    -----
    The model: ethnicity is missing at random given period, area, sex, age band, deprivation, officer-observed
    ethnicity and whether the child has the event. Among children alike in all of these, those of unknown
    ethnicity are made up of the groups as those of known ethnicity are. Nothing in the data can show that to
    be so; the hard bounds do without it.

    Shares of the groups are drawn from the top down: for all children of a period and event together from the
    Dirichlet distribution of the known counts (the Bayesian bootstrap: Rubin 1981, Annals of Statistics 9:130),
    then for officer-observed ethnicity, for area by officer-observed ethnicity, and for the cell itself, each
    time from the Dirichlet distribution of its own known counts and one child shared as the coarser margin's
    draw. A cell without any known child borrows all from its margin. Then the unknown children of each cell
    are drawn from the multinomial distribution of its shares. Each child or event is drawn by itself.
    """
    if imputations < 2:
        raise EstimationError("Multiple imputation needs two completed tables or more.", "Give imputations=20.")

    def drawn(block: _Block) -> Iterator[FloatArray]:
        rng = np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in block.name)])
        for _ in range(imputations):
            yield _deal(rng, block.unknown, _drawn_shares(rng, block))

    return _complete(_Known.of(strata, counts, kind, officer=True), imputations, drawn)


def allocate(strata: pd.DataFrame, counts: pd.DataFrame | Counts, *, kind: Kind) -> Completed:
    """Share the unknown children of each stratum as its known children are shared: one completed table.

    A stratum is a period, area, sex, age band, deprivation and event; officer-observed ethnicity is not used.
    Where a stratum has no known child its area's shares are taken, or else the whole period's. Parameters are
    those of `impute`.
    """
    known = _Known.of(strata, counts, kind, officer=False)
    return _complete(known, 1, lambda block: [block.unknown[:, None] * _expected_shares(block)])


@dataclass(frozen=True)
class _Margin:
    """Known counts of some margin's nodes, shape (nodes, groups), and the coarser node that each lies in."""

    known: FloatArray
    parent: Places


@dataclass(frozen=True)
class _Block:
    """The cells with unknown children of one measure and level, and their margins from coarse to fine."""

    name: tuple[str, str]
    groups: list[str]
    cells: pd.DataFrame
    unknown: FloatArray
    margins: list[_Margin]


def _places(index: pd.Index, wanted: pd.Index) -> Places:
    return index.get_indexer(wanted).astype(np.int64).reshape(-1)


@dataclass(frozen=True)
class _Wanted:
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

    block: _Block
    columns: Places
    cell: Places
    where: Places
    starts: Places


@dataclass(frozen=True)
class _Known:
    """The strata made ready: the margins, the groups, and the blocks that have anything to add."""

    keys: pd.DataFrame
    groups: tuple[str, ...]
    wanted: list[_Wanted]

    @classmethod
    def of(cls, strata: pd.DataFrame, counts: pd.DataFrame | Counts, kind: Kind, *, officer: bool) -> _Known:
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
        prepared: _Known = found[officer]
        return prepared

    @classmethod
    def _prepared(cls, tall: pd.DataFrame, data: Counts) -> _Known:
        keys = data.frame[list(STRATUM)].drop_duplicates(ignore_index=True)
        groups = tuple(sorted(set(tall["group"].unique()) - set(NOT_GROUPS)))
        split = (keys[list(SPLITS)] != ALL).to_numpy(dtype=bool)
        tall, codes = _numbered(tall, keys)
        found = []
        for (measure, level), part in tall.groupby(["measure", "level"], sort=True):
            wanted = np.flatnonzero(((keys["measure"] == measure) & (keys["level"] == level)).to_numpy(dtype=bool))
            block = _block((str(measure), str(level)), part)
            cell, place = _pairs(block.cells, codes.iloc[wanted], split[wanted])
            if not len(cell):
                continue
            # one running number for margin and event, sorted once, so that each table is one sum of slices
            number = 2 * wanted[place] + (1 - block.cells["event"].to_numpy(dtype=np.intp)[cell])
            order = np.argsort(number, kind="stable")
            where, starts = np.unique(number[order], return_index=True)
            found.append(_Wanted(block, np.searchsorted(groups, block.groups), cell[order], where, starts))
        return cls(keys, groups, found)


def _complete(known: _Known, tables: int, filled: Callable[[_Block], Iterable[FloatArray]]) -> Completed:
    size = len(known.groups) + 1
    given = np.zeros((tables, len(known.keys), 2, size))
    for wanted in known.wanted:
        for table, values in enumerate(filled(wanted.block)):
            flat = given[table].reshape(-1, size)  # a view
            flat[np.ix_(wanted.where, wanted.columns)] = np.add.reduceat(values[wanted.cell], wanted.starts, axis=0)
    return Completed(known.keys, known.groups, given[:, :, 0, :], given[:, :, 1, :])


def _numbered(tall: pd.DataFrame, keys: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Numbers for the texts of strata and margins, in the same order and much faster to sort and to match."""
    tall, keys = tall.copy(deep=False), keys.copy(deep=False)
    for name in ("period", *SPLITS):
        numbers, _ = pd.factorize(pd.concat([tall[name], keys[name]]), sort=True)
        tall[name], keys[name] = numbers[: len(tall)], numbers[len(tall) :]
    tall[OFFICER], _ = pd.factorize(tall[OFFICER], sort=True)
    return tall, keys


def _block(name: tuple[str, str], tall: pd.DataFrame) -> _Block:
    groups = sorted(set(tall["group"].unique()) - {UNKNOWN})
    finest = [*_WITHIN, *SPLITS, OFFICER]
    cells = tall[finest].drop_duplicates().sort_values(finest, ignore_index=True)
    cell = pd.MultiIndex.from_frame(cells).get_indexer(pd.MultiIndex.from_frame(tall[finest]))
    column = pd.Index([*groups, UNKNOWN]).get_indexer(pd.Index(tall["group"]))
    table = np.zeros((len(cells), len(groups) + 1))
    np.add.at(table, (cell, column), tall["n"].to_numpy(dtype=np.float64))
    wanted = np.flatnonzero(table[:, -1] > 0)
    return _Block(name, groups, cells.iloc[wanted], table[wanted, -1], _margins(cells, table[:, :-1], wanted))


def _margins(cells: pd.DataFrame, known: FloatArray, wanted: Places) -> list[_Margin]:
    """Every margin that is coarser than the next, each with the nodes that hold a wanted cell."""
    chain: list[Places] = [np.arange(len(cells), dtype=np.intp)]
    for names in _COARSER:
        codes: Places = cells.groupby([*_WITHIN, *names], sort=True).ngroup().to_numpy(dtype=np.int64)
        if codes.max(initial=-1) < chain[-1].max(initial=-1):
            chain.append(codes)
    margins: list[_Margin] = []
    coarser = np.zeros(len(wanted), dtype=np.intp)
    for codes in reversed(chain):
        sums = np.zeros((int(codes.max(initial=-1)) + 1, known.shape[1]))
        np.add.at(sums, codes, known)
        nodes, first, place = np.unique(codes[wanted], return_index=True, return_inverse=True)
        margins.append(_Margin(sums[nodes], coarser[first]))
        coarser = np.asarray(place, dtype=np.intp)
    return margins


def _drawn_shares(rng: np.random.Generator, block: _Block) -> FloatArray:
    top, *finer = block.margins
    shares = _dirichlet(rng, top.known)
    for margin in finer:
        shares = _dirichlet(rng, margin.known + BORROWED * shares[margin.parent])
    return shares


def _expected_shares(block: _Block) -> FloatArray:
    top, *finer = block.margins
    shares = _shares(top.known, np.full(top.known.shape, 1 / max(top.known.shape[1], 1)))
    for margin in finer:
        shares = _shares(margin.known, shares[margin.parent])
    return shares


def _dirichlet(rng: np.random.Generator, weights: FloatArray) -> FloatArray:
    even = np.full(weights.shape, 1 / max(weights.shape[1], 1))
    return _shares(rng.standard_gamma(weights), _shares(weights, even))


def _shares(values: FloatArray, otherwise: FloatArray) -> FloatArray:
    total = values.sum(axis=1, keepdims=True)
    return np.where(total > 0, values / np.where(total > 0, total, 1.0), otherwise)


def _deal(rng: np.random.Generator, unknown: FloatArray, shares: FloatArray) -> FloatArray:
    """Draw whole children; what is left of a count that is not whole is shared out."""
    if not shares.shape[1]:
        return np.zeros(shares.shape)
    whole = np.floor(np.minimum(unknown, _DRAWN))
    drawn = rng.multinomial(whole.astype(np.int64), shares)
    return drawn + (unknown - whole)[:, None] * shares


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
