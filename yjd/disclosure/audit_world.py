"""Cells that can be added up with each other, and those that nobody prints and that are sums or differences of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from yjd.disclosure.audit_keys import Codes, Keys, Lookup
from yjd.schema import CELL_KEYS

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Family:
    """Relations of one kind: sums over variables. Those of a whole and its parts are what the parts leave of it.

    Attributes
    ----------
    name : str
        The attack: what the relation leaves, if it is derived.
    code : array of int, shape (relations,)
        The key that a finding is told under.
    row, variable, factor : arrays, shape (entries,)
        The relation, the variable and the factor of each entry.
    exact : array of bool, shape (relations,)
        Whether the parts are all of the whole, so that the sum is 0; otherwise it is 0 or more.
    derived : array of bool, shape (relations,)
        Whether the sum is a count of children or events that must be protected.
    checked : bool
        Whether the relation must be seen to hold before it is relied upon; without, it holds by what the words mean.
    proven : bool
        Whether it is relied upon only where the true counts bear it out.
    implied : array of bool, shape (relations,)
        Whether another relation says as much, so that this one only names a count that can be worked out.
    """

    name: str
    code: Codes
    row: Codes
    variable: Codes
    factor: Floats
    exact: Flags
    derived: Flags
    checked: bool
    proven: bool
    implied: Flags


class World:
    """Cells by their keys: printed ones first, then those that follow.

    Attributes
    ----------
    keys : Keys
        With words for what is printed nowhere.
    code : array of int, shape (cells,)
    name : array of int, shape (cells,)
        The key that findings on the cell are told under, in the words that are printed.
    own : array of bool, shape (cells,)
        Whether the stage is one that is protected: public stages take no part in sums.
    plain : array of bool, shape (cells,)
        Whether the count is no sum of other cells: that it is not negative has to be said.
    value : array of float, shape (cells,)
        True counts, NaN where they are not known.
    forms : sparse array, shape (cells, variables)
        Each cell as a sum of variables.
    """

    def __init__(
        self, keys: Keys, cells: Lookup, own: Flags, truth: Floats, further: Mapping[str, Iterable[str]]
    ) -> None:
        self.printed = keys
        self.keys = keys.widened(further)
        self.code = self._wide(cells.codes)
        self.name, self.own, self.plain = cells.codes, own, np.ones(len(own), dtype=bool)
        self.value = truth[cells.variable]
        count = len(cells.codes)
        entries = (np.ones(count), (np.arange(count), cells.variable))
        self.forms = sparse.csr_array(entries, shape=(count, len(truth)))
        self._places = Lookup.of(self.code, np.arange(count))

    def _wide(self, codes: Codes) -> Codes:
        found = np.zeros(len(codes), dtype=np.int64)
        for name in CELL_KEYS:
            found += self.printed.column(codes, name) * self.keys.strides[name]
        return found

    def named_as_printed(self, codes: Codes) -> Codes:
        """Keys in the words that are printed; they have no others."""
        found = np.zeros(len(codes), dtype=np.int64)
        for name in CELL_KEYS:
            found += self.keys.column(codes, name) * self.printed.strides[name]
        return found

    def find(self, codes: Codes) -> Codes:
        """The cell of each key; -1 where there is none."""
        return self._places.find(codes)

    def column(self, cells: Codes, name: str) -> Codes:
        """The word of each cell in a column, as a number."""
        return self.keys.column(self.code[cells], name)

    def moved(self, cells: Codes, name: str, by: int | Codes) -> Codes:
        """The keys of cells, with another word in a column."""
        return self.keys.replaced(self.code[cells], name, by)

    def named(self, cells: Codes, name: str, words: str) -> Codes:
        """The keys of cells, each word of a column in a phrase."""
        known = list(self.keys.words[name])
        numbers = np.array([self.keys.word(name, words.format(word)) for word in known], dtype=np.int64)
        return self.moved(cells, name, numbers[self.column(cells, name)])

    def add(self, code: Codes, name: Codes, row: Codes, cell: Codes, factor: Floats, *, plain: Flags | bool) -> None:
        """Add cells that are sums of others: their keys, the keys to tell of them, and the entries of their sums."""
        if not len(code):
            return
        pick = sparse.csr_array((factor, (row, cell)), shape=(len(code), len(self.code)))
        own = np.ones(len(code), dtype=bool)
        self.own = np.concatenate([self.own, own])
        self.plain = np.concatenate([self.plain, own & plain])
        self.value = np.concatenate([self.value, pick @ self.value])
        self.forms = sparse.csr_array(sparse.vstack([self.forms, pick @ self.forms]))
        self.code, self.name = np.concatenate([self.code, code]), np.concatenate([self.name, name])
        self._places = Lookup.of(self.code, np.arange(len(self.code)))

    def left(self, total: Codes, row: Codes, part: Codes) -> Floats:
        """What parts leave of their totals in truth; NaN where it is not known."""
        return np.asarray(self.value[total] - np.bincount(row, self.value[part], len(total)))

    def family(
        self,
        name: str,
        total: Codes,
        row: Codes,
        part: Codes,
        *,
        code: Codes | None = None,
        exact: Flags | bool = False,
        derived: Flags | bool = True,
        implied: Flags | bool = False,
        least: bool = False,
        checked: bool = False,
        proven: bool = False,
    ) -> Family | None:
        """Relations of totals (-1 where there is none: then the sum of the parts) and parts.

        With `least` they are turned round: the whole is no more than its parts.
        """
        count = len(total)
        if not count:
            return None
        whole, sign = np.flatnonzero(total >= 0), -1.0 if least else 1.0
        factor = np.concatenate([np.full(len(whole), sign), np.where(total[row] >= 0, -sign, 1.0)])
        entries = (factor, (np.concatenate([whole, row]), np.concatenate([total[whole], part])))
        sums = sparse.csr_array(entries, shape=(count, len(self.code))) @ self.forms
        sums.eliminate_zeros()
        some = np.diff(sums.indptr) > 0  # a sum that says nothing but what its cells are made of
        plain = np.zeros(count, dtype=bool)
        plain[whole] = self.plain[total[whole]]
        np.logical_or.at(plain, row, self.plain[part])
        flags = [np.broadcast_to(one, count)[some] for one in (exact, derived, implied | ~plain)]
        kept = sparse.coo_array(sums[np.flatnonzero(some)])
        told = self.name[total] if code is None else code
        return Family(
            name, told[some], kept.coords[0].astype(np.int64), kept.coords[1].astype(np.int64), kept.data,
            exact=flags[0], derived=flags[1], checked=checked, proven=proven, implied=flags[2],
        )  # fmt: skip
