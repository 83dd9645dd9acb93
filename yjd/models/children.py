"""Standard errors that allow for children with several records, computed where the records are.

The influences of each pattern go to the warehouse, which joins them to the rows of the model, sums them by child, and
sums the products of these sums. What comes back is one matrix: exactly the cluster-robust sandwich of the row-level
model, and no row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from yjd.metrics.intervals import FloatArray
from yjd.models.clusters import Spread
from yjd.models.influence import Influence, blocks
from yjd.models.sample import Sample
from yjd.warehouse import Warehouse

_AT_ONCE = 400  # products in one statement: every engine has a limit of columns


@dataclass(frozen=True)
class ByChild:
    """All rows of a child belong together.

    Attributes
    ----------
    warehouse : Warehouse
        Where the model's rows are.
    rows : str
        Table with one row for each record: child_id (null for a child who is not known: a cluster by itself),
        pattern (the number of its pattern in the model counts) and event: 1 or 0 for a proportion; for a rate the
        number of events of the row, as a resident without an event has no row.
    small_sample : bool
        Multiply by G / (G - 1) for G children, as Stata and R's sandwich do. Without it the plain sandwich.
    scratch : str
        Beginning of the names of the tables it makes, and drops again.
    """

    warehouse: Warehouse
    rows: str
    small_sample: bool = False
    scratch: str = "model_influence"
    name: str = "by_child"
    columns: tuple[str, ...] = ()

    def covariance(self, sample: Sample, influence: Influence) -> Spread:
        """See `yjd.models.clusters.Clusters`."""
        patterns, sums = f"{self.scratch}_patterns", f"{self.scratch}_children"
        size = influence.size
        try:
            with self._influences(sample, influence, patterns):
                self.warehouse.create(sums, self._sums(patterns, size, sample.kind == "rate"))
            total = self._products(sums, size)
            count = int(self.warehouse.query(f"SELECT COUNT(*) AS n FROM {sums}")["n"].iloc[0])  # noqa: S608 - own names
        finally:
            self.warehouse.execute(f"DROP TABLE IF EXISTS {sums}")
        if not self.small_sample:
            return Spread(total, count)
        return Spread(total * (count / (count - 1) if count > 1 else float("nan")), count)

    @contextmanager
    def _influences(self, sample: Sample, influence: Influence, table: str) -> Iterator[None]:
        """Let the warehouse see the influences as a table, while this lasts."""
        size, both = influence.size, sample.kind == "proportion"  # residents without an event are no rows
        names = [f"e{at}" for at in range(size)] + ([f"o{at}" for at in range(size)] if both else [])
        native = self.warehouse.duckdb
        if native is not None:  # DuckDB joins an array where it lies, many times faster than it takes one in
            values = np.empty((len(names), len(sample.base)))
            for rows, event, other in blocks(influence, len(sample.base)):
                values[:size, rows] = event.T
                if both:
                    values[size:, rows] = other.T
            frame = pd.DataFrame(values.T, columns=names, copy=False)
            frame.insert(0, "pattern", sample.pattern)
            native.register(table, frame)
            try:
                yield
            finally:
                native.unregister(table)
            return
        self.warehouse.declare(table, {"pattern": "BIGINT"} | dict.fromkeys(names, "DOUBLE"))
        try:
            for rows, event, other in blocks(influence, len(sample.base)):
                frame = pd.DataFrame(np.hstack([event, other]) if both else event, columns=names)
                frame.insert(0, "pattern", sample.pattern[rows])
                self.warehouse.append(frame, table)
            yield
        finally:
            self.warehouse.execute(f"DROP TABLE IF EXISTS {table}")

    def _sums(self, patterns: str, size: int, is_rate: bool) -> str:
        """One row for each child, or for each record whose child is not known."""
        if is_rate:
            value = [f"r.event * p.e{at}" for at in range(size)]
        else:
            value = [f"CASE WHEN r.event = 1 THEN p.e{at} ELSE p.o{at} END" for at in range(size)]
        joined = f"FROM {self.rows} r JOIN {patterns} p ON r.pattern = p.pattern"
        summed = ", ".join(f"SUM({one}) AS s{at}" for at, one in enumerate(value))
        alone = ", ".join(f"{one} AS s{at}" for at, one in enumerate(value))
        return (
            f"SELECT {summed} {joined} WHERE r.child_id IS NOT NULL GROUP BY r.child_id "
            f"UNION ALL SELECT {alone} {joined} WHERE r.child_id IS NULL"
        )

    def _products(self, sums: str, size: int) -> FloatArray:
        one, other = np.triu_indices(size)
        total = np.zeros((size, size))
        for start in range(0, len(one), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found = self._query(sums, one[part].tolist(), other[part].tolist())
            total[one[part], other[part]] = found
            total[other[part], one[part]] = found
        return total

    def _query(self, sums: str, one: Sequence[int], other: Sequence[int]) -> FloatArray:
        listed = ", ".join(f"SUM(s{a} * s{b}) AS q{at}" for at, (a, b) in enumerate(zip(one, other, strict=True)))
        row = self.warehouse.query(f"SELECT {listed} FROM {sums}")  # noqa: S608 - own names
        return row.iloc[0].to_numpy(dtype=np.float64, na_value=0.0)
