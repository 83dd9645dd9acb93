"""Whole runs on published tables and open records, held against the figures that were published."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from yjd.config import load
from yjd.pipeline import RunOutcome, run
from yjd.release import Release, read_release

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
WEST_MIDLANDS = DATA / "west-midlands"
SEARCHES = DATA / "police-uk" / "stop_and_search_7_forces_2019_12_2020_02.csv"

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.is_dir(), reason="the published tables are not in ../shared/data"),
]

COMMON = """
[disclosure]
minimum_count = 3
zero_safe = true
minimum_denominator = 0
minimum_children = 0
largest_share_percent = 100
interval_width = 2
method = "hide"
round_to = 0
minimum_degrees_of_freedom = 0

[analysis]
splits = { broad = [[]] }
confidence = [0.95]
"""
CENSUS = f"""
[[extracts]]
name = "census"
table = "population"
file = '{(WEST_MIDLANDS / "population_census2021_age10_17.csv").as_posix()}'
ignore = "*"
columns = {{ area = "la_name", ethnicity = "ethnicity", sex = "sex", age_band = "age_band", n = "population" }}
ethnicity = {{ self_defined = "broad_5" }}
"""
DISTRICTS = ("Birmingham", "Coventry", "Dudley", "Sandwell", "Solihull", "Walsall", "Wolverhampton")


def outcome_of(folder: Path, toml: str) -> tuple[RunOutcome, Release]:
    (folder / "yjd.toml").write_text(toml, encoding="utf-8")
    outcome = run(load(folder / "yjd.toml"), report=False)
    return outcome, read_release(outcome.release)


def rows(release: Release, measure: str, quantity: str, **keys: str) -> pd.DataFrame:
    found = release.results
    found = found[(found["measure"] == measure) & (found["quantity"] == quantity) & (found["level"] == "broad")]
    for name, value in keys.items():
        found = found[found[name] == value]
    return found


def year(ending: int) -> str:
    return f"{ending - 1}-{ending % 100:02d}"


# ------------------------------------------------------------------ (a) arrests


@pytest.fixture(scope="module")
def arrests(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """West Midlands Police arrests of children, years ending March 2007 to 2022 and 2025.

    The table of 2025 leaves out the row of those without a stated ethnicity: it is the published total less the groups.
    """
    folder = tmp_path_factory.mktemp("arrests")
    latest = pd.read_csv(WEST_MIDLANDS / "arrests_children_ye_mar_2025.csv")
    known = latest[latest["ethnicity"] != "overall"]["arrests"].sum()
    total = latest.loc[latest["ethnicity"] == "overall", "arrests"].item()
    (folder / "not_stated.csv").write_text(
        f"area,ethnicity,arrests\nWest Midlands,Not stated,{total - known}\n", encoding="utf-8"
    )
    area = ", ".join(f'"{name}" = "West Midlands"' for name in DISTRICTS)
    toml = f"""
[project]
title = "Arrests"
areas = ["West Midlands"]
[periods]
kinds = ["financial_year"]
first = 2006
last = 2024
[ethnicity]
references = ["White"]
{COMMON}
{CENSUS}
labels = {{ area = {{ {area} }} }}

[[extracts]]
name = "arrests_to_2022"
table = "counts"
file = '{(WEST_MIDLANDS / "arrests_children_2007_2022.csv").as_posix()}'
ignore = "*"
columns = {{ area = "level", ethnicity = "ethnicity", sex = "gender", n = "count" }}
constants = {{ stage = "arrests" }}
period = {{ column = "end_period_year", kind = "year_ending_march" }}
scope = {{ level = ["West Midlands (police)"] }}
ethnicity = {{ self_defined = "home_office_5" }}
[extracts.labels]
area = {{ "West Midlands (police)" = "West Midlands" }}
sex = {{ "Girls" = "Female", "Boys" = "Male", "CHECK THIS VALUE" = "Unknown" }}

