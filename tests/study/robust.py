"""Whether the adjusted comparisons come out right when one of their models is wrong, on records whose truth is known.

`python -m tests.study.robust --write docs/robust.md` makes the tables of docs/robust.md again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tests.study.coverage import markdown, write_tables
from yjd.models.clusters import ByRow
from yjd.models.decomposition import decompose
from yjd.models.doubly_robust import doubly_robust
from yjd.models.ladder import Rung, ladder
from yjd.models.nuisance import deal

Array = NDArray[np.float64]

GROUPS = ("White", "Black", "Asian")
ADJUSTERS = ("age", "offence", "prior")
LEVELS = (3, 4, 2)
SCENARIOS = {
    "both": "both models right",
    "event wrong": "model of the event wrong",
    "group wrong": "model of the group wrong",
}
METHODS = ("ladder", "weighted", "augmented", "augmented, whole population", "augmented, trees", "matched")
RUNS, TREE_RUNS, RECORDS, LEVEL = 400, 60, 6000, 0.95


@dataclass(frozen=True)
class World:
    """Chances that make records.

    Shapes: labels (patterns, adjusters); chance of each pattern (patterns,); of each group and of the event, given the
    pattern (patterns, groups).
    """

    labels: NDArray[np.intp]
    pattern: Array
    group: Array
    event: Array

    def truth(self, share: Array) -> dict[str, float]:
        """Each group's average difference from White, in 100, for patterns with these shares."""
        rates = 100 * share @ self.event
        return {name: float(rates[at] - rates[0]) for at, name in enumerate(GROUPS) if at}

    def truth_for_group(self, shares: Array) -> dict[str, float]:
        """The same for each group's own patterns: shares (patterns, groups)."""
        apart = 100 * (self.event - self.event[:, :1])
        return {name: float(shares[:, at] @ apart[:, at]) for at, name in enumerate(GROUPS) if at}


def world(scenario: str) -> World:
    """Chances with main terms only ("both"), or with more in the model of the event or of the group."""
    labels = np.stack(np.meshgrid(*(np.arange(size) for size in LEVELS), indexing="ij"), axis=-1).reshape(-1, 3)
    age, offence, prior = labels.T
    rng = np.random.default_rng(3)
    pattern = rng.dirichlet(np.full(len(labels), 4.0))
    lean = np.column_stack([
        np.zeros(len(labels)), -0.9 + 0.5 * (offence == 1) + 0.6 * prior - 0.3 * age,
        -1.1 - 0.5 * (offence == 2) + 0.4 * (age == 2) - 0.4 * prior,
    ])  # fmt: skip
    linear = -1.2 + 0.4 * age + np.array([0.0, 0.5, -0.4, 0.9])[offence] + 0.9 * prior
    linear = linear[:, None] + np.array([0.0, 0.4, -0.3])
    if scenario == "event wrong":
        linear[:, 1] += np.where((offence == 1) & (prior == 1), -2.2, 0.6)
        linear[:, 2] += np.where(age == 2, 1.5, -0.5)
        linear -= 1.6 * ((age == 2) & (prior == 1))[:, None]
    if scenario == "group wrong":
        same = (prior == 1) == (offence % 2 == 1)
        lean[:, 1] += np.where(same, 1.1, -0.9) + 0.7 * ((age == 2) & (offence == 3))
        lean[:, 2] += np.where((age == 0) == (prior == 1), 0.9, -0.7)
    chance = np.exp(lean)
    return World(labels, pattern, chance / chance.sum(axis=1, keepdims=True), 1 / (1 + np.exp(-linear)))


def draw(made: World, rng: np.random.Generator, records: int = RECORDS) -> tuple[pd.DataFrame, Array]:
    """Model counts with folds, and the records of each pattern and group: shape (patterns, groups)."""
    cell = (made.pattern[:, None] * made.group).ravel()
    base = rng.multinomial(records, cell / cell.sum())
    events = rng.binomial(base, made.event.ravel())
    frame = pd.DataFrame(np.repeat(made.labels, len(GROUPS), axis=0).astype(str), columns=list(ADJUSTERS))
    frame.insert(0, "group", np.tile(GROUPS, len(made.labels)))
    counted = frame.assign(base=base.astype(float), events=events.astype(float))
    dealt = deal(counted[counted["base"] > 0], seed=int(rng.integers(2**31)))
    return dealt, base.reshape(-1, len(GROUPS)).astype(float)


def one_run(made: World, seed: int, *, trees: bool = False, records: int = RECORDS) -> pd.DataFrame:
    """Every method's estimate and interval on one draw, beside its truth: one row a method and group."""
    counts, base = draw(made, np.random.default_rng(seed), records)
    these, those = made.truth(base.sum(axis=1) / base.sum()), made.truth(made.pattern)
    own = made.truth_for_group(base / base.sum(axis=0))
    rows = ladder(counts, kind="proportion", rungs=[Rung("M", ADJUSTERS)], clusters=ByRow())
    found = [_picked(rows, "marginal_difference", "ladder", these)]
    rows = doubly_robust(counts, adjusters=ADJUSTERS)
    found += [
        _picked(rows, "ipw_difference", "weighted", those), _picked(rows, "aipw_difference", "augmented", these),
        _picked(rows, "matched_difference", "matched", own),
    ]  # fmt: skip
    rows = doubly_robust(counts, adjusters=ADJUSTERS, target="population")
    found.append(_picked(rows, "aipw_difference", "augmented, whole population", those))
    if trees:
        rows = doubly_robust(counts, adjusters=ADJUSTERS, learner="trees", seed=seed)
        found.append(_picked(rows, "aipw_difference", "augmented, trees", these))
    return pd.concat(found, ignore_index=True).assign(seed=seed)


