"""What a project is to those who test it: the counts behind everything, and what every label says about them.

A project is a set of families of stages that hold or make up each other. The counts of a family are those of its
leaves: the exclusive parts of its stages (what is in a stage and in none of its parts, and so on), the shortest
periods, and the finest value of everything that it is split by. Where a stage counts each child once in a period, the
leaves of time are the sets of short periods in which a child is counted. Every published count is the sum of some
leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd

from yjd.disclosure import Links, Rules

Axis = Mapping[object, np.ndarray]


@dataclass(frozen=True)
class Family:
    """Stages that hold or make up each other, and what each label says about the leaves.

    `axes` has one entry for stage, period, each split and group; each maps a label to the leaves (bool) of that axis.
    The label of a group is (level, group). `nested` are (part, whole) pairs of stages that hold each other directly;
    `kinds` are (whole, parts) that do not overlap but need not be all of the whole; `parts` are those that are.
    """

    axes: Mapping[str, Axis]
    nested: tuple[tuple[str, str], ...] = ()
    kinds: tuple[tuple[str, tuple[str, ...]], ...] = ()
    parts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    adds_up: bool = True
    public: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """How many leaves each axis has."""
        return tuple(len(next(iter(axis.values()))) for axis in self.axes.values())

    def rows(self, cells: pd.DataFrame) -> np.ndarray:
        """Which leaves each cell is the sum of: (cells, leaves), 0 or 1."""
        groups = pd.Series(list(zip(cells["level"], cells["group"], strict=True)), index=cells.index, dtype=object)
        labels = [groups if name == "group" else cells[name] for name in self.axes]
        return self.products([
            np.array([axis[label] for label in column], dtype=np.uint8)
            for axis, column in zip(self.axes.values(), labels, strict=True)
        ])  # fmt: skip

    @staticmethod
    def products(vectors: Sequence[np.ndarray]) -> np.ndarray:
        """Combine (cells, leaves of an axis) of every axis to (cells, leaves)."""
        return reduce(lambda left, right: (left[:, :, None] * right[:, None, :]).reshape(len(left), -1), vectors)


@dataclass(frozen=True)
class Release:
    """What a project publishes at one time: all cells before protection, the rules, and the leaves behind them.

    `children` says how many children stand behind each count of events, and the most that one of them brings; None
    where the rules do not ask. `periods` says from which day to which each period goes; None where none overlap.
    """

    cells: pd.DataFrame
    rules: Rules
    links: Links
    counts: tuple[np.ndarray, ...]
    children: pd.DataFrame | None = None
    periods: pd.DataFrame | None = None


@dataclass(frozen=True)
class Project:
    """Families of stages, and the releases in order of time."""

    seed: int
    families: tuple[Family, ...]
    releases: tuple[Release, ...]
    words: tuple[str, ...]