[[extracts]]
name = "arrests_2025"
table = "counts"
file = '{(WEST_MIDLANDS / "arrests_children_ye_mar_2025.csv").as_posix()}'
ignore = "*"
columns = {{ area = "force", ethnicity = "ethnicity", n = "arrests" }}
constants = {{ stage = "arrests" }}
period = {{ column = "year_ending", kind = "year_ending_march" }}
scope = {{ ethnicity = ["Asian", "Black", "Mixed", "Other", "White"] }}
ethnicity = {{ self_defined = "broad_5" }}

[[extracts]]
name = "not_stated_2025"
table = "counts"
file = "not_stated.csv"
columns = {{ area = "area", ethnicity = "ethnicity", n = "arrests" }}
constants = {{ stage = "arrests" }}
period = {{ value = "2025", kind = "year_ending_march" }}
ethnicity = {{ self_defined = "home_office_5" }}
"""
    return outcome_of(folder, toml)[1]


def test_published_arrests_come_out_exactly(arrests: Release) -> None:
    """Home Office arrests open data, year ending March 2025, as published."""
    found = rows(arrests, "arrest_rate", "rate", period=year(2025)).set_index("group")
    published = {"Asian": 629, "Black": 731, "Mixed": 619, "Other": 77, "White": 1707, "All": 3950}
    assert {group: found.loc[group, "numerator"] for group in published} == published
    assert found.loc["Unknown", "numerator"] == 187
    # Census 2021, all seven districts: the sum of the published cells
    census = pd.read_csv(WEST_MIDLANDS / "population_census2021_age10_17.csv").groupby("ethnicity")["population"].sum()
    for group, population in census.items():
        assert found.loc[str(group), "denominator"] == population
        rate = 1000 * published[str(group)] / population
        assert found.loc[str(group), "estimate"] == pytest.approx(rate, rel=1e-12)
    assert found.loc["Unknown", "status"] == "no_denominator"


@pytest.mark.parametrize("ending", [*range(2007, 2023)])
def test_every_published_year_adds_up(ending: int, arrests: Release) -> None:
    table = pd.read_csv(WEST_MIDLANDS / "arrests_children_2007_2022.csv")
    table = table[(table["level"] == "West Midlands (police)") & (table["end_period_year"] == ending)]
    found = rows(arrests, "arrest_rate", "rate", period=year(ending)).set_index("group")
    assert found.loc["All", "numerator"] == table["count"].sum()
    assert found.loc["Black", "numerator"] == table.loc[table["ethnicity"] == "Black or Black British", "count"].sum()


def test_the_year_2022_is_reported_with_its_unknowns(arrests: Release) -> None:
    """More than half of the arrests have no stated ethnicity: the bounds must show what that could hide."""
    found = rows(arrests, "arrest_rate", "rate", period=year(2022)).set_index("group")
    assert found.loc["Unknown", "numerator"] > found.loc["All", "numerator"] / 2
    bounds = rows(arrests, "arrest_rate", "rri_bounds", period=year(2022), group="Black").iloc[0]
    black, white, unknown = (found.loc[group, "numerator"] for group in ("Black", "White", "Unknown"))
    black_base, white_base = (found.loc[group, "denominator"] for group in ("Black", "White"))
    assert bounds["lower"] == pytest.approx((black / black_base) / ((white + unknown) / white_base))
    assert bounds["upper"] == pytest.approx(((black + unknown) / black_base) / (white / white_base))
    shares = {(row["stage"], row["period"]): row for row in arrests.manifest["ethnicity"]["unknown"]}
    assert shares["arrests", year(2022)]["unknown"] == unknown


@pytest.mark.parametrize("ending", [2023, 2024])
def test_years_that_nobody_supplied_are_not_available(ending: int, arrests: Release) -> None:
    found = rows(arrests, "arrest_rate", "rate", period=year(ending))
    assert set(found["status"]) == {"not_available"}
    assert found["numerator"].isna().all()


def test_labels_that_cannot_be_compared_are_a_finding(arrests: Release) -> None:
    assert any(finding["severity"] == "break" for finding in arrests.manifest["findings"])


@pytest.mark.parametrize("given", ["NA", "0"], ids=["as published", "as zeros"])
def test_a_year_without_counts_is_missing_and_not_none(given: str, tmp_path: Path) -> None:
    """England and Wales, year ending March 2018: no count in any cell. Its population here is a placeholder."""
    (tmp_path / "population.csv").write_text(
        "area,ethnicity,n\n" + "".join(f"England and Wales,{group},1000000\n" for group in ("Asian", "Black", "White")),
        encoding="utf-8",
    )
    table = (WEST_MIDLANDS / "arrests_children_2007_2022.csv").read_text(encoding="utf-8")
    (tmp_path / "arrests.csv").write_text(table.replace(",NA,", f",{given},"), encoding="utf-8")
    toml = f"""
