"""Counts as columns of a matrix, found by their keys, and relations among them while they are being collected."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd.schema import ALL, CELL_KEYS, KNOWN, UNKNOWN
from yjd.schema import SPLITS as SPLIT_NAMES

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

STAGE, PERIOD, LEVEL, GROUP = (CELL_KEYS.index(name) for name in ("stage", "period", "level", "group"))
SPLITS = tuple(CELL_KEYS.index(name) for name in SPLIT_NAMES)
BOTH = ""  # the level of a count that stands at every level
NONE: Ints = np.empty(0, dtype=np.int64)


class Columns:
    """The columns: first those that some release prints, in the order of their keys, then derived ones.

    Parameters
    ----------
    keys : DataFrame
        Columns of `yjd.schema.CELL_KEYS`, one row for each printed count. A count that stands at both levels of
        ethnicity is one column, and so is one that comes twice.
    n : array
        True counts; NaN where there is none.
    unknown : array
        Counts that only an earlier release has, and only as hidden: they exist, and nobody knows them.
    """

    def __init__(self, keys: pd.DataFrame, n: Floats, unknown: Flags) -> None:
        self.names: list[list[str]] = []
        codes = []
        shared = keys["group"].isin([ALL, KNOWN, UNKNOWN])
        for name in CELL_KEYS:
            text = keys[name].astype(str)
            code, labels = pd.factorize(text.mask(shared, BOTH) if name == "level" else text, sort=True)
            codes.append(code)
            self.names.append([str(label) for label in labels])
        table: Ints = np.column_stack(codes).astype(np.int64).reshape(len(keys), len(CELL_KEYS))
        # In order of the keys, so that nothing depends on the order of the rows.
        sizes = tuple(max(len(labels), 1) for labels in self.names)
        flat = np.ravel_multi_index(tuple(table.T), sizes) if len(table) else NONE
        _, first, place = np.unique(flat, return_index=True, return_inverse=True)
        self.place: Ints = place.reshape(-1)
        self.table: Ints = table[first]
        self.n: Floats = n[first]
        self.usable: Flags = ~np.isnan(self.n) | unknown[first]
        self.printed = len(self.table)
        # How far a count can fall: to nothing; one that nobody knows may be nothing already.
        self.floor: list[Floats] = [np.where(np.isnan(self.n), 0.0, self.n)]
        self.relations = 0
        self.pieces: list[tuple[Ints, Ints, Floats]] = []
        self.definitions: list[Ints] = []

    def code(self, column: int, name: str) -> int:
        """Return the code of a name, -1 where no count has it."""
        names = self.names[column]
        return names.index(name) if name in names else -1

    def codes(self, column: int, names: list[str]) -> list[int]:
        """Return the codes of those names that some count has."""
        found = [self.code(column, name) for name in names]
        return [code for code in found if code >= 0]

    def new(self, column: int, name: str) -> int:
        """Return the code of a name, made where there is none."""
        if name not in self.names[column]:
            self.names[column].append(name)
        return self.names[column].index(name)

    def renamed(self, column: int, codes: Ints, words: str) -> Ints:
        """Return the codes of names made of those of some codes."""
        found, place = np.unique(codes, return_inverse=True)
        new = [self.new(column, words.format(self.names[column][code])) for code in found.tolist()]
        return np.array(new, dtype=np.int64)[place.reshape(-1)]

    def key(self, rows: Ints, *, without: tuple[int, ...] = ()) -> Ints:
        """Return one integer for each row's key, some columns left out."""
        key = np.zeros(rows.size, dtype=np.int64)
        for column in range(len(CELL_KEYS)):
            if column not in without:
                key = key * (len(self.names[column]) + 1) + self.table[rows, column]
        return key

    def add(self, keys: Ints, n: Floats, floor: Floats) -> Ints:
        """Append derived columns; return their numbers. The next relation has to define them, one row each."""
        start = len(self.table)
        self.table = np.vstack([self.table, keys])
        self.n = np.concatenate([self.n, n])
        self.floor.append(floor)
        return np.arange(start, start + len(keys))

    def relate(
        self,
        total: Ints,
        parts: Ints,
        of: Ints,
        rest: Ints | None = None,
        *,
        defines: bool = False,
        excess: bool = False,
    ) -> None:
        """Say that totals are sums: ``total[of[i]]`` has the part ``parts[i]``, and all of them a rest, where given.

        With `excess` the rest is what the parts are more than their total.
        """
        row = np.arange(total.size)
        rest, rest_row = (NONE, NONE) if rest is None else (rest, row)
        value = np.repeat([1.0, -1.0, 1.0 if excess else -1.0], [total.size, parts.size, rest.size])
        self.pieces.append(
            (self.relations + np.concatenate([row, of, rest_row]), np.concatenate([total, parts, rest]), value)
        )
        if defines:
            self.definitions.append(self.relations + row)
        self.relations += total.size

    def sums(self, totals: Ints, total_keys: Ints, parts: Ints, part_keys: Ints) -> None:
        """Say that each total whose key some part shares is the sum of those parts."""
        used, parts, of = paired(total_keys, parts, part_keys)
        if parts.size:
            self.relate(totals[used], parts, of)


def match(wanted: Ints, keys: Ints) -> Ints:
    """Return the position of each wanted key among unique keys, -1 where it is missing."""
    if keys.size == 0:
        return np.full(wanted.size, -1, dtype=np.int64)
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], wanted), keys.size - 1)
    return np.where(keys[order][place] == wanted, order[place], -1)


def paired(total_keys: Ints, parts: Ints, part_keys: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the totals that have parts, the parts that have a total, and which of those totals it is."""
    where = match(part_keys, total_keys)
    used, of = np.unique(where[where >= 0], return_inverse=True)
    return used, parts[where >= 0], of.reshape(-1)
