"""Times the models beside statsmodels, in one run on made-up records. Not a test: a busy machine is no fault.

`python tests/bench_models.py [records] [rows]`: how many records (1,000,000 unless given), and whether statsmodels is
also run row by row (minutes, and several gigabytes) by giving the word rows.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from yjd.models.children import ByChild
from yjd.models.clusters import ByRow
from yjd.models.design import build
from yjd.models.fit import fit_rung
from yjd.models.ladder import Rung, ladder
from yjd.models.sample import read_sample
from yjd.warehouse import Warehouse

SIZES = {"age_band": 3, "sex": 3, "area": 7, "period": 3, "offence_group": 14, "gravity": 9, "prior": 8,
         "engagement": 9, "plea": 8}  # fmt: skip
NAMES = tuple(SIZES)
RUNGS = (Rung("M0"), Rung("M1", NAMES[:4]), Rung("M2", NAMES[:6]), Rung("M3", NAMES[:7]), Rung("M4", NAMES))
BUDGET = 10.0  # seconds for the ladder of a million records


def records(count: int) -> pd.DataFrame:
    """Records with a group, nine adjusters, a child and an event."""
    rng = np.random.default_rng(7)
    group = rng.choice(6, count, p=[0.5, 0.15, 0.12, 0.1, 0.05, 0.08])
    linear = -1.0 + np.array([0.0, 0.4, 0.2, 0.1, -0.1, 0.0])[group]
    columns: dict[str, object] = {
        "group": pd.Categorical.from_codes(group, ["White", "Black", "Asian", "Mixed", "Other", "Unknown"])
    }
    for name, size in SIZES.items():
        shares = 1.0 / np.arange(1, size + 1)
        code = rng.choice(size, count, p=shares / shares.sum())
        linear = linear + rng.normal(0, 0.3, size)[code]
        columns[name] = pd.Categorical.from_codes(code, [f"{name}_{at}" for at in range(size)])
    columns["child_id"] = rng.integers(0, int(count * 0.6), count)
    columns["event"] = (rng.random(count) < 1 / (1 + np.exp(-linear))).astype(np.int64)
    return pd.DataFrame(columns)


def counted(frame: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Model counts, as the warehouse gives them (text), and the pattern of each record."""
    keys = ["group", *NAMES]
    pattern = frame.groupby(keys, observed=True, sort=False).ngroup().to_numpy()
    first = frame.assign(pattern=pattern).drop_duplicates("pattern").sort_values("pattern")
    table = first[keys].astype("str").reset_index(drop=True)
    table["base"] = np.bincount(pattern).astype(float)
    table["events"] = np.bincount(pattern, weights=frame["event"]).astype(float)
    return table, pattern


def timed(what: str, run: Callable[[], object]) -> tuple[object, float]:
    """Run once, and say how long it took."""
    start = time.perf_counter()
    found = run()
    took = time.perf_counter() - start
    sys.stdout.write(f"{what}: {took:.2f} s\n")
    sys.stdout.flush()
    return found, took


def written_out(table: pd.DataFrame, columns: tuple[tuple[str, str], ...]) -> np.ndarray:
    """The dense design of statsmodels."""
    matrix = np.ones((len(table), len(columns)))
    for at, (name, level) in enumerate(columns):
        if level:
            matrix[:, at] = table[name].astype("str").to_numpy(dtype=object) == level
    return matrix


def main() -> int:
    """Print times, ratios and how well the coefficients agree; leave with 1 if the ladder is over its budget."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    frame = records(count)
    table, pattern = counted(frame)
    sys.stdout.write(f"{count:,} records, {len(table):,} patterns\n")
    with Warehouse.open() as warehouse:
        warehouse.write(frame[["child_id", "event"]].assign(pattern=pattern), "model_rows")
        clusters = ByChild(warehouse, "model_rows")
        _, by_row = timed("ladder of five rungs, each record by itself",
                          lambda: ladder(table, kind="proportion", rungs=RUNGS, clusters=ByRow()))  # fmt: skip
        _, by_child = timed("ladder of five rungs, by child",
                            lambda: ladder(table, kind="proportion", rungs=RUNGS, clusters=clusters))  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    sys.stdout.write(f"memory at its highest, records and all: {peak:.1f} GB\n")
    sample = read_sample(table, kind="proportion", adjusters=NAMES)
    rung = build(sample, NAMES, reference="White")
    ours, own = timed(f"one logistic model of {rung.design.width} columns", lambda: fit_rung(rung, family="binomial"))
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    matrix = written_out(table, rung.design.columns)
    both = np.column_stack([table["events"], table["base"] - table["events"]])
    grouped, took = timed("statsmodels on the counts", lambda: GLM(both, matrix, family=Binomial()).fit(tol=1e-12))
    apart = np.abs(ours.coefficients - grouped.params).max()  # type: ignore[attr-defined]
    sys.stdout.write(f"  {took / own:.0f} times as long; coefficients agree to {apart:.0e}\n")
    if "rows" in sys.argv:
        del matrix, both
        dense = written_out(frame, rung.design.columns)
        rows, took = timed("statsmodels row by row, clustered by child", lambda: GLM(
            frame["event"].to_numpy(), dense, family=Binomial()
        ).fit(tol=1e-12, cov_type="cluster", cov_kwds={"groups": frame["child_id"].to_numpy()}))  # fmt: skip
        apart = np.abs(ours.coefficients - rows.params).max()  # type: ignore[attr-defined]
        sys.stdout.write(f"  {took / own:.0f} times as long as one fit, {took / by_child:.1f} times as long as "
                         f"the ladder by child; coefficients agree to {apart:.0e}\n")  # fmt: skip
    over = max(by_row, by_child) > BUDGET * count / 1_000_000
    sys.stdout.write(f"budget of the ladder: {BUDGET:g} s a million{' OVER' if over else ''}\n")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