[project]
title = "Zeros"
areas = ["England and Wales"]
[periods]
kinds = ["financial_year"]
first = 2016
last = 2018
[ethnicity]
references = ["White"]
{COMMON}
[[extracts]]
name = "population"
table = "population"
file = "population.csv"
columns = {{ area = "area", ethnicity = "ethnicity", n = "n" }}
ethnicity = {{ self_defined = "broad_5" }}
[[extracts]]
name = "arrests"
table = "counts"
file = "arrests.csv"
ignore = "*"
columns = {{ area = "level", ethnicity = "ethnicity", sex = "gender", n = "count" }}
constants = {{ stage = "arrests" }}
period = {{ column = "end_period_year", kind = "year_ending_march" }}
blanks = ["NA"]
scope = {{ level = ["Eng/Wales"], end_period_year = ["2017", "2018", "2019"] }}
ethnicity = {{ self_defined = "home_office_5" }}
[extracts.labels]
area = {{ "Eng/Wales" = "England and Wales" }}
sex = {{ "Girls" = "Female", "Boys" = "Male", "CHECK THIS VALUE" = "Unknown", "Unknown" = "Unknown" }}
"""
    _, release = outcome_of(tmp_path, toml)
    assert set(rows(release, "arrest_rate", "rate", period=year(2018))["status"]) == {"not_available"}
    assert rows(release, "arrest_rate", "rate", period=year(2017), group="All")["numerator"].item() > 50_000
    assert rows(release, "arrest_rate", "rate", period=year(2019), group="All")["numerator"].item() > 50_000


# ------------------------------------------------------------------ (b) disposals

DISPOSAL_STAGES = {
    "precourt": ("Pre-court",),
    "youth_cautions": ("Pre-court",),
    "court": ("First-tier", "Community", "Custody"),
    "outcomes": ("Pre-court", "First-tier", "Community", "Custody"),
}
YJB_LABELS = {
    "Asian or Asian British": "Asian", "Black or Black British": "Black", "Chinese or Other Ethnic Group": "Other",
    "Not Known": "Unknown", "Not known": "Unknown",
}  # fmt: skip


@pytest.mark.parametrize(("level", "first"), [("Birmingham", 2011), ("West Midlands (region)", 2010)])
def test_disposals_across_the_change_of_names(level: str, first: int, tmp_path: Path) -> None:
    """Reprimands and final warnings became youth cautions in 2013: one stage, and no gap in it."""
    toml = f"""
[project]
title = "Disposals"
areas = ["Here"]
[periods]
kinds = ["financial_year"]
first = {first - 1}
last = 2016
[ethnicity]
references = ["White"]
{COMMON}
"""
    for stage, kinds in DISPOSAL_STAGES.items():
        toml += f"""
