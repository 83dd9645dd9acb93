"""Everything that an outsider can add up or subtract, as one sparse matrix over cells.

Each row of the matrix says ``total - sum of parts = 0``. A total may be any margin: all areas, both sexes,
every age, known ethnicity, a broad group, a stage that others make up, a rolling period. Besides the cells
there are **derived** cells, which nobody publishes and anybody can work out: outcomes that were not pre-court
(the whole less its part), the rest of a rolling period, a margin that was left out.

The relations are taken to hold whether or not the data bear them out exactly: an outsider who tries them is
then wrong, and nothing is lost but a few more hidden cells. Left out are the years of children who are counted
once in a rolling period: they can add up to more, and nobody can subtract them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from yjd.disclosure.rules import Links
from yjd.errors import DisclosureError
from yjd.schema import ALL, CELL_KEYS, HIDDEN, KNOWN, UNKNOWN
from yjd.schema import SPLITS as SPLIT_NAMES

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

STAGE, PERIOD, LEVEL, GROUP = (CELL_KEYS.index(name) for name in ("stage", "period", "level", "group"))
SPLITS = tuple(CELL_KEYS.index(name) for name in SPLIT_NAMES)
#: Families of relations, in the order in which they are mended. Rows of one family hardly overlap.
DEFINITION, SAME, ETHNICITY, HEADING, STAGES, PERIODS = range(6)
BY_SPLIT = dict(zip((*SPLITS[1:], SPLITS[0]), range(6, 6 + len(SPLITS)), strict=True))  # areas, the largest, last
FAMILIES = range(6 + len(SPLITS))


@dataclass(frozen=True)
class System:
    """Cells (first) and derived cells (after them), and the relations among them.

    Attributes
    ----------
    cells : int
        Number of published cells; columns from here on are derived.
    n : array (columns,)
        True counts; NaN where a cell is already hidden or was never available.
    usable : array (columns,)
        Whether the column has a count at all, hidden or shown.
    matrix : sparse array (relations, columns)
        1 for the total, -1 for its parts.
    family : array (relations,)
        Which kind of relation each row is.
    levers : array (columns,)
        The published cell to hide in order to hide this column; -1 where there is none.
    definitions : sparse array (derived columns, cells)
        1 where a published cell is needed to work the derived one out.
    """

    cells: int
    n: Floats
    usable: Flags
    matrix: sparse.csr_array
    family: Ints
    levers: Ints
    definitions: sparse.csr_array

    def spread(self, hidden: Flags) -> Flags:
        """Extend which cells are hidden (cells,) to the derived ones (columns,)."""
        unknown: Flags = (self.definitions @ hidden.astype(np.float64)) > 0
        return np.concatenate([hidden, unknown])


@dataclass
class _Rows:
    """Relations while they are being collected."""

    row: list[Ints] = field(default_factory=list)
    column: list[Ints] = field(default_factory=list)
    value: list[Floats] = field(default_factory=list)
    family: list[int] = field(default_factory=list)

    def add(self, family: int, totals: Ints, total_keys: Ints, parts: Ints, part_keys: Ints) -> None:
        """Add one relation for each total whose key some part shares."""
        where = match(part_keys, total_keys)
        parts, where = parts[where >= 0], where[where >= 0]
        used, local = np.unique(where, return_inverse=True)
        start = len(self.family)
        self.row += [start + np.arange(used.size), start + local]
        self.column += [totals[used], parts]
        self.value += [np.ones(used.size), -np.ones(parts.size)]
        self.family += [family] * used.size

    def matrix(self, columns: int) -> sparse.csr_array:
        """Return the relations as a matrix (relations, columns)."""
        empty: list[Any] = [np.empty(0, dtype=np.int64)]
        row, column = (np.concatenate(empty + part) for part in (self.row, self.column))
        value = np.concatenate([np.empty(0), *self.value])
        return sparse.csr_array((value, (row, column)), shape=(len(self.family), columns))


def match(wanted: Ints, keys: Ints) -> Ints:
    """Return the position of each wanted key among unique keys, -1 where it is missing."""
    if keys.size == 0:
        return np.full(wanted.size, -1, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    return np.where(keys[order][place] == wanted, order[place], -1)


class _Codes:
    """The keys of cells as integers, with room for derived stages and periods."""

    def __init__(self, cells: pd.DataFrame) -> None:
        self.names: list[list[str]] = []
        columns = []
        for name in CELL_KEYS:
            codes, labels = pd.factorize(cells[name].astype(str))
            columns.append(codes)
            self.names.append([str(label) for label in labels])
        self.table: Ints = np.column_stack(columns).astype(np.int64).reshape(len(cells), len(CELL_KEYS))

    def code(self, column: int, name: str) -> int:
        """Return the code of a name, -1 where no cell has it."""
        names = self.names[column]
        return names.index(name) if name in names else -1

    def new(self, column: int, name: str) -> int:
        """Return a code that no cell has yet."""
        self.names[column].append(name)
        return len(self.names[column]) - 1

    def key(self, rows: Ints, *, without: tuple[int, ...]) -> Ints:
        """Return one integer for each row's key, some columns left out."""
        key = np.zeros(rows.size, dtype=np.int64)
        for column in range(len(CELL_KEYS)):
            if column not in without:
                key = key * (len(self.names[column]) + 1) + self.table[rows, column]
        return key


