"""How often 95% intervals hold the truth: made-up extracts of many seeds, counted by the package itself.

Each seed's extracts have no dirt, pass through the real loading, stages and metrics, and stay unprotected, so
that no interval is hidden. ``python -m tests.study.coverage --write docs/coverage.md`` makes its tables again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from yjd import pipeline
from yjd.config import Settings, load
from yjd.extracts import LoadedExtracts, load_extracts
from yjd.project import template
from yjd.synthetic import YEARS, Truth, generate, model
from yjd.warehouse import Warehouse

LEVEL = 0.95
BY_YEAR = ("search_rate", "arrest_rate", "children_arrested_rate")  # their true ratio belongs to a year
EVERY_YEAR = (  # one true ratio, the same in every year: see docs/synthetic.md
    "precourt_share", "reoffending_rate", "intervention_accepted", "intervention_started",
    "intervention_completed",
)  # fmt: skip
MEASURES = (*BY_YEAR, *EVERY_YEAR)
FIRST_SEED, SEEDS = 1000, 100
FEWEST_JUDGED = 20  # with fewer seeds the standard error over seeds says nothing
INTERVAL_COLUMNS = ["measure", "period", "group", "numerator", "estimate", "lower", "upper", "status", "truth"]
# The demonstration's settings, with what the study does not look at left out.
SETTINGS = {
    'kinds = ["financial_year", "rolling_3_years"]': 'kinds = ["financial_year"]',
    'references = ["White", "White British", "others"]': 'references = ["White"]',
    'splits = { broad = [[], ["area"], ["sex"], ["age_band"]], detailed = [[]] }': (
        "splits = { broad = [[]] }\nimputations = 0"
    ),
    'standardise_over = ["age_band"]': "",
}


def settings_for(folder: Path, *, confidence: float = LEVEL) -> Settings:
    """Write the demonstration's yjd.toml, cut down to the study, into a folder that holds ``extracts``."""
    text = template("demo.toml")
    chosen = ", ".join(f'"{measure}"' for measure in MEASURES)
    for old, new in (SETTINGS | {"confidence = [0.95]": f"confidence = [{confidence}]\nmeasures = [{chosen}]"}).items():
        if old not in text:
            raise ValueError("demo.toml no longer says what the study replaces")
        text = text.replace(old, new)
    (folder / "yjd.toml").write_text(text, encoding="utf-8", newline="\n")
    return load(folder / "yjd.toml")


def unprotected(settings: Settings) -> tuple[LoadedExtracts, pd.DataFrame]:
    """Run the package's own loading, counting and measures, without disclosure control."""
    sensitive = pipeline.Folders.of(settings).sensitive
    sensitive.mkdir(parents=True, exist_ok=True)
    with Warehouse.open() as warehouse:
        loaded = load_extracts(settings, warehouse, sensitive, lambda _: None)
        counted = pipeline.count(settings, warehouse, fed=loaded.fed)
    return loaded, pipeline.compute(counted.cells, counted, settings)


