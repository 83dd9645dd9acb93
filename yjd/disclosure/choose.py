"""What is hidden of a block: what the rules say, and as few more as keep every sensitive count open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy import sparse

from yjd.disclosure.aims import Aims, chance
from yjd.disclosure.blocks import Block
from yjd.disclosure.columns import Flags, Floats, Ints
from yjd.disclosure.covering import cover
from yjd.disclosure.hiding import LATER_SHARE, Hiding, components
from yjd.disclosure.primary import too_small
from yjd.disclosure.rules import Links, Rules
from yjd.disclosure.starting import started
from yjd.disclosure.system import System, build_system
from yjd.errors import DisclosureError
from yjd.parallel import in_parallel

#: Of more aims than this swaps open most, where the finest split is published; they are not sought twice.
MANY = 5_000
#: Columns that hang together with fewer than this are searched with others.
TOGETHER = 500


@dataclass(frozen=True)
class Chosen:
    """What is hidden of a block; arrays have shape (rows of the block,).

    Attributes
    ----------
    hidden, derived : arrays of bool
        What is hidden, and what of it for a count that could be derived.
    lost : int
        How many sensitive counts earlier releases have given away.
    base : array of float
    moves : sparse array (rows of the block, tables)
        See `yjd.disclosure.alternatives.Alternatives`.
    """

    hidden: Flags
    derived: Flags
    lost: int
    base: Floats
    moves: sparse.csr_array


def choose(block: Block, rules: Rules, links: Links) -> Chosen:
    """Decide which counts of a block are hidden.

    Raises
    ------
    DisclosureError
        When a count cannot be protected by hiding anything.
    """
    unknown = block.earlier & np.isnan(block.n)
    small = partial(too_small, rules=rules)
    system = build_system(block.keys, block.n, unknown, links, small)
    if unknown.any():  # what only an earlier release hid is protected where it could now be worked out
        system = build_system(block.keys, _worked_out(system)[system.place], unknown, links, small)
    size = system.n.size
    own, public, seen, kept = (
        _any_of(flags, system) for flags in (block.own != "", block.public, block.seen, block.kept)
    )
    worked_out = _any_of(unknown, system) & small(system.n)
    own |= worked_out
    cost = np.zeros(size)
    np.maximum.at(cost, system.place, block.cost)
    cost *= 1.0 + 0.01 * chance(np.arange(size), 0)  # no ties
    fixed = public | seen | ~system.usable
    free = (own | kept | _any_of(unknown, system)) & ~fixed
    sensitive = np.flatnonzero(own & ~fixed)
    aims = _aims(system, sensitive, worked_out | _any_of(block.own == "count", system), rules)
    system = started(system)
    every = ~fixed
    likely = every & (~too_zero(system.n, rules))
    names = block.keys.iloc[np.unique(system.place, return_index=True)[1]]
    pieces = [
        Piece(columns, system.only(columns), aims.only(rows, columns), cost[columns], free[columns], likely[columns],
              every[columns], names.iloc[columns], links)
        for columns, rows in _apart(system, aims)
    ]  # fmt: skip
    results = in_parallel(search, pieces, size)
    found = np.zeros(size, dtype=np.bool_)
    for piece, result in zip(pieces, results, strict=True):
        found[piece.columns] = result.hidden
    moves = _joined([piece.columns for piece in pieces], [result.moves for result in results], size)
    left = sum(result.left for result in results) + int((np.diff(aims.matrix.indptr) == 0).sum())
    # What no move opens, though everything but what is known already could move, was given away before.
    if left and not seen.any():
        raise DisclosureError(
            f"{left} hidden counts can be worked out from the counts around them, and hiding more does not "
            "help: nothing is released.",
            "Publish fewer splits, or merge the smallest areas, groups or age bands.",
        )
    hidden = (found & ~fixed) | own | kept
    derived = np.zeros(size, dtype=np.bool_)
    alone = system.derived[np.flatnonzero(abs(system.derived) @ own.astype(np.float64) == 0)]
    derived[sparse.csr_array(alone).indices] = True
    place = system.place
    return Chosen(
        hidden[place] & ~block.earlier,
        (hidden & derived)[place],
        left,
        system.n[place],
        sparse.csr_array(moves[place]),
    )


def _worked_out(system: System) -> Floats:
    """Counts, with those filled in that one relation after another gives back from all true ones."""
    n = system.n.copy()
    matrix = system.equal
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    while True:
        missing = np.isnan(n)[matrix.indices]
        alone = missing & (np.bincount(row, weights=missing, minlength=matrix.shape[0])[row] == 1)
        if not alone.any():
            return n
        others = np.bincount(row, weights=np.where(missing, 0.0, n[matrix.indices] * matrix.data))
        found = -others[row[alone]] / matrix.data[alone]
        n[matrix.indices[alone]] = np.maximum(found, 0.0)


def too_zero(n: Floats, rules: Rules) -> Flags:
    """Whether hiding a count is a last resort: a 0 that may be shown."""
    zero: Flags = (n == 0) & rules.zero_safe
    return zero


@dataclass(frozen=True)
class Piece:
    """What hangs together, and is searched by itself; arrays have shape (columns of the piece,).

    Attributes
    ----------
    columns : array of int
        Which columns of the block these are.
    system : System
    aims : Aims
    cost : array of float
    free, likely, every : arrays of bool
        What is hidden whatever is chosen, what may be hidden, and what may be as a last resort.
    names : DataFrame
        Columns of `yjd.schema.CELL_KEYS`.
    links : Links
    """

    columns: Ints
    system: System
    aims: Aims
    cost: Floats
    free: Flags
    likely: Flags
    every: Flags
    names: pd.DataFrame
    links: Links


@dataclass(frozen=True)
class Searched:
    """What is hidden of a piece, moves that show it to be enough, (columns, moves), and how many aims stay closed."""

    hidden: Flags
    moves: sparse.csr_array
    left: int


def _apart(system: System, aims: Aims) -> list[tuple[Ints, Ints]]:
    """Part the columns by what hangs together, and give each part its aims; small parts are one."""
    label = components(sparse.csr_array(sparse.vstack([system.equal, system.bound, aims.matrix])))
    label = np.where(np.bincount(label)[label] < TOGETHER, -1, label)
    some = np.flatnonzero(np.diff(aims.matrix.indptr))
    of_aim = label[aims.matrix.indices[aims.matrix.indptr[some]]]
    return [(np.flatnonzero(label == one), some[of_aim == one]) for one in np.unique(of_aim)]


def _joined(columns: Sequence[Ints], moves: Sequence[sparse.csr_array], size: int) -> sparse.csr_array:
    """Put the moves of several pieces together: the first of each make one table, the second of each the next."""
    many = max((one.shape[1] for one in moves), default=0)
    found = sparse.csr_array((size, many))
    for own, one in zip(columns, moves, strict=True):
        entries = sparse.coo_array(one)
        row, move = entries.coords
        found = found + sparse.csr_array((entries.data, (own[row], move)), shape=(size, many))
    return sparse.csr_array(found)


def search(piece: Piece) -> Searched:
    """Hide until every aim of a piece is open, or nothing helps."""
    first, aims = Hiding(piece.system, piece.cost, piece.free), piece.aims
    swapped = aims.above.size > MANY and cover(first, aims, piece.names, piece.likely, piece.links)
    left = first.open(aims, piece.likely)
    if left.size:
        left = first.open(aims, piece.every)
    if swapped:
        return Searched(first.hidden, first.tables(), left.size)
    # Once more from the start, among what was hidden: what is no longer needed is shown again.
    again = Hiding(piece.system, piece.cost, piece.free, LATER_SHARE)
    aims.forget()
    left = again.open(aims, first.hidden)
    if left.size:
        left = again.open(aims, piece.every)
    return Searched(again.hidden, again.tables(), left.size)


def _any_of(flags: Flags, system: System) -> Flags:
    """Flags of columns from flags of the rows that stand for them."""
    found = np.zeros(system.n.size, dtype=np.bool_)
    found[system.place[flags]] = True
    return found


def _aims(system: System, sensitive: Ints, by_count: Flags, rules: Rules) -> Aims:
    """Say which counts must stay open, and within which limits a move is of use."""
    n = np.concatenate([system.n[sensitive], system.derived_n])
    small = np.concatenate([by_count[sensitive], np.ones(system.derived_n.size, dtype=np.bool_)])
    own = sparse.csr_array(
        (np.ones(sensitive.size), (np.arange(sensitive.size), sensitive)), shape=(sensitive.size, system.n.size)
    )
    return Aims(
        matrix=sparse.csr_array(sparse.vstack([own, system.derived])),
        above=np.where(small, rules.minimum_count - 1 - n, np.inf),
        below=np.where(small, n - rules.smallest_hidden, n),
        width=rules.interval_width,
    )