@dataclass
class _Derived:
    """Derived cells while they are being collected: keys, counts, and the cells they come from."""

    codes: _Codes
    n: list[Floats]
    usable: list[Flags]
    levers: list[Ints]
    links: list[tuple[Ints, Ints]] = field(default_factory=list)
    size: int = 0

    def add(self, keys: Ints, n: Floats, levers: Ints, origin: list[tuple[Ints, Ints]]) -> Ints:
        """Append cells; `origin` pairs local positions with the cells needed. Returns the new columns."""
        start = self.codes.table.shape[0]
        self.codes.table = np.vstack([self.codes.table, keys])
        self.n.append(n)
        self.usable.append(np.ones(n.size, dtype=np.bool_))
        self.levers.append(levers)
        self.links += [(self.size + local, cell) for local, cell in origin]
        self.size += n.size
        return np.arange(start, start + n.size)


def build_system(cells: pd.DataFrame, links: Links) -> System:
    """Return every relation among the cells that an outsider can use.

    Parameters
    ----------
    cells : DataFrame
        Columns of `yjd.schema.CELL_COLUMNS`, one row for each published cell.
    links : Links
        How stages, periods and groups are tied to each other.

    Raises
    ------
    DisclosureError
        When a key occurs twice, or a detailed group has no broad group.
    """
    if cells.duplicated(list(CELL_KEYS)).any():
        raise DisclosureError(
            f"{int(cells.duplicated(list(CELL_KEYS)).sum())} cells occur more than once in the table of cells.",
            f"Count each combination of {', '.join(CELL_KEYS[:-1])} and {CELL_KEYS[-1]} once.",
        )
    codes = _Codes(cells)
    n = cells["n"].to_numpy(dtype=np.float64, copy=True)
    usable = ~np.isnan(n) | cells["disclosure"].isin(HIDDEN).to_numpy()
    public = cells["stage"].isin(links.public_stages).to_numpy()
    derived = _Derived(codes, [n], [usable], [np.where(public, -1, np.arange(len(cells)))])
    rows = _Rows()
    everything = np.flatnonzero(usable)
    _margins_left_out(derived, n, np.flatnonzero(usable & ~public))
    _complements(derived, rows, n, everything, links)
    own = np.flatnonzero(usable & ~public)
    _rests_of_periods(derived, rows, n, own[_adds_up(codes, own, links)], links)

    lines = np.concatenate([np.flatnonzero(usable & ~public), np.arange(len(cells), codes.table.shape[0])])
    _add_splits(rows, codes, lines)
    _add_ethnicity(rows, codes, lines, links)
    _add_stages(rows, codes, everything, links)
    _add_periods(rows, codes, lines, np.concatenate(derived.n), links)
    columns = codes.table.shape[0]
    local = np.concatenate([np.empty(0, dtype=np.int64), *(pair[0] for pair in derived.links)])
    origin = np.concatenate([np.empty(0, dtype=np.int64), *(pair[1] for pair in derived.links)])
    return System(
        cells=len(cells),
        n=np.concatenate(derived.n),
        usable=np.concatenate(derived.usable),
        matrix=rows.matrix(columns),
        family=np.asarray(rows.family, dtype=np.int64),
        levers=np.concatenate(derived.levers),
        definitions=sparse.csr_array((np.ones(local.size), (local, origin)), shape=(derived.size, len(cells))),
    )