def with_truth(results: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """Keep the ratios whose truth is known, each beside it: INTERVAL_COLUMNS."""
    ratios = results[(results["quantity"] == "rri") & (results["status"] != "censored")]
    keys = ratios[["measure", "group", "period"]].astype(str).itertuples(index=False, name=None)
    known = [
        truth.rri(measure, group, period=period.replace("-", "/") if measure in BY_YEAR else "every")
        for measure, group, period in keys
    ]
    return ratios.assign(truth=known)[INTERVAL_COLUMNS]


def one_seed(seed: int, *, scale: float = 1.0) -> pd.DataFrame:
    """Every interval of one seed, with its truth."""
    with tempfile.TemporaryDirectory(prefix="yjd-coverage-") as name:
        truth = generate(Path(name) / "extracts", seed=seed, scale=scale, dirt=False)
        _, results = unprotected(settings_for(Path(name)))
    return with_truth(results, truth).assign(seed=seed)


def tally(intervals: pd.DataFrame, by: str | Sequence[str] = "measure") -> pd.DataFrame:
    """Count how often the truth lies inside, below and above, with a Monte Carlo error that allows for seeds.

    Intervals of one seed share the White children, so they are not independent: the standard error is that of
    the mean over seeds of each seed's own share.
    """
    frame = intervals.assign(
        below=intervals["truth"] < intervals["lower"],
        above=intervals["truth"] > intervals["upper"],
        spread=intervals["upper"] / intervals["lower"],
        over_truth=intervals["estimate"] / intervals["truth"],
    )
    frame["held"] = ~(frame["below"] | frame["above"])
    keys = [by] if isinstance(by, str) else list(by)
    of_seed = frame.groupby([*keys, "seed"])["held"].mean().groupby(keys)
    grouped = frame.groupby(keys)
    return pd.DataFrame({
        "intervals": grouped.size(),
        "held": grouped["held"].mean(),
        "error": of_seed.std() / np.sqrt(of_seed.size()),
        "below": grouped["below"].mean(),
        "above": grouped["above"].mean(),
        "spread": grouped["spread"].median(),
        "middle": grouped["over_truth"].median(),
    })  # fmt: skip


def off_target(tallied: pd.DataFrame) -> list[str]:
    """Measures whose intervals hold the truth too seldom, or so often that they are wider than they need be.

    Exact intervals of counts hold it more often than stated, by a little: 98.5 in 100 would no longer be little.
    """
    too_seldom = tallied["held"] + 4 * tallied["error"] < LEVEL
    return [str(name) for name in tallied.index[too_seldom | (tallied["held"] > 0.985)]]


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, its first column to the left and all others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def arrests_if_independent() -> dict[str, float]:
    """What the coverage of arrest_rate would be, by group, if the interval took arrests to be independent.

    A child with expected arrests L and gamma frailty of shape k has variance L + L^2/k. Summed over children and
    divided by the sum of L this is phi, how many times a Poisson count's variance the arrests really have. Such
    an interval takes phi to be 1. Mean over the standard years.
    """
    built = model.build(YEARS[0], YEARS[-1], 1.0)
    white = model.HEADINGS.index("White")
    found = []
    for length, level in zip(
        built.calendar.lengths[model.HISTORY_YEARS :], built.calendar.levels[model.HISTORY_YEARS :], strict=True
    ):
        at_risk = level * model.exposure(int(length)).sum(axis=-1).reshape(8, -1)  # by presence pattern
        rate = model.product(built.arrest_level)
        mean = model.sum_by_heading(rate * (built.sizes @ at_risk.sum(axis=1)) / 365)
        squares = model.sum_by_heading(rate**2 * (built.sizes @ (at_risk**2).sum(axis=1)) / 365)
        real = 1 / mean + squares / model.FRAILTY_SHAPE / mean**2
        taken = 1 / mean + 1 / mean[white]
        z = stats.norm.isf((1 - LEVEL) / 2) * np.sqrt(taken / (real + real[white]))
        found.append(2 * stats.norm.cdf(z) - 1)
    shares = dict(zip(model.HEADINGS, np.mean(found, axis=0), strict=True))
    return {name: float(share) for name, share in shares.items() if name != "White"}


def tables(intervals: pd.DataFrame) -> str:
    """The tables of docs/coverage.md."""
    present = [name for name in MEASURES if name in set(intervals["measure"])]
    whole = tally(intervals).reindex(present)
    first = markdown(
        ["measure", "intervals", "held the truth, %", "standard error", "truth below, %", "truth above, %",
         "upper / lower, median", "estimate / truth, median"],
        [[f"`{row['measure']}`", f"{row['intervals']:,}", f"{100 * row['held']:.1f}", f"{100 * row['error']:.1f}",
          f"{100 * row['below']:.1f}", f"{100 * row['above']:.1f}", f"{row['spread']:.2f}",
          f"{row['middle']:.3f}"] for row in whole.reset_index().to_dict("records")],
    )  # fmt: skip
    held = tally(intervals, ["measure", "group"])["held"].unstack("group").reindex(present)
    rows = [
        [f"`{name}`", *(f"{100 * share:.1f}" for share in held.loc[name].to_numpy(dtype=float))] for name in present
    ]
    foreseen = arrests_if_independent()
    rows.append(["`arrest_rate`, were arrests independent", *(f"{100 * foreseen[name]:.1f}" for name in held.columns)])
    second = markdown(["measure", *held.columns], rows)
    return f"{first}\n\nThe share that held the truth, %, by group:\n\n{second}\n"


def write_tables(path: Path, text: str) -> None:
    """Put the tables into a document between its two marks; what is written around them stays."""
    begin, end = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    path.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study and show its tables; leave with 1 if a measure is off its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds")
    parser.add_argument("--first", type=int, default=FIRST_SEED, help="the first of them")
    parser.add_argument("--scale", type=float, default=1.0, help="how many times the children of the Census")
    parser.add_argument("--write", type=Path, help="document whose tables are replaced, such as docs/coverage.md")
    parser.add_argument("--keep", type=Path, help="file to which every interval is added as CSV, seed by seed")
    given = parser.parse_args(arguments)
    found = []
    for seed in range(given.first, given.first + given.seeds):
        found.append(one_seed(seed, scale=given.scale))
        if given.keep is not None:
            found[-1].to_csv(given.keep, mode="a", header=not given.keep.exists(), index=False)
        sys.stderr.write(f"\r{len(found)} of {given.seeds} seeds")
    sys.stderr.write("\n")
    intervals = pd.concat(found, ignore_index=True)
    text = tables(intervals)
    if given.write is not None:
        write_tables(given.write, text)
    sys.stdout.write(text)
    off = off_target(tally(intervals)) if given.seeds >= FEWEST_JUDGED else []
    sys.stdout.write(f"Off target: {', '.join(off)}.\n" if off else "")
    return int(bool(off))


if __name__ == "__main__":
    sys.exit(main())
