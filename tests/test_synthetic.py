"""The made-up extracts: same bytes for a seed, published levels, stated dirt, ratios found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from yjd.synthetic import Truth, generate, model

PUBLISHED = {"Asian": 629, "Black": 731, "Mixed": 619, "Other": 77, "White": 1707}
FORMATS = {  # as docs/synthetic.md says
    "population.csv": ("utf-8", ","),
    "searches.csv": ("utf-8-sig", ","),
    "arrests.csv": ("utf-8", ","),
    "outcomes.csv": ("cp1252", ","),
    "interventions.csv": ("utf-8", ";"),
}
LETTERS = {"A": "Asian", "B": "Black", "M": "Mixed", "W": "White", "O": "Other"}
CENSUS = Path("../shared/data/west-midlands/population_census2021_age10_17.csv")


def read(folder: Path, name: str) -> pd.DataFrame:
    encoding, delimiter = FORMATS[name]
    return pd.read_csv(folder / name, encoding=encoding, sep=delimiter, dtype=str, keep_default_na=False)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def heading_of_code(codes: pd.Series) -> pd.Series:
    return codes.replace("O1", "A4").str[:1].map(LETTERS)


def heading_of_words(labels: pd.Series) -> pd.Series:
    tails = {group.label.split(": ")[1]: group.heading for group in model.groups()}
    return labels.str.split(": ").str[-1].map(tails)


def financial_year(dates: pd.Series, form: str) -> pd.Series:
    days = pd.to_datetime(dates, format=form, utc=True)
    year = days.dt.year - (days.dt.month < 4)
    return year.astype(str) + "/" + ((year + 1) % 100).astype(str).str.zfill(2)


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return generate(tmp_path_factory.mktemp("dirty"))


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return generate(tmp_path_factory.mktemp("clean"), dirt=False)


def test_a_seed_gives_the_same_bytes_wherever_they_are_written(dirty: Truth, tmp_path: Path) -> None:
    again = generate(tmp_path / "another name")
    assert digests(again.folder) == digests(dirty.folder)


def test_another_seed_gives_other_records_of_the_same_truth(dirty: Truth, tmp_path: Path) -> None:
    other = generate(tmp_path, seed=1)
    assert digests(other.folder)["arrests.csv"] != digests(dirty.folder)["arrests.csv"]
    assert digests(other.folder)["population.csv"] == digests(dirty.folder)["population.csv"]
    assert other.ratios == dirty.ratios


def test_every_file_parses_and_has_the_stated_rows(dirty: Truth) -> None:
    for name in FORMATS:
        assert len(read(dirty.folder, name)) == dirty.rows[name]
    stored = json.loads((dirty.folder / "truth.json").read_text(encoding="utf-8"))
    assert stored["rows"] == dict(dirty.rows)
    assert stored["dirt"] == dict(dirty.dirt)
    assert len(stored["ratios"]) == len(dirty.ratios)
    assert stored["covers"] == ["2020-04-01", "2025-03-31"]


def test_only_the_outcomes_need_the_western_code_page(dirty: Truth) -> None:
    with pytest.raises(UnicodeDecodeError):
        (dirty.folder / "outcomes.csv").read_bytes().decode("utf-8")
    assert b"\r\n" in (dirty.folder / "outcomes.csv").read_bytes()


@pytest.mark.realdata
@pytest.mark.skipif(not CENSUS.exists(), reason="../shared/data is not here")
def test_children_by_heading_are_those_of_the_census(clean: Truth) -> None:
    published = pd.read_csv(CENSUS)
    mine = read(clean.folder, "population.csv")
    mine = mine.assign(ethnicity=heading_of_words(mine["Ethnic group"]), sex=mine["Sex"].str.lower())
    got = mine.astype({"Observation": int}).groupby(["Local authority", "ethnicity", "sex", "Age"])["Observation"].sum()
    want = published.set_index(["la_name", "ethnicity", "sex", "age_band"])["population"]
    assert (got.sort_index().to_numpy() == want.sort_index().to_numpy()).all()
    assert int(want.sum()) == 314_079


def test_largest_remainder_is_whole_and_adds_up() -> None:
    # Shares of 10 are 4.7, 3.1, 2.2; rounded down 4, 3, 2: the one left goes to the largest remainder, 0.7.
    assert model.largest_remainder(10, [47, 31, 22]).tolist() == [5, 3, 2]
    assert model.largest_remainder(0, [1, 2]).tolist() == [0, 0]


def test_expected_arrests_of_the_last_year_are_the_published_ones(clean: Truth) -> None:
    # 3,950 arrests, of which 3,763 of known ethnicity: the others are taken to be missing at random.
    expected = clean.expected["arrests"]["2024/25"]
    assert {name: value * 3763 / 3950 for name, value in expected.items()} == pytest.approx(PUBLISHED)


def test_the_records_are_near_the_published_level(dirty: Truth) -> None:
    rows = read(dirty.folder, "arrests.csv").drop_duplicates()
    rows = rows[
        financial_year(rows["ARREST_DATE"].where(rows["ARREST_DATE"] != "31/02/2023", "01/01/2000"), "%d/%m/%Y")
        == "2024/25"
    ]
    rows = rows[rows["PERSON_REF"].str.startswith("C")]  # not those added as dirt
    counts = heading_of_code(rows["SELF_DEFINED_18_1"]).value_counts()
    for heading, published in PUBLISHED.items():
        # Repeat arrests widen the Poisson error: the variance is about 1.5 times the mean.
        assert abs(counts[heading] - published) < 4 * np.sqrt(1.5 * published)
    unknown = len(rows) - counts.sum()
    assert abs(unknown - 187) < 4 * np.sqrt(1.5 * 187)


def test_dirt_is_there_as_often_as_stated(dirty: Truth) -> None:
    arrests, outcomes, searches = (read(dirty.folder, f"{name}.csv") for name in ("arrests", "outcomes", "searches"))
    once, results = arrests.drop_duplicates("ARREST_REF"), outcomes.drop_duplicates("Outcome ID")
    late, early = (
        results["Outcome Date"] > "2025-03-31",
        (results["Arrest Date"] != "") & (results["Outcome Date"] < results["Arrest Date"]),
    )
    neighbours = ["BROMSGROVE", "LICHFIELD", "NORTH WARWICKSHIRE", "TAMWORTH"]
    counted = {
        ("age_not_known", "arrests.csv"): once["AGE"].eq("n/k"),
        ("impossible_date", "arrests.csv"): once["ARREST_DATE"].eq("31/02/2023"),
        ("sex_blank", "arrests.csv"): once["SEX"].eq(""),
        ("sex_unclear", "arrests.csv"): once["SEX"].eq("U"),
        ("district_blank", "arrests.csv"): once["DISTRICT"].eq(""),
        ("other_force", "arrests.csv"): once["FORCE"].eq("British Transport Police"),
        ("code_O1_in_18_plus_1", "arrests.csv"): once["SELF_DEFINED_18_1"].eq("O1"),
        ("adult_age", "searches.csv"): searches.drop_duplicates()["Age range"].isin(["18-24", "25-34"]),
        ("outcome_type_0", "outcomes.csv"): results["HO Outcome Type"].eq("0"),
        ("of_which_rows", "outcomes.csv"): results["HO Outcome Type"].isin(["1a", "2a"]),
        ("adult_outcome_types", "outcomes.csv"): results["HO Outcome Type"].isin(["3", "6", "7"]),
        ("breach_rows", "outcomes.csv"): results["Breach"].eq("Y"),
        ("quashed_on_appeal", "outcomes.csv"): results["Quashed on Appeal"].eq("Y"),
        ("person_deleted", "outcomes.csv"): results["Person Deleted"].eq("Y"),
        ("outcome_after_extract_end", "outcomes.csv"): late,
        ("outcome_before_arrest", "outcomes.csv"): early,
    }
    assert {key: int(rows.sum()) for key, rows in counted.items()} == {
        key: dirty.dirt[key[0]][key[1]] for key in counted
    }
    assert int(once["DISTRICT"].isin(neighbours).sum()) in range(
        dirty.dirt["resident_elsewhere"]["arrests.csv"] - 3,
        dirty.dirt["resident_elsewhere"]["arrests.csv"] + 4,
    )  # a copy for another kind of dirt may be of such a child, and a blank may hide one
    for name, frame in (("arrests.csv", arrests), ("outcomes.csv", outcomes), ("searches.csv", searches)):
        assert int(frame.duplicated().sum()) == dirty.dirt["exact_duplicates"][name]
    twice = (
        results[(results["System"] == "YJS") & results["Shared ID"].ne("")].groupby("Shared ID")["Child ID"].nunique()
    )
    assert int((twice > 1).sum()) == dirty.dirt["known_to_two_services"]["outcomes.csv"]


def test_missing_ethnicity_is_the_published_share_but_for_one_district_and_year(dirty: Truth) -> None:
    rows = read(dirty.folder, "arrests.csv").drop_duplicates()
    rows = rows[rows["ARREST_DATE"] != "31/02/2023"]
    missing = heading_of_code(rows["SELF_DEFINED_18_1"]).isna()
    worse = rows["DISTRICT"].eq("SANDWELL") & financial_year(rows["ARREST_DATE"], "%d/%m/%Y").eq("2021/22")
    assert missing[~worse].mean() == pytest.approx(187 / 3950, abs=0.01)
    assert missing[worse].mean() == pytest.approx(0.4 + 0.6 * 187 / 3950, abs=0.08)


def test_clean_files_have_no_dirt(clean: Truth) -> None:
    assert clean.dirt == {}
    arrests, outcomes = read(clean.folder, "arrests.csv"), read(clean.folder, "outcomes.csv")
    assert arrests["ARREST_REF"].is_unique
    assert outcomes["Outcome ID"].is_unique
    assert arrests["AGE"].astype(int).between(10, 17).all()
    assert heading_of_code(arrests["SELF_DEFINED_18_1"]).notna().all()
    assert outcomes["Outcome Date"].max() <= "2025-03-31"
    assert (outcomes["Outcome Date"] > outcomes["Offence Date"]).all()


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="follow one another"):
        generate(tmp_path, years=(2020, 2022))
    with pytest.raises(ValueError, match="above 0"):
        generate(tmp_path, scale=0)


def test_a_truth_that_the_model_does_not_fix_is_not_given(clean: Truth) -> None:
    with pytest.raises(KeyError):
        clean.rri("fte_rate", "Black")


Counts = tuple[pd.Series, pd.Series]  # numerator and denominator by heading


def arrest_counts(folder: Path, *, children: bool = False) -> Counts:
    rows = read(folder, "arrests.csv")
    rows = rows[financial_year(rows["ARREST_DATE"], "%d/%m/%Y") == "2024/25"]
    if children:
        rows = rows.drop_duplicates("PERSON_REF")
    return heading_of_code(rows["SELF_DEFINED_18_1"]).value_counts(), residents(folder)


def search_counts(folder: Path) -> Counts:
    rows = read(folder, "searches.csv")
    heading = (
        rows["Self-defined ethnicity"]
        .str[:5]
        .map({"Asian": "Asian", "Black": "Black", "Mixed": "Mixed", "White": "White", "Other": "Other"})
    )
    return heading.value_counts(), residents(folder)


def residents(folder: Path) -> pd.Series:
    people = read(folder, "population.csv")
    return people.astype({"Observation": int}).groupby(heading_of_words(people["Ethnic group"]))["Observation"].sum()


def precourt_counts(folder: Path) -> Counts:
    rows = read(folder, "outcomes.csv")
    rows = rows[(rows["System"] == "Police") & (rows["Age at Outcome"].astype(int) < 18) & (rows["Disposal"] != "")]
    heading = heading_of_code(rows["Ethnicity (16+1)"])
    return heading[rows["HO Outcome Type"] != "1"].value_counts(), heading.value_counts()


def offer_counts(folder: Path, step: str, base: str) -> Counts:
    rows = read(folder, "interventions.csv")
    heading = heading_of_words(rows["ethnic_group"])
    return heading[rows[step] != ""].value_counts(), heading[rows[base] != ""].value_counts()


def reoffending_counts(folder: Path) -> Counts:
    rows = read(folder, "outcomes.csv")
    rows = rows[(rows["System"] == "PNC") & ~rows["Disposal"].str.startswith("Section 250")]
    offence, outcome, release = (
        pd.to_datetime(rows[name]) for name in ("Offence Date", "Outcome Date", "Release Date")
    )
    custody = rows["Disposal"].str.startswith("Detention")
    rows = rows.assign(offence=offence, outcome=outcome, index_day=release.where(custody, outcome))
    index = rows[rows["index_day"].between("2020-04-01", "2023-09-30")].sort_values("index_day")
    index = index.drop_duplicates("Child ID")
    pairs = index[["Child ID", "index_day"]].merge(rows[["Child ID", "offence", "outcome"]], on="Child ID")
    limit = pairs["index_day"] + pd.DateOffset(months=12)
    proven = pairs["index_day"] + pd.DateOffset(months=18)
    again = (pairs["offence"] > pairs["index_day"]) & (pairs["offence"] <= limit) & (pairs["outcome"] <= proven)
    heading = heading_of_code(index["Ethnicity (16+1)"])
    return heading[index["Child ID"].isin(pairs.loc[again, "Child ID"])].value_counts(), heading.value_counts()


RECOVERED: dict[tuple[str, str], Callable[[Path], Counts]] = {
    ("arrest_rate", "2024/25"): arrest_counts,
    ("children_arrested_rate", "2024/25"): lambda folder: arrest_counts(folder, children=True),
    ("search_rate", "every"): search_counts,
    ("precourt_share", "every"): precourt_counts,
    ("intervention_accepted", "every"): lambda folder: offer_counts(folder, "accepted", "offered"),
    ("intervention_started", "every"): lambda folder: offer_counts(folder, "started", "accepted"),
    ("intervention_completed", "every"): lambda folder: offer_counts(folder, "completed", "started"),
    ("reoffending_rate", "every"): reoffending_counts,
}


def assert_recovered(folder: Path, *, seeds: range, scale: float) -> None:
    pooled: dict[tuple[str, str], list[Counts]] = {key: [] for key in RECOVERED}
    for seed in seeds:
        truth = generate(folder, seed=seed, scale=scale, dirt=False)
        for key, count in RECOVERED.items():
            pooled[key].append(count(folder))
    for (measure, period), counts in pooled.items():
        top, base = (sum(pair[at] for pair in counts) for at in (0, 1))
        year = "2024/25" if measure == "search_rate" else period  # the same ratio in every year
        for group in ("Asian", "Black", "Mixed", "Other"):
            found = np.log(top[group] / base[group]) - np.log(top["White"] / base["White"])
            # Poisson error on the log scale, with room for children who are counted more than once
            error = 1.3 * np.sqrt(1 / top[group] + 1 / top["White"])
            assert abs(found - np.log(truth.rri(measure, group, period=year))) < 3.5 * error, (measure, group)


def test_plain_pandas_finds_the_true_ratios(tmp_path: Path) -> None:
    assert_recovered(tmp_path, seeds=range(3), scale=1.0)


@pytest.mark.coverage_study
def test_plain_pandas_finds_the_true_ratios_over_twenty_seeds(tmp_path: Path) -> None:
    assert_recovered(tmp_path, seeds=range(100, 120), scale=3.0)


def test_a_stratum_has_the_adjusted_ratio(clean: Truth) -> None:
    # By construction the ratio is the same in every stratum: gravity 1 and gravity 4 of the pre-court share.
    for group, ratio in model.PRECOURT_RATIO.items():
        if group != "White":
            assert clean.rri("precourt_share", group, adjusted=True) == ratio
    # Marginal, by hand for Black children: shares of gravity times 0.88, 0.72, 0.50, 0.22, 0.22, times 0.75.
    black = (0.20 * 0.88 + 0.28 * 0.72 + 0.32 * 0.50 + 0.20 * 0.22) * 0.75
    white = 0.26 * 0.88 + 0.32 * 0.72 + 0.28 * 0.50 + 0.14 * 0.22
    assert clean.rri("precourt_share", "Black") == pytest.approx(black / white)