def _picked(rows: pd.DataFrame, quantity: str, method: str, truth: dict[str, float]) -> pd.DataFrame:
    kept = rows.loc[rows["quantity"] == quantity, ["group", "estimate", "lower", "upper"]]
    return kept.assign(method=method, truth=kept["group"].map(truth))


def true_parts(made: World) -> dict[tuple[str, str], float]:
    """The decomposition of the population itself: the same numbers from ten million records, without chance."""
    cell = made.pattern[:, None] * made.group * 1e7
    frame = pd.DataFrame(np.repeat(made.labels, len(GROUPS), axis=0).astype(str), columns=list(ADJUSTERS))
    frame.insert(0, "group", np.tile(GROUPS, len(made.labels)))
    rows = decompose(frame.assign(base=cell.ravel(), events=(cell * made.event).ravel()), adjusters=ADJUSTERS)
    rows = rows[rows["quantity"] == "decomposition"]
    return dict(zip(zip(rows["group"], rows["term"], strict=True), rows["estimate"], strict=True))


def parts_run(made: World, truth: dict[tuple[str, str], float], seed: int, records: int = RECORDS) -> pd.DataFrame:
    """The decomposition of one draw beside the truth: one row a group and term."""
    counts, _ = draw(made, np.random.default_rng(seed), records)
    rows = decompose(counts, adjusters=ADJUSTERS)
    kept = rows.loc[rows["quantity"] == "decomposition", ["group", "term", "estimate", "lower", "upper"]]
    known = [truth[key] for key in zip(kept["group"], kept["term"], strict=True)]
    return kept.rename(columns={"term": "method"}).assign(truth=known, seed=seed)


def tally(found: pd.DataFrame) -> pd.DataFrame:
    """Error of the average, spread of the estimates, and how often the truth was held, by method."""
    frame = found.assign(
        error=found["estimate"] - found["truth"],
        held=(found["lower"] <= found["truth"]) & (found["truth"] <= found["upper"]),
        reach=(found["upper"] - found["lower"]) / 2 / 1.959964,
    )
    by_group = frame.groupby(["method", "group"], sort=False)
    spread, average = by_group["error"].std(), by_group["error"].mean()
    largest = average.abs().groupby("method", sort=False).idxmax()
    of_seed = frame.groupby(["method", "seed"], sort=False)["held"].mean().groupby("method", sort=False)
    return pd.DataFrame({
        "runs": by_group.size().groupby("method", sort=False).first(),
        "error": average.loc[largest].droplevel("group"),
        "spread": spread.groupby("method", sort=False).mean(),
        "reach": by_group["reach"].mean().groupby("method", sort=False).mean(),
        "held": of_seed.mean(),
        "uncertain": of_seed.std() / np.sqrt(of_seed.size()),
    })  # fmt: skip


def _table(found: pd.DataFrame, first: str, order: Sequence[str]) -> str:
    summed = tally(found)
    rows = [
        [name, f"{row['runs']:.0f}", f"{row['error']:+.2f}", f"{row['spread']:.2f}", f"{row['reach']:.2f}",
         f"{100 * row['held']:.1f}", f"{100 * row['uncertain']:.1f}"]
        for name, row in summed.reindex([one for one in order if one in summed.index]).iterrows()
    ]  # fmt: skip
    return markdown(
        [first, "runs", "error of the average", "spread", "standard error", "held the truth, %", "give or take"], rows
    )  # fmt: skip


def tables(runs: int, tree_runs: int) -> str:
    """The tables of docs/robust.md."""
    parts = []
    for scenario, words in SCENARIOS.items():
        made = world(scenario)
        found = [one_run(made, 1000 + seed, trees=seed < tree_runs) for seed in range(runs)]
        parts.append(f"**{words.capitalize()}**\n\n{_table(pd.concat(found), 'method', METHODS)}")
        sys.stderr.write(f"{scenario}\n")
    made = world("both")
    truth = true_parts(made)
    found = [parts_run(made, truth, 5000 + seed) for seed in range(runs)]
    order = (*ADJUSTERS, "explained", "unexplained", "gap")
    parts.append(f"**Parts of the gap**\n\n{_table(pd.concat(found), 'part', order)}")
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study, and show or write its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="draws of records in each setting")
    parser.add_argument("--tree-runs", type=int, default=TREE_RUNS, help="how many of them with trees too")
    parser.add_argument("--write", type=Path, help="document whose tables are replaced, such as docs/robust.md")
    given = parser.parse_args(arguments)
    text = tables(given.runs, given.tree_runs)
    if given.write is not None:
        write_tables(given.write, text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