def _margins_left_out(derived: _Derived, n: Floats, rows: Ints) -> None:
    """Add margins that can be summed from published cells though they are not published themselves."""
    codes = derived.codes
    every = np.array([codes.code(column, ALL) for column in SPLITS])
    for place, column in enumerate(SPLITS):
        if every[place] < 0:
            every[place] = codes.new(column, ALL)
    for level in range(len(codes.names[LEVEL])):
        of_level = rows[codes.table[rows, LEVEL] == level]
        split: Flags = codes.table[of_level][:, list(SPLITS)] != every
        present = {tuple(bool(flag) for flag in pattern) for pattern in np.unique(split, axis=0)}
        for wanted in product((False, True), repeat=len(SPLITS)):
            wider = [p for p in present if all(b or not a for a, b in zip(wanted, p, strict=True))]
            if wanted not in present and wider:
                source = min(wider, key=lambda pattern: (sum(pattern), pattern))
                _add_margin(derived, n, of_level[(split == np.array(source)).all(axis=1)], wanted, every)


def _add_margin(derived: _Derived, n: Floats, members: Ints, split: tuple[bool, ...], every: Ints) -> None:
    """Add one margin, summed from the cells of a finer one."""
    keys = derived.codes.table[members].copy()
    for place, column in enumerate(SPLITS):
        if not split[place]:
            keys[:, column] = every[place]
    unique, local = np.unique(keys, axis=0, return_inverse=True)
    local = local.reshape(-1)
    sums = np.bincount(local, weights=n[members], minlength=len(unique)).astype(np.float64)
    derived.add(unique, sums, np.full(len(unique), -1, dtype=np.int64), [(local, members)])


def _complements(derived: _Derived, rows: _Rows, n: Floats, usable: Ints, links: Links) -> None:
    """Add, for every nested stage, those in the whole who are not in the part."""
    codes = derived.codes
    for part, whole in links.nested():
        inner = usable[codes.table[usable, STAGE] == codes.code(STAGE, part)]
        outer = usable[codes.table[usable, STAGE] == codes.code(STAGE, whole)]
        where = match(codes.key(inner, without=(STAGE,)), codes.key(outer, without=(STAGE,)))
        inner, outer = inner[where >= 0], outer[where[where >= 0]]
        if inner.size == 0:
            continue
        keys = codes.table[inner].copy()
        keys[:, STAGE] = codes.new(STAGE, _without(whole, part))
        local = np.arange(inner.size)
        levers = np.where(derived.levers[0][inner] >= 0, inner, -1)
        columns = derived.add(keys, n[outer] - n[inner], levers, [(local, inner), (local, outer)])
        rows.add(DEFINITION, outer, local, np.concatenate([inner, columns]), np.concatenate([local, local]))


def _without(whole: str, part: str) -> str:
    """Name the stage of those in the whole who are not in the part."""
    return f"{whole} without {part}"


def _adds_up(codes: _Codes, rows: Ints, links: Links) -> Flags:
    """Whether the stage of each row adds up over periods; a complement does where both of its stages do."""
    stages = links.periods_add_up
    derived = {_without(whole, part) for part, whole in links.nested() if {part, whole} <= stages}
    wanted = [code for code, name in enumerate(codes.names[STAGE]) if name in stages | derived]
    return np.isin(codes.table[rows, STAGE], wanted)


def _rests_of_periods(derived: _Derived, rows: _Rows, n: Floats, usable: Ints, links: Links) -> None:
    """Add what is left of a rolling period when only some of its single periods are published."""
    codes = derived.codes
    for rolling, singles in links.related_periods.items():
        published = [codes.code(PERIOD, single) for single in singles if codes.code(PERIOD, single) >= 0]
        if not published or len(published) == len(singles) or codes.code(PERIOD, rolling) < 0:
            continue
        totals = usable[codes.table[usable, PERIOD] == codes.code(PERIOD, rolling)]
        parts = usable[np.isin(codes.table[usable, PERIOD], published)]
        where = match(codes.key(parts, without=(PERIOD,)), codes.key(totals, without=(PERIOD,)))
        parts, where = parts[where >= 0], where[where >= 0]
        keys = codes.table[totals].copy()
        keys[:, PERIOD] = codes.new(PERIOD, f"rest of {rolling}")
        rest = n[totals] - np.bincount(where, weights=n[parts], minlength=totals.size)
        local = np.arange(totals.size)
        columns = derived.add(keys, rest, totals, [(local, totals), (where, parts)])
        rows.add(DEFINITION, totals, local, np.concatenate([parts, columns]), np.concatenate([where, local]))