[[extracts]]
name = "disposals_{stage}"
table = "counts"
file = '{(WEST_MIDLANDS / "disposals_children_2010_2017.csv").as_posix()}'
ignore = "*"
columns = {{ area = "level", ethnicity = "ethnicity", n = "count" }}
constants = {{ stage = "{stage}" }}
period = {{ column = "end_period_year", kind = "year_ending_march" }}
scope = {{ level = ["{level}"], disposal_type = {list(kinds)} }}
labels = {{ area = {{ "{level}" = "Here" }} }}
ethnicity = {{ self_defined = "yjb_5" }}
"""
    outcome, release = outcome_of(tmp_path, toml)
    assert all(entry.read == 2391 == entry.used + entry.out_of_scope for entry in outcome.accounting)
    table = pd.read_csv(WEST_MIDLANDS / "disposals_children_2010_2017.csv")
    table = table[(table["level"] == level) & (table["disposal_type"] != "Other")]
    table["group"] = table["ethnicity"].replace(YJB_LABELS)
    for ending in range(first, 2017):
        here = table[table["end_period_year"] == ending]
        precourt = here[here["disposal_type"] == "Pre-court"].groupby("group")["count"].sum()
        whole = here.groupby("group")["count"].sum()
        found = rows(release, "precourt_share", "rate", period=year(ending)).set_index("group")
        for group in ("Asian", "Black", "White"):
            assert found.loc[group, "numerator"] == precourt[group]
            assert found.loc[group, "denominator"] == whole[group]
        ratio = rows(release, "precourt_share", "rri", period=year(ending), group="Black").iloc[0]
        expected = (precourt["Black"] / whole["Black"]) / (precourt["White"] / whole["White"])
        assert ratio["estimate"] == pytest.approx(expected, rel=1e-12)
        assert ratio["lower"] < expected < ratio["upper"]


# ------------------------------------------------------------------ (c) searches

FORCES = (
    "city-of-london",
    "derbyshire",
    "durham",
    "essex",
    "leicestershire",
    "merseyside",
    "south-yorkshire",
)


def test_searches_of_children(tmp_path: Path) -> None:
    """Outcome after search by self-defined ethnicity; every one of the 22,587 rows is accounted for."""
    toml = f"""
[project]
title = "Searches"
areas = {list(FORCES)}
[periods]
kinds = []
first = 2019
last = 2020
named = [{{ period = "Winter 2019-20", first = "2019-12-01", last = "2020-02-29" }}]
[ethnicity]
references = ["White", "others"]
{COMMON}
[[extracts]]
name = "searches"
table = "searches"
file = '{SEARCHES.as_posix()}'
ignore = "*"
columns = {{ date = "Date", area = "Force", sex = "Gender", ethnicity = "Self-defined ethnicity", \
ethnicity_officer = "Officer-defined ethnicity", outcome = "Outcome" }}
scope = {{ "Age range" = ["10-17"] }}
covers = ["2019-12-01", "2020-02-29"]
ethnicity = {{ self_defined = "police_uk_words", officer = "police_uk_officer" }}
[extracts.labels.outcome]
"A no further action disposal" = "no_further_action"
"Arrest" = "arrest"
"Khat or Cannabis warning" = "warning"
"Community resolution" = "community_resolution"
"Summons / charged by post" = "summons"
"Caution (simple or conditional)" = "caution"
"Penalty Notice for Disorder" = "penalty_notice"
"""
    outcome, release = outcome_of(tmp_path, toml)
    entry = outcome.accounting[0]
    assert (entry.read, entry.used, entry.set_aside, entry.out_of_scope) == (22_587, 4_322, 0, 18_265)
    table = pd.read_csv(SEARCHES, dtype=str, keep_default_na=False)
    table = table[table["Age range"] == "10-17"]
    arrested = table["Outcome"] == "Arrest"
    starts = {"White": "White -", "Black": "Black/", "Asian": "Asian/", "Mixed": "Mixed/"}
    # Every count is right before protection, and what is shown after it is one of them.
    review = tmp_path / "work" / "review" / outcome.run / "results.csv"
    counted = Release(review.parent, outcome.run, pd.read_csv(review), {})
    found = rows(counted, "search_arrest_share", "rate").set_index("group")
    released = rows(release, "search_arrest_share", "rate").set_index("group")
    shown = released[released["status"] == "ok"]
    assert len(shown) >= 4
    values = ["numerator", "denominator", "estimate"]
    pd.testing.assert_frame_equal(shown[values], found.loc[shown.index, values], check_index_type=False)
    for group, start in starts.items():
        of_group = table["Self-defined ethnicity"].str.startswith(start)
        assert found.loc[group, "denominator"] == of_group.sum()
        assert found.loc[group, "numerator"] == (of_group & arrested).sum()
    unknown = table["Self-defined ethnicity"].isin(["", "Other ethnic group - Not stated"])
    assert found.loc["Unknown", "denominator"] == unknown.sum()
    assert found.loc["All", "denominator"] == 4_322
