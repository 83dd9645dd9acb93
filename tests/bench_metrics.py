"""Times every metric on a table of the size that is planned for, beside a loop over rows by other packages.

19 groups, 7 areas, 20 periods, 3 references: `python tests/bench_metrics.py [kind] [repeats] [profile]`. Not a test: a
busy machine is no fault, so processor time is what the budget is set against.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import cast

import numpy as np
import pandas as pd

from yjd import metrics
from yjd.metrics.counts import Kind
from yjd.metrics.pathway_stages import PathwayCells
from yjd.schema import ALL

BUDGET = 2.0  # seconds, everything together
GROUPS = [f"Group {number:02}" for number in range(1, 19)] + ["White"]
TOTALS = ["Unknown", "Known", "All"]
AREAS = [f"Area {number}" for number in range(1, 8)]
SEXES, AGES = ["Female", "Male"], ["10-12", "13-15", "16-17"]
TIMES = {f"{2005 + number}": 2005.0 + number for number in range(20)}
PAIRS = list(pairwise(TIMES))
STEPS = ("population", "arrests", "outcomes", "court")
REFERENCES = ["White", "others", "everyone"]
SAMPLE = 150  # rows that the loops are timed on

Timed = Mapping[str, Callable[[], pd.DataFrame]]


def finest(kind: Kind) -> pd.DataFrame:
    """Known and unknown children by period, area, sex and age band."""
    rng = np.random.default_rng(11)
    keys = pd.MultiIndex.from_product(
        [list(TIMES), AREAS, SEXES, AGES, [*GROUPS, "Unknown"]], names=["period", "area", "sex", "age_band", "group"]
    ).to_frame(index=False)
    size = np.append(np.geomspace(60, 1500, len(GROUPS) - 1), [6000.0, 200.0])
    place = pd.Index([*GROUPS, "Unknown"]).get_indexer(pd.Index(keys["group"]))
    base = rng.poisson(size[place] / 6)
    events = rng.binomial(base, 0.02 if kind == "rate" else 0.2)
    unknown = (keys["group"] == "Unknown").to_numpy(dtype=bool)
    return keys.assign(
        measure="measure", level="detailed", numerator=events.astype(float),
        denominator=np.where(unknown & (kind == "rate"), np.nan, base.astype(float)),
    )  # fmt: skip


def with_totals(cells: pd.DataFrame) -> pd.DataFrame:
    """The margins that are published: the whole, areas, and sex by age band, with rows Known and All."""
    keys, margins = ["measure", "level", "period", "area", "sex", "age_band"], []
    for split in ([], ["area"], ["sex", "age_band"]):
        others = {name: ALL for name in ("area", "sex", "age_band") if name not in split}
        margins.append(cells.assign(**others))
    rows = pd.concat(margins)
    known = rows[rows["group"] != "Unknown"].assign(group="Known")
    every = pd.concat([rows, known, rows.assign(group=ALL)])
    counts = every.groupby([*keys, "group"], sort=False, as_index=False)[["numerator", "denominator"]].sum(min_count=1)
    counts.loc[counts["group"].isin(["Unknown"]) & (counts["denominator"] == 0), "denominator"] = np.nan
    return counts


def pathway_cells(counts: pd.DataFrame) -> pd.DataFrame:
    """Four stages of decreasing size."""
    rows = counts[~counts["group"].isin([ALL])]
    stages = [("population", rows["denominator"]), ("arrests", rows["numerator"])]
    stages += [(name, (rows["numerator"] * share).round()) for name, share in (("outcomes", 0.7), ("court", 0.3))]
    return pd.concat([rows.assign(stage=name, n=values) for name, values in stages], ignore_index=True)


def plan() -> metrics.Plan:
    """Everything that a plan can hold."""
    return metrics.Plan(
        references=REFERENCES, over=("sex", "age_band"), areas=True, series=[TIMES], charts=[TIMES], pairs=PAIRS,
        imputations=20,
    )  # fmt: skip


def each_metric(counts: pd.DataFrame, strata: pd.DataFrame, kind: Kind) -> Timed:
    """Every metric alone, with all references where it takes one."""

    def compared(metric: Callable[..., pd.DataFrame], references: list[str], **more: object) -> pd.DataFrame:
        return pd.concat([metric(counts, kind=kind, reference=name, **more) for name in references])

    def along(cells: pd.DataFrame) -> pd.DataFrame:
        prepared = PathwayCells.of(cells)
        return pd.concat([metrics.pathway(prepared, steps=STEPS, reference=name) for name in named])

    named = REFERENCES
    cells = pathway_cells(counts)
    ratios = compared(metrics.relative_rate, named)
    return {
        "rate": lambda: metrics.rate(counts, kind=kind),
        "composition": lambda: metrics.composition(counts),
        "representation": lambda: metrics.representation(counts, kind=kind),
        "relative_rate": lambda: compared(metrics.relative_rate, named),
        "difference": lambda: compared(metrics.difference, named),
        "excess": lambda: compared(metrics.excess, named),
        "missing_bounds": lambda: compared(metrics.missing_bounds, named),
        "imputed_ratio": lambda: metrics.imputed_ratio(strata, counts, kind=kind),
        "standardised_rate": lambda: metrics.standardised_rate(counts, kind=kind),
        "standardised_rri": lambda: compared(metrics.standardised_rri, named),
        "standardised_ratio": lambda: compared(metrics.standardised_ratio, named),
        "mantel_haenszel": lambda: compared(metrics.mantel_haenszel, named[:2]),
        "shrunken_rate": lambda: metrics.shrunken_rate(counts, kind=kind),
        "funnel": lambda: metrics.funnel(counts, kind=kind),
        "trend": lambda: metrics.trend(counts, kind=kind, times=TIMES),
        "trend_ratio": lambda: compared(metrics.trend_ratio, named, times=TIMES),
        "control_chart": lambda: metrics.control_chart(counts, kind=kind, times=TIMES),
        "change": lambda: compared(metrics.change, named, pairs=PAIRS),
        "pathway": lambda: along(cells),
        "adjust": lambda: metrics.adjust(ratios),
        "intersections": lambda: metrics.intersections(counts, kind=kind),
        "relative_rate, midp": lambda: compared(metrics.relative_rate, named, method="midp"),
    }


def by_rows(counts: pd.DataFrame, kind: Kind) -> dict[str, tuple[Callable[[int], object], int]]:
    """The same intervals by statsmodels and SciPy, one row at a time, and how many rows each has."""
    from scipy.stats import binomtest
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
    from statsmodels.stats.rates import confint_poisson

    rows = counts[counts["group"].isin(GROUPS) & counts["denominator"].notna()]
    white = rows[rows["group"] == "White"].drop(columns="group")
    both = rows.merge(white, on=["measure", "level", "period", "area", "sex", "age_band"], suffixes=("", "_white"))
    both = both[(both["group"] != "White") & (both["numerator"] > 0)].iloc[:: max(len(both) // SAMPLE, 1)]
    names = ["numerator", "denominator", "numerator_white", "denominator_white"]
    table = both[names].to_numpy(dtype=float)
    years = np.column_stack([np.ones(len(TIMES)), list(TIMES.values())])
    compared = len(REFERENCES) * (len(rows) - len(white))

    def pair(row: int) -> object:
        a, A, b, B = table[row % len(table)]
        if kind == "proportion":
            return confint_proportions_2indep(a, A, b, B, method="score", compare="ratio")
        return binomtest(int(a), int(a + b)).proportion_ci()

    def one(row: int) -> object:
        a, A = table[row % len(table), :2]
        return (
            proportion_confint(a, A, method="wilson")
            if kind == "proportion"
            else confint_poisson(a, A, method="exact-c")
        )

    def apart(row: int) -> object:
        a, A, b, B = table[row % len(table)]
        return confint_proportions_2indep(a, A, b, B, method="newcomb", compare="diff")

    def slope(row: int) -> object:
        events = np.random.default_rng(row).poisson(20.0, len(TIMES))
        return GLM(events, years, family=Poisson(), offset=np.zeros(len(TIMES))).fit()

    return {
        "rate": (one, len(counts)),
        "relative_rate": (pair, compared),
        "difference": (apart, compared),
        "trend": (slope, len(counts) // len(TIMES)),
    }


def fastest(run: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Least processor time, and least time on the clock, of several runs."""
    spent, passed = [], []
    for _ in range(repeats):
        busy, start = time.process_time(), time.perf_counter()
        run()
        spent.append(time.process_time() - busy)
        passed.append(time.perf_counter() - start)
    return min(spent), min(passed)


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def bench(kind: Kind, repeats: int, *, profiled: bool) -> float:
    """Print one table, and return the processor time of everything together."""
    strata = finest(kind)
    counts = with_totals(strata)
    settings = plan()

    cells = pathway_cells(counts)

    def together(some: pd.DataFrame | None) -> pd.DataFrame:
        found = metrics.all_results(counts, kind=kind, per=1000.0, plan=settings, strata=some)
        prepared = PathwayCells.of(cells)
        along = [metrics.pathway(prepared, steps=STEPS, reference=name) for name in REFERENCES]
        return metrics.adjust(pd.concat([found, *along], ignore_index=True))

    size = len(together(strata))
    say(f"\n{kind}: {len(counts):,} rows of counts, {size:,} of results; seconds of the processor (of the clock)")
    spent, passed = fastest(lambda: together(strata), repeats)
    without, clock = fastest(lambda: together(None), repeats)
    say(f"  everything                            {spent:7.2f} ({passed:.2f})")
    say(f"  everything but imputation             {without:7.2f} ({clock:.2f})")
    alone = {}
    for name, run in each_metric(counts, strata, kind).items():
        alone[name], clock = fastest(run, repeats)
        say(f"  {name:36}  {alone[name]:7.3f} ({clock:.3f}), {len(run()):,} rows")
    say("the same intervals row by row, timed on a sample and scaled up (statsmodels, SciPy)")
    for name, (run_row, rows) in by_rows(counts, kind).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            taken, _ = fastest(lambda run_row=run_row: [run_row(row) for row in range(SAMPLE)], 1)  # type: ignore[misc]
        scaled = taken / SAMPLE * rows
        say(f"  {name:36}  {scaled:7.2f}, {scaled / alone[name]:.0f} times as long")
    if profiled:
        with cProfile.Profile(time.process_time) as profile:
            together(strata)
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(25)
        pstats.Stats(profile, stream=sys.stdout).sort_stats("cumulative").print_stats("yjd", 40)
    return spent


def main(arguments: list[str]) -> int:
    """Print the tables; leave with 1 if everything together is over its budget."""
    kinds = [name for name in arguments if name in ("rate", "proportion")] or ["rate", "proportion"]
    repeats = next((int(name) for name in arguments if name.isdigit()), 3)
    over = 0
    for kind in kinds:
        spent = bench(cast(Kind, kind), repeats, profiled="profile" in arguments)
        over += spent > BUDGET
        say(f"budget of a {kind}: {BUDGET:g} s{' OVER' if spent > BUDGET else ''}")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
