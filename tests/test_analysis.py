"""What a project has computed beside rates and ratios: which changes, which series, which pathways."""

from __future__ import annotations

import itertools
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import prepared
from yjd.analysis import analyse, gather, pairs, pathways
from yjd.config import Settings, load
from yjd.measures import measures, stages
from yjd.project import template
from yjd.schema import ALL, SPLITS
from yjd.warehouse import Warehouse


def settings(folder: Path, **changes: str) -> Settings:
    text = template("demo.toml")
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    (folder / "yjd.toml").write_text(text, encoding="utf-8")
    return load(folder / "yjd.toml")


def test_each_year_is_set_against_the_one_before_and_the_last_against_the_first(tmp_path: Path) -> None:
    found = pairs(settings(tmp_path))  # rolling years overlap, so none of them is compared
    years = ["2020-21", "2021-22", "2022-23", "2023-24", "2024-25"]
    assert found == [*itertools.pairwise(years), (years[0], years[-1])]
    asked = 'headline = "2024-25"\nchanges = [["2020-21", "2023-24"]]'
    assert pairs(settings(tmp_path, own=('headline = "2024-25"', asked))) == [("2020-21", "2023-24")]


def test_a_pathway_goes_over_the_stages_that_are_counted(tmp_path: Path) -> None:
    some = {name: stage for name, stage in stages().items() if name in ("population", "arrests", "outcomes", "court")}
    (way,) = pathways(settings(tmp_path), some)  # there are no pre-court outcomes and no searches
    assert (way.name, way.steps) == ("court", ("population", "arrests", "outcomes", "court"))


def test_a_series_falls_by_what_it_falls_and_stops_at_a_break(tmp_path: Path) -> None:
    """Counts that halve every year: the trend is one half, a change is one half, and a break starts anew."""
    years = ["2020-21", "2021-22", "2022-23", "2023-24", "2024-25"]
    cells = pd.DataFrame([
        {"stage": stage, "period": year, **dict.fromkeys(SPLITS, ALL), "level": "broad", "group": group,
         "n": 100_000.0 if stage == "population" else size / 2**place, "status": "ok", "disclosure": "shown"}
        for stage in ("arrests", "population") for place, year in enumerate(years)
        for group, size in (("Black", 1600.0), ("White", 800.0))
    ])  # fmt: skip

    def found(of: Settings, quantity: str) -> dict[str, tuple[float, str]]:
        rows = analyse(cells, [measures()["arrest_rate"]], stages(), of)
        own = rows[(rows["quantity"] == quantity) & (rows["group"] == "Black") & rows["reference"].isin(["", "White"])]
        return {row.term: (row.estimate, row.status) for row in own.itertuples()}

    whole = settings(tmp_path)
    # a year is not quite as long as 365.25 days, nor are all of one length
    assert found(whole, "trend_rate") == {"2020-21": (pytest.approx(0.5, rel=1e-3), "ok")}
    assert found(whole, "change_rate")["2023-24"] == (pytest.approx(0.5, rel=1e-12), "ok")
    assert [estimate for estimate, _ in found(whole, "change_rri").values()] == pytest.approx([1] * 4, rel=1e-12)
    broken = 'headline = "2024-25"\nbreaks = [{ period = "2022-23", note = "changed" }]'
    apart = settings(tmp_path, own=('headline = "2024-25"', broken))
    assert list(found(apart, "trend_rate")) == ["2022-23"]
    assert found(apart, "change_rate")["2021-22"][1] == "break"


def test_draws_of_imputation_cannot_be_repeated_without_the_key_of_the_project(tmp_path: Path) -> None:
    seeds = []
    for name in ("one", "other", "one"):
        (tmp_path / name).mkdir(exist_ok=True)
        own = settings(tmp_path / name, own=("demonstration = true", "demonstration = false"))
        with Warehouse.open() as warehouse:
            seeds.append(gather(prepared(warehouse), [], {}, own).seed)
    assert seeds[0] == seeds[2] != seeds[1]
    assert min(seeds) > 2**128  # far too many to try them all
