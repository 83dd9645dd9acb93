"""How often verdicts on recommendations are wrong, where what changed is known; the tables of docs/progress.md.

`python -m tests.study.progress --write docs/progress.md` (`nox -s progress_study`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from tests.progress.regions import GROUPS, KNOWN, RATES, Change, calendar, counts, expected, of, results, wanted
from tests.study.coverage import write_tables
from tests.study.intervals import markdown
from yjd.metrics import control_chart, excess
from yjd.metrics.control import RULES
from yjd.progress.changes import changes, released_rows
from yjd.progress.priorities import rank_intervals
from yjd.progress.signals import early_signals
from yjd.progress.verdicts import VERDICTS, judge, with_detectable
from yjd.progress.years import with_year_variation
from yjd.recommendations import Judging

REGIONS = 1000
VOLUMES = (1.0, 10.0)
TRACKED = ("entrants", "Black")


@dataclass(frozen=True)
class Scenario:
    """What changes, and which verdicts of which comparisons are then right."""

    words: str
    change: Change
    better: tuple[tuple[str, str], ...] = ()
    worse: tuple[tuple[str, str], ...] = ()
    judging: Judging = field(default_factory=Judging)
    targets: Mapping[str, float] | None = None


def _known(**shares: float) -> np.ndarray:
    return np.array([shares.get(group, KNOWN) for group in GROUPS])


_years = partial(Change, every_year=True)  # five on record
SCENARIOS = (
    Scenario("nothing", _years()),
    Scenario("the rate of one group falls by 40%", _years({"entrants": of(Black=0.6)}), better=(TRACKED,)),
    Scenario(
        "both rates fall by 30%, the ratio stays", _years({"entrants": np.full(5, 0.7), "precourt": np.full(5, 1.15)})
    ),
    Scenario("only the reference gets worse", _years({"entrants": of(White=1.4), "precourt": of(White=0.8)})),
    Scenario(
        "the ratio falls while both rates rise", _years({"entrants": of(Black=1.2, White=1.8)}), worse=(TRACKED,)
    ),
    Scenario("only recording: one group known for 75 of 100, not 95", _years(known_now=_known(Black=0.75))),
    Scenario("only recording: one group known for 90 of 100, not 95", _years(known_now=_known(Black=0.9))),
    Scenario("only recording: a small group known for 50 of 100, not 95", _years(known_now=_known(Other=0.5))),
    Scenario("only recording: one group known for 95 of 100, not 75", _years(known_then=_known(Black=0.75))),
    Scenario("unknown ethnicity rises from 5 to 20 of 100", _years(known_now=np.full(5, 0.8))),
    Scenario("unknown ethnicity falls from 20 to 5 of 100", _years(known_then=np.full(5, 0.8))),
    Scenario(
        "nothing; the ratio of one group is just at the target", _years(),
        targets={"entrants": float(RATES["entrants"][1] / RATES["entrants"][4])},
    ),
    Scenario("nothing; years vary 1.5 times as much as chance, which is not said", _years(dispersion=1.5)),
    Scenario("nothing; years vary 3 times as much as chance, which is not said", _years(dispersion=3.0)),
    Scenario("two years on record: nothing", Change()),
    Scenario("two years on record: the rate of one group falls by 40%", Change({"entrants": of(Black=0.6)}),
             better=(TRACKED,)),
    Scenario("two years on record: nothing; years vary 1.5 times as much, which is not said", Change(dispersion=1.5)),
    Scenario(
        "two years on record: nothing; years vary 1.5 times as much, which is said", Change(dispersion=1.5),
        judging=Judging(year_dispersion=1.5),
    ),
    Scenario("nothing; a year moves all groups alike, by 10%", _years(together=0.1)),
    Scenario("two years on record: nothing; a year moves all groups alike, by 10%", Change(together=0.1)),
)  # fmt: skip


def judged(scenario: Scenario, *, regions: int, volume: float, seed: int) -> pd.DataFrame:
    """Every comparison of so many regions, each a register by itself."""
    rows = released_rows(results(counts(scenario.change, regions=regions, volume=volume, seed=seed)))
    asked = wanted(regions, targets=scenario.targets)
    found = with_year_variation(changes(asked, rows), rows, calendar(scenario.change))
    return judge(found, scenario.judging, family=pd.factorize(asked["area"])[0])


def false_verdicts(found: pd.DataFrame, scenario: Scenario) -> dict[str, float]:
    """Shares of registers with a false verdict of each kind."""
    keys = list(zip(found["measure"], found["group"], strict=True))
    wrong = {
        "improving": (found["verdict"] == "improving") & ~pd.Series([key in scenario.better for key in keys]),
        "worsening": (found["verdict"] == "worsening") & ~pd.Series([key in scenario.worse for key in keys]),
        # at the target exactly nothing may be claimed; beyond it `met` is right
        "met": (found["verdict"] == "met") & pd.Series([key == TRACKED for key in keys]),
    }
    wrong["any"] = wrong["improving"] | wrong["worsening"] | wrong["met"]
    return {name: float(flag.groupby(found["area"].to_numpy()).any().mean()) for name, flag in wrong.items()}


def error_tables(regions: int, volumes: Sequence[float] = VOLUMES) -> str:
    """False verdicts, and what became of the comparison in which something changes."""
    wrong, right = [], []
    for number, scenario in enumerate(SCENARIOS):
        for volume in volumes:
            found = judged(scenario, regions=regions, volume=volume, seed=100 + number)
            share = false_verdicts(found, scenario)
            place = [scenario.words, f"{volume:g}"]
            wrong.append([*place, *(f"{100 * share[name]:.1f}" for name in ("improving", "worsening", "met", "any"))])
            own = found[(found["measure"] == TRACKED[0]) & (found["group"] == TRACKED[1])]["verdict"]
            right.append([*place, *(f"{100 * (own == verdict).mean():.1f}" for verdict in VERDICTS[:5])])
        sys.stderr.write(f"{scenario.words}\n")
    heads = ["what changes", "volume"]
    return "\n\n".join([
        "**Registers with a false verdict, in 100**",
        markdown([*heads, "improving", "worsening", "met", "any"], wrong),
        "**The verdict on entrants of the group that changes (Black), in 100**",
        markdown([*heads, *VERDICTS[:5]], right),
    ])  # fmt: skip


CELLS = (
    (0.5, "entrants", "Black"), (1.0, "entrants", "Mixed"), (4.0, "entrants", "Black"), (20.0, "entrants", "Black"),
    (1.0, "precourt", "Asian"), (4.0, "precourt", "Mixed"), (20.0, "precourt", "Other"),
)  # fmt: skip


def power_row(volume: float, measure: str, group: str, *, regions: int, seed: int) -> tuple[float, float]:
    """The smallest detectable change of one comparison, and how often it is found."""
    judging = Judging()
    one = with_detectable(judge(changes(wanted(1), released_rows(results(expected(volume=volume)))), judging), judging)
    factor = float(one.set_index(["measure", "group"])["detectable"][measure, group])
    scenario = Scenario("", Change({measure: of(**{group: factor})}))
    found = judged(scenario, regions=regions, volume=volume, seed=seed)
    own = found[(found["measure"] == measure) & (found["group"] == group)]
    return factor, float((own["verdict"] == "improving").mean())


def power_table(regions: int) -> str:
    """Stated and simulated power."""
    rows = []
    for number, (volume, measure, group) in enumerate(CELLS):
        factor, share = power_row(volume, measure, group, regions=regions, seed=300 + number)
        rows.append([f"{measure}, {group}", f"{volume:g}", f"{factor:.3f}", "80.0", f"{100 * share:.1f}"])
        sys.stderr.write(f"power {volume} {measure} {group}\n")
    head = ["comparison", "volume", "smallest detectable (times the rate)", "power stated", "power found"]
    return "**Power of the smallest detectable change, in 100**\n\n" + markdown(head, rows)


def signals_table(series: int) -> str:
    """Signals of charts without any change, beside those that are expected."""
    periods = [f"p{number:02d}" for number in range(24)]
    measure = {"id": "m", "kind": "rate", "per": 1, "adverse": "higher"}
    said = {"measures": [measure], "periods": [{"period": name, "start": name} for name in periods]}
    rows = []
    for number, mean in enumerate((2, 5, 20, 100, 1000)):
        chance = np.random.default_rng(900 + number)
        frame = pd.DataFrame({
            "measure": "m", "area": np.repeat([f"s{one:05d}" for one in range(series)], 24), "group": "Black",
            "period": np.tile(periods, series), "numerator": chance.poisson(mean, 24 * series).astype(float),
            "denominator": 1000.0 * mean,
        })  # fmt: skip
        table = control_chart(frame, kind="rate")
        found = early_signals(table, said)
        fired = table[(table["quantity"] == "signal") & (table["status"] == "ok")].groupby("term")["estimate"].sum()
        by_rule = [f"{100 * fired[rule] / (24 * series):.2f}" for rule in RULES]
        rate, stated = (100 * count / (24 * series) for count in (found.found, found.expected))
        rows.append([f"{mean}", *by_rule, f"{rate:.2f}", f"{stated:.2f}"])
    head = ["expected events a period", *RULES, "all", "stated as expected"]
    return "**Signals of charts without any change, of 100 points**\n\n" + markdown(head, rows)


def ranks_held(draws: int, *, seed: int, volume: float = 1.0) -> float:
    """How often the rank intervals of seven areas hold all true ranks at once."""
    chance = np.random.default_rng(seed)
    base = np.array([4500, 2400, 1500, 3000, 900, 2100, 2700.0])
    rates = np.array([9, 8, 11, 10, 7, 12, 8.5]) / 1000
    rest, other = 6 * base, np.full(7, 0.005)
    truth = base * rates - base * other
    rank = 1 + (-truth).argsort().argsort()
    area = np.tile([f"a{one}" for one in range(7)], draws)
    frame = pd.concat([
        pd.DataFrame({
            "measure": np.repeat([f"d{draw:05d}" for draw in range(draws)], 7), "area": area, "group": group,
            "numerator": chance.poisson(np.tile(volume * people * rate, draws)).astype(float),
            "denominator": np.tile(volume * people, draws),
        })
        for group, people, rate in (("Black", base, rates), ("White", rest, other))
    ])  # fmt: skip
    rows = excess(frame, kind="rate", reference="White").sort_values(["measure", "area"])
    table = [rows[name].to_numpy(dtype=float).reshape(draws, 7) for name in ("estimate", "lower", "upper")]
    held = 0
    for one in zip(*table, strict=True):
        best, worst = rank_intervals(*one, level=0.95, confidence=0.95)
        held += bool(((best <= rank) & (rank <= worst)).all())
    return held / draws


def tables(regions: int) -> str:
    """The tables of docs/progress.md."""
    ranks = [
        [f"{volume:g}", f"{100 * ranks_held(regions, seed=77, volume=volume):.1f}"] for volume in (1.0, 10.0, 100.0)
    ]
    parts = [
        error_tables(regions), power_table(2 * regions), signals_table(regions),
        "**Lists of seven areas whose rank intervals all hold, in 100**\n\n" + markdown(["volume", "held"], ranks),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study, and show or write its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=REGIONS, help="registers in each setting")
    parser.add_argument("--write", type=Path, help="document whose tables are replaced, such as docs/progress.md")
    given = parser.parse_args(arguments)
    text = tables(given.regions)
    if given.write is not None:
        write_tables(given.write, text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
