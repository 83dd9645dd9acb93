"""Children of unknown ethnicity given a group, within strata: drawn many times, or shared out once.

The strata are finer than any margin that is published, and known and unknown children stand in them side by
side. What comes out are the unknown alone, summed to the margins that a counts frame has.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from yjd.errors import EstimationError
from yjd.metrics.counts import STRATUM, Counts, Kind
from yjd.metrics.intervals import FloatArray
from yjd.metrics.known_strata import Block, KnownStrata, Places, places_of

BORROWED = 1.0  # what a coarser margin counts for in a finer one, in children; more would draw groups together
_DRAWN = 1e9  # beyond this many children of one cell the rest are shared out: chance no longer matters


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
            counts.found[asked] = self.keys, places_of(pd.MultiIndex.from_frame(self.keys), wanted)[counts.stratum]
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
        Given again with the same `Counts`, the frame must not have changed.
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

    known = KnownStrata.of(strata, counts, kind, officer=True)
    return _complete(known, imputations, lambda block: _drawn(block, imputations, seed))


def allocate(strata: pd.DataFrame, counts: pd.DataFrame | Counts, *, kind: Kind) -> Completed:
    """Share the unknown children of each stratum as its known children are shared: one completed table.

    A stratum is a period, area, sex, age band, deprivation and event; officer-observed ethnicity is not used.
    Where a stratum has no known child its area's shares are taken, or else the whole period's. Parameters are
    those of `impute`.
    """
    known = KnownStrata.of(strata, counts, kind, officer=False)
    return _complete(known, 1, lambda block: block.unknown[None, :, None] * _expected_shares(block))


def _complete(known: KnownStrata, tables: int, filled: Callable[[Block], FloatArray]) -> Completed:
    size = len(known.groups) + 1
    given = np.zeros((tables, len(known.keys), 2, size))
    for wanted in known.wanted:
        for table, values in enumerate(filled(wanted.block)):
            flat = given[table].reshape(-1, size)  # a view
            flat[np.ix_(wanted.where, wanted.columns)] = np.add.reduceat(values[wanted.cell], wanted.starts, axis=0)
    return Completed(known.keys, known.groups, given[:, :, 0, :], given[:, :, 1, :])


def _generators(block: Block, seed: int) -> Iterator[np.random.Generator]:
    """A generator for each period of a block, from its counts.

    A period that is as it was is drawn as it was: chance that was new in each release would average out.
    """
    for place, (period, rows) in enumerate(zip(block.periods, block.rows, strict=True)):
        counts = [block.unknown[rows], *(margin.known[margin.rows[place]] for margin in block.margins)]
        texts = [*map(str.encode, (*block.name, period)), b"".join(part.astype("<f8").tobytes() for part in counts)]
        yield np.random.default_rng([seed, *map(zlib.crc32, texts)])


def _drawn(block: Block, tables: int, seed: int) -> FloatArray:
    """Children given to each group, of shape (tables, cells, groups): period by period, all tables at once."""
    given = np.zeros((tables, len(block.unknown), len(block.groups)))
    for place, rng in enumerate(_generators(block, seed)):
        top, *finer = block.margins
        shares = _dirichlet(rng, np.repeat(top.known[None, top.rows[place]], tables, axis=0))
        first = top.rows[place].start
        for margin in finer:
            own = margin.rows[place]
            shares = _dirichlet(rng, margin.known[own] + BORROWED * shares[:, margin.parent[own] - first])
            first = own.start
        given[:, block.rows[place]] = _deal(rng, block.unknown[block.rows[place]], shares)
    return given


def _expected_shares(block: Block) -> FloatArray:
    top, *finer = block.margins
    shares = _shares(top.known, np.full(top.known.shape, 1 / max(top.known.shape[1], 1)))
    for margin in finer:
        shares = _shares(margin.known, shares[margin.parent])
    return shares


def _dirichlet(rng: np.random.Generator, weights: FloatArray) -> FloatArray:
    even = np.full(weights.shape, 1 / max(weights.shape[-1], 1))
    return _shares(rng.standard_gamma(weights), _shares(weights, even))


def _shares(values: FloatArray, otherwise: FloatArray) -> FloatArray:
    total = values.sum(axis=-1, keepdims=True)
    return np.where(total > 0, values / np.where(total > 0, total, 1.0), otherwise)


def _deal(rng: np.random.Generator, unknown: FloatArray, shares: FloatArray) -> FloatArray:
    """Draw whole children; what is left of a count that is not whole is shared out."""
    if not shares.shape[-1]:
        return np.zeros(shares.shape)
    whole = np.floor(np.minimum(unknown, _DRAWN))
    drawn = rng.multinomial(whole.astype(np.int64), shares)
    return drawn + (unknown - whole)[:, None] * shares
