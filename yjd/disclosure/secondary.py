"""Hiding further cells, the cheapest first, until what is hidden cannot be worked out.

Three tests, from quick to exact, each repaired before the next:

1. a relation with one hidden cell gives it back, and one whose hidden cells have a small known sum pins them
down; 2. all relations together determine a hidden cell (`determined`, linear algebra);
3. a hidden cell whose bounds close when every relation is used in turn (`yjd.disclosure.bounds`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from yjd.disclosure.bounds import closed_by_bounds
from yjd.disclosure.exact import NEARLY_ZERO, null_vector
from yjd.disclosure.relations import DEFINITION, FAMILIES, SAME, Flags, Floats, Ints, System
from yjd.disclosure.rules import Rules
from yjd.errors import DisclosureError

MOST_ROUNDS = 200
#: Weight on a cell whose count is too small to widen what a relation leaves open.
TOO_SMALL = 20.0


@dataclass(frozen=True)
class Facts:
    """What is decided before any further cell is hidden.

    Attributes
    ----------
    small : array (columns,)
        Cells hidden for their own size, and derived cells that would have to be.
    may_hide : array (cells,)
        Whether hiding the cell is possible and of use.
    cost : array (cells,)
        What hiding it loses.
    rounded : array (columns,)
        Cells shown rounded, in a table that was protected before.
    """

    small: Flags
    may_hide: Flags
    cost: Floats
    rounded: Flags


class Search:
    """The search for cells to hide; `hidden` (cells,) is its state."""

    def __init__(self, system: System, facts: Facts, rules: Rules, hidden: Flags) -> None:
        self.system, self.facts, self.rules = system, facts, rules
        self.hidden = hidden.copy()
        # Shown again because it could be worked out anyway; hidden again after that because something needed it.
        self.settled: Flags = np.zeros(system.cells, dtype=np.bool_)
        self.needed: Flags = np.zeros(system.cells, dtype=np.bool_)
        entries = system.matrix.tocoo()
        self.row: Ints = entries.coords[0].astype(np.int64)
        self.column: Ints = entries.coords[1].astype(np.int64)
        self.value: Floats = entries.data
        self.rows = system.matrix.shape[0]
        derived = np.arange(system.matrix.shape[1]) >= system.cells
        self.derived_row = self._count(~derived[self.column]) == 0
        self.lever = system.levers[self.column]

    def _count(self, entries: Flags) -> Floats:
        """Return how many entries of each row are flagged."""
        return np.bincount(self.row[entries], minlength=self.rows).astype(np.float64)

    def unknown(self) -> Flags:
        """Return which columns an outsider does not see: hidden, or derived from hidden, or to be protected."""
        spread: Flags = self.system.spread(self.hidden)
        spread[self.system.cells :] |= self.facts.small[self.system.cells :]
        return spread

    def protected(self) -> Flags:
        """Return which columns must stay unknown."""
        protected = self.facts.small.copy()
        protected[: self.system.cells] |= self.hidden
        return protected

    def run(self) -> Flags:
        """Hide until all three tests pass; fail closed.

        Raises
        ------
        DisclosureError
            When a cell cannot be protected by hiding anything.
        """
        for _ in range(MOST_ROUNDS):
            self._mend_rows()
            exposed = determined(self.system, self.unknown()) & self.protected()
            if not exposed.any():
                exposed = closed_by_bounds(self.system, self.facts.rounded, self.unknown()) & self.protected()
            if not exposed.any():
                return self.hidden
            sensitive = exposed & self.facts.small
            sensitive[: self.system.cells] |= exposed[: self.system.cells] & self.needed
            if sensitive.any() and self._mend_cells(sensitive):
                continue
            if sensitive.any() or not self._show_again(exposed):
                raise DisclosureError(
                    f"{int(exposed.sum())} hidden counts can be worked out from the counts around them, and hiding "
                    "more does not help: nothing is released.",
                    "Publish fewer splits, or merge the smallest areas, groups or age bands.",
                )
        raise DisclosureError(
            f"Protection did not settle in {MOST_ROUNDS} rounds: nothing is released.",
            "Publish fewer splits, or merge the smallest areas, groups or age bands.",
        )

    def safe(self) -> bool:
        """Say whether what is hidden now cannot be worked out, by either exact test."""
        unknown, protected = self.unknown(), self.protected()
        if (determined(self.system, unknown) & protected).any():
            return False
        return not (closed_by_bounds(self.system, self.facts.rounded, unknown) & protected).any()

    def _show_again(self, exposed: Flags) -> bool:
        """Show cells that were hidden to protect others, and can be worked out: hiding them protects nothing."""
        again = exposed[: self.system.cells] & self.hidden & ~np.isnan(self.system.n[: self.system.cells])
        self.hidden[again] = False
        self.settled[again] = True
        return bool(again.any())

    def _mend_rows(self) -> None:
        """Mend single relations, one family after another, until none is weak."""
        needy, missing = self._weak_rows()
        family = idle = 0
        while idle < len(FAMILIES) and needy.any():
            # Family by family, so that relations which share a cell do not each hide one of their own.
            picks = self._picks(needy & (self.system.family == family), missing, needy)
            if picks.size:
                self.hidden[picks] = True
                needy, missing = self._weak_rows()
                idle = 0
            else:
                family, idle = (family + 1) % len(FAMILIES), idle + 1

    def _weak_rows(self) -> tuple[Flags, Floats]:
        """Return the relations that a single one betrays, and how large a count each lacks."""
        rules, facts = self.rules, self.facts
        unknown = self.unknown()
        is_unknown = unknown[self.column]
        amount = self._count(is_unknown)
        guarded = self._count(self.protected()[self.column] & is_unknown) > 0
        alone = (amount == 1) & guarded

        total_shown = self._count(is_unknown & (self.value > 0)) == 0
        small = self._count(is_unknown & facts.small[self.column])
        large = self._count(is_unknown & ~facts.small[self.column] & (self.column < self.system.cells))
        visible = np.where(is_unknown, 0.0, self.system.n[self.column] * self.value)
        known_sum = np.abs(np.bincount(self.row, weights=visible, minlength=self.rows))
        # Small cells lie between `smallest_hidden` and `minimum_count`; an outsider may take the others for
        # large.
        span = small * rules.smallest_hidden + rules.interval_width - 1
        least = np.where(large > 0, large * rules.minimum_count + span, rules.minimum_count)
        least = np.where(self.derived_row, rules.minimum_count + rules.interval_width - 1, least)
        most = small * (rules.minimum_count - 1) - rules.interval_width + 1
        pinned = (known_sum < least) | ((large == 0) & ~self.derived_row & (known_sum > most))
        was_rounded = self._count(facts.rounded[self.column]) > 0
        exempt = np.isin(self.system.family, (DEFINITION, SAME)) | was_rounded
        narrow = (amount > 1) & total_shown & (small > 0) & pinned & ~exempt
        one_more = np.where(self.derived_row, 0, rules.minimum_count)
        return alone | narrow, np.maximum(np.maximum(least, span) + one_more - known_sum, 0.0)

    def _open(self, *, settled: bool = False) -> Flags:
        """Return the entries whose cell could still be hidden; again, if `settled`."""
        free = self.facts.may_hide & ~self.hidden & (settled | ~self.settled)
        open_: Flags = (self.lever >= 0) & free[self.lever] & ~self.unknown()[self.column]
        return open_

    def _scores(self, needy: Flags) -> Floats:
        """Return what hiding each cell costs, less where it mends several relations, more where it opens new ones."""
        cells = self.system.cells
        own = self.column < cells
        untouched = self._count(self.unknown()[self.column]) == 0
        opens = np.bincount(self.column[own & untouched[self.row]], minlength=cells)
        mends = np.bincount(self.column[own & needy[self.row]], minlength=cells)
        scores: Floats = self.facts.cost * (1.0 + opens) / (1.0 + mends)
        return scores

    def _picks(self, chosen: Flags, missing: Floats, needy: Flags) -> Ints:
        """Return one cell to hide for each chosen relation that has one left."""
        entries = np.flatnonzero(chosen[self.row] & self._open()) if chosen.any() else np.empty(0, dtype=np.int64)
        if entries.size == 0:
            return entries
        row, lever = self.row[entries], self.lever[entries]
        score = self._scores(needy)[lever]
        short = (self.value[entries] < 0) & ~(self.system.n[self.column[entries]] >= missing[row])
        score = np.where(short, score * TOO_SMALL, score)
        order = np.lexsort((lever, score, row))
        first = np.concatenate([[True], np.diff(row[order]) > 0])
        return np.unique(lever[order][first])

    def _mend_cells(self, exposed: Flags) -> bool:
        """Hide one more cell for each exposed column, as near to it as there is one; say whether any was hidden."""
        near = exposed.copy()
        while True:
            touched = np.bincount(self.row, weights=near[self.column], minlength=self.rows) > 0
            wider = near.copy()
            wider[self.column[touched[self.row]]] = True
            if self._mend_near(near, touched):
                return True
            if (wider == near).all():
                return False
            near = wider

    def _mend_near(self, near: Flags, touched: Flags) -> bool:
        """Hide the cheapest open cell of each relation of `near` columns, one at most for each relation."""
        entries = np.flatnonzero(touched[self.row] & self._open(settled=True))
        if entries.size == 0:
            return False
        scores = self._scores(touched)[self.lever[entries]]
        options: dict[int, tuple[float, int]] = {}
        for row, score, cell in zip(
            self.row[entries].tolist(), scores.tolist(), self.lever[entries].tolist(), strict=True
        ):
            options[row] = min(options.get(row, (np.inf, -1)), (score, cell))
        by_column = sparse.csc_array(self.system.matrix)

        def rows_of(column: int) -> list[int]:
            rows: list[int] = by_column.indices[by_column.indptr[column] : by_column.indptr[column + 1]].tolist()
            return rows

        done: set[int] = set()
        for column in np.flatnonzero(near).tolist():
            rows = rows_of(column)
            found = [options[row] for row in rows if row in options]
            if found and done.isdisjoint(rows):
                _, best = min(found)
                self.hidden[best] = True
                self.needed[best] = self.settled[best]
                done.update(rows_of(best))
        return bool(done)


def determined(system: System, unknown: Flags) -> Flags:
    """Whether each unknown column has only one value in every solution of the relations.

    A complement (or the rest of a period) is the difference of two cells, and so is its place in a null
    vector: such columns need no relations of their own.
    """
    apart = np.zeros(unknown.size, dtype=np.bool_)
    meaning = np.flatnonzero(system.family == DEFINITION)
    definitions = sparse.csr_array(system.matrix[meaning])
    entries = definitions.tocoo()
    defined = entries.coords[1][entries.coords[1] >= system.cells]
    apart[defined] = True
    own = np.asarray(abs(system.matrix) @ (~apart).astype(np.float64)) > 0
    lines = np.flatnonzero(own & (system.family != DEFINITION))
    vector = null_vector(sparse.csr_array(system.matrix[lines]), unknown & ~apart)
    vector[defined] = (definitions @ np.where(apart, 0.0, vector))[entries.coords[0][entries.coords[1] >= system.cells]]
    nearly: Flags = unknown & (np.abs(vector) < NEARLY_ZERO)
    return nearly
