"""Keys of cells as whole numbers, so that sums over millions of cells are arithmetic on arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from yjd.schema import ALL, CELL_KEYS, KNOWN, SPLITS, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

Codes = NDArray[np.int64]
_ALWAYS = {"group": (ALL, KNOWN, UNKNOWN), **dict.fromkeys(SPLITS, (ALL,)), "level": ("broad", "detailed")}


@dataclass(frozen=True)
class Keys:
    """The words of every key column, and the place of each column in a key's number.

    Attributes
    ----------
    words : dict of str to dict of str to int
        For every column of `CELL_KEYS` its words, numbered.
    strides : dict of str to int
        What a step of the column is worth in the number of a key.
    """

    words: dict[str, dict[str, int]]
    strides: dict[str, int]

    @classmethod
    def of(cls, frames: Iterable[pd.DataFrame], further: dict[str, Iterable[str]]) -> Keys:
        """Number all words of some frames, and further ones that may be asked for."""
        given = list(frames)
        words: dict[str, dict[str, int]] = {}
        for name in CELL_KEYS:
            found = [str(word) for frame in given for word in frame[name].unique()]
            every = dict.fromkeys([*_ALWAYS.get(name, ()), *further.get(name, ()), *found])
            words[name] = {word: number for number, word in enumerate(every)}
        strides, worth = {}, 1
        for name in reversed(CELL_KEYS):
            strides[name] = worth
            worth *= max(len(words[name]), 1)
        return cls(words, strides)

    def widened(self, further: Mapping[str, Iterable[str]]) -> Keys:
        """With further words, after those that there are."""
        words, strides, worth = {}, {}, 1
        for name in reversed(CELL_KEYS):
            every = dict.fromkeys([*self.words[name], *further.get(name, ())])
            words[name] = {word: number for number, word in enumerate(every)}
            strides[name] = worth
            worth *= max(len(every), 1)
        return Keys(words, strides)

    def codes(self, frame: pd.DataFrame) -> Codes:
        """The number of each row's key."""
        total = np.zeros(len(frame), dtype=np.int64)
        for name in CELL_KEYS:
            numbered, words = frame[name].factorize()
            mapped = np.array([self.words[name][str(word)] for word in words], dtype=np.int64)
            total += (mapped[numbered] if len(words) else numbered.astype(np.int64)) * self.strides[name]
        return total

    def column(self, codes: Codes, name: str) -> Codes:
        """The number of each key's word in a column."""
        return codes // self.strides[name] % len(self.words[name])

    def replaced(self, codes: Codes, name: str, by: int | Codes) -> Codes:
        """Keys with another word in one column."""
        return codes + (by - self.column(codes, name)) * self.strides[name]

    def word(self, name: str, word: str) -> int:
        """The number of a word; -1 where there is no such word."""
        return self.words[name].get(word, -1)

    def among(self, codes: Codes, name: str, words: Iterable[str]) -> NDArray[np.bool_]:
        """Which keys have one of these words in a column."""
        table = np.zeros(len(self.words[name]), dtype=bool)
        table[[number for word in words if (number := self.word(name, word)) >= 0]] = True
        return np.asarray(table[self.column(codes, name)])

    def frame(self, codes: Codes) -> pd.DataFrame:
        """The keys in words: columns `CELL_KEYS`."""
        import pandas as pd

        columns = {}
        for name in CELL_KEYS:
            words = np.array(list(self.words[name]), dtype=object)
            columns[name] = pd.array(words[self.column(codes, name)], dtype="str")
        return pd.DataFrame(columns)


@dataclass(frozen=True)
class Lookup:
    """Where a key stands: `codes` in rising order, and the variable of each."""

    codes: Codes
    variable: Codes

    @classmethod
    def of(cls, codes: Codes, variable: Codes) -> Lookup:
        """Sort some keys."""
        order = np.argsort(codes, kind="stable")
        return cls(codes[order], variable[order])

    def find(self, wanted: Codes) -> Codes:
        """The variable of each key; -1 where it is not there."""
        if not len(self.codes):
            return np.full(len(wanted), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
        return np.where(self.codes[place] == wanted, self.variable[place], -1)


def patterns(keys: Keys, codes: Codes) -> Codes:
    """Which splits each key has, as a number with one bit for each."""
    bits = np.zeros(len(codes), dtype=np.int64)
    for place, name in enumerate(SPLITS):
        bits |= (keys.column(codes, name) != keys.word(name, ALL)).astype(np.int64) << place
    return bits


def split_names(pattern: int) -> Sequence[str]:
    """The splits of a pattern."""
    return [name for place, name in enumerate(SPLITS) if pattern >> place & 1]