def _add_splits(rows: _Rows, codes: _Codes, lines: Ints) -> None:
    """Areas, sexes, age bands and fifths of deprivation add up to All."""
    for column in SPLITS:
        total = codes.table[lines, column] == codes.code(column, ALL)
        key = codes.key(lines, without=(column,))
        rows.add(BY_SPLIT[column], lines[total], key[total], lines[~total], key[~total])


def _add_ethnicity(rows: _Rows, codes: _Codes, lines: Ints, links: Links) -> None:
    """Groups make Known; Known and Unknown make All; detailed groups make their broad group."""
    group, level = codes.table[lines, GROUP], codes.table[lines, LEVEL]
    everyone, known, unknown = (group == codes.code(GROUP, name) for name in (ALL, KNOWN, UNKNOWN))
    named = ~(everyone | known | unknown)
    key = codes.key(lines, without=(GROUP,))
    rows.add(ETHNICITY, lines[known], key[known], lines[named], key[named])
    with_known = everyone & np.isin(key, key[known])
    part = known | unknown
    rows.add(ETHNICITY, lines[with_known], key[with_known], lines[part], key[part])
    without = everyone & ~with_known
    part = named | unknown
    rows.add(ETHNICITY, lines[without], key[without], lines[part], key[part])

    broad, detailed = level == codes.code(LEVEL, "broad"), level == codes.code(LEVEL, "detailed")
    same = codes.key(lines, without=(LEVEL,))
    one, other = broad & ~named, detailed & ~named
    rows.add(SAME, lines[one], same[one], lines[other], same[other])
    if not (broad & named).any() or not (detailed & named).any():
        return
    heading = np.full(len(codes.names[GROUP]), -1, dtype=np.int64)
    for code in np.unique(group[detailed & named]):
        name = codes.names[GROUP][code]
        if name not in links.headings:
            raise DisclosureError(
                f"The detailed group '{name}' has no broad group, so what adds up to what is not known.",
                "Give every detailed group its heading in the ethnicity crosswalk.",
            )
        heading[code] = codes.code(GROUP, links.headings[name])
    base = codes.key(lines, without=(LEVEL, GROUP)) * (len(codes.names[GROUP]) + 1)
    one, other = broad & named, detailed & named & (heading[group] >= 0)
    rows.add(HEADING, lines[one], (base + group)[one], lines[other], (base + heading[group])[other])


def _add_stages(rows: _Rows, codes: _Codes, usable: Ints, links: Links) -> None:
    """Stages that add up to another stage."""
    key, stage = codes.key(usable, without=(STAGE,)), codes.table[usable, STAGE]
    for whole, parts in links.parts:
        total = stage == codes.code(STAGE, whole)
        part = np.isin(stage, [codes.code(STAGE, name) for name in parts])
        rows.add(STAGES, usable[total], key[total], usable[part], key[part])


def _add_periods(rows: _Rows, codes: _Codes, lines: Ints, n: Floats, links: Links) -> None:
    """Single periods that add up to a rolling one, where all of them are published.

    Where children are counted once in the rolling period they do so only if at most one single period counts
    anybody. That is known where the others show 0, and a hidden count is taken to be what it is.
    """
    key, period = codes.key(lines, without=(PERIOD,)), codes.table[lines, PERIOD]
    adds_up, some = _adds_up(codes, lines, links), n[lines] != 0
    for rolling, singles in links.related_periods.items():
        part_codes = [codes.code(PERIOD, single) for single in singles]
        if -1 in part_codes:
            continue
        part = np.isin(period, part_codes)
        keys, times = np.unique(key[part & some & ~adds_up], return_counts=True)
        total = (period == codes.code(PERIOD, rolling)) & ~np.isin(key, keys[times > 1])
        rows.add(PERIODS, lines[total], key[total], lines[part], key[part])
