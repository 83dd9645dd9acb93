"""The rates that a register's verdicts rest on, counted once more from the extracts, with pandas alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

HEADING = {"A": "Asian", "B": "Black", "M": "Mixed", "O": "Other", "W": "White"}
CHILDREN = ("10-11", "12-14", "15-17", "")
TRANSPORT = "British Transport Police"


def recounted(extracts: Path, first: str, last: str, *, of_any_age: bool) -> pd.DataFrame:
    """Rates for every 1,000 children of searches and of arrests, by broad group, between two days.

    Searches count by what each says; arrests by what is known of the child last, from arrests and outcomes. Arrests
    without an age count if `of_any_age`.

    Returns
    -------
    DataFrame
        Index: Asian, Black, Mixed, Other, White. Columns: search_rate, arrest_rate.
    """
    people = _read(extracts / "population.csv", "utf-8")
    heading = people["Ethnic group"].str.split(r"[,: ]", regex=True).str[0]
    children = people["Observation"].astype(float).groupby(heading).sum()
    span = pd.Timestamp(first), pd.Timestamp(last)
    counted = {
        "search_rate": _searches(extracts, *span),
        "arrest_rate": _arrests(extracts, *span, of_any_age=of_any_age),
    }
    return pd.DataFrame({name: 1000 * groups.value_counts() / children for name, groups in counted.items()}).loc[
        sorted(children.index)
    ]


def _read(path: Path, encoding: str) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, encoding=encoding).map(str.strip)


def _searches(extracts: Path, first: pd.Timestamp, last: pd.Timestamp) -> pd.Series[str]:
    rows = _read(extracts / "searches.csv", "utf-8-sig").drop_duplicates("Search reference")
    day = pd.to_datetime(rows["Date"].str[:10], format="%Y-%m-%d", errors="coerce")
    rows = rows[rows["Age range"].isin(CHILDREN) & day.between(first, last)]
    said = rows["Self-defined ethnicity"]
    return said.str.split(r"[/ ]", regex=True).str[0].mask(said.str.contains("Not stated"), "")


def _arrests(extracts: Path, first: pd.Timestamp, last: pd.Timestamp, *, of_any_age: bool) -> pd.Series[str]:
    arrests = _read(extracts / "arrests.csv", "utf-8").drop_duplicates("ARREST_REF")
    arrests = arrests[arrests["AGE"].str.fullmatch(r"\d*")].copy()  # others are set aside
    outcomes = _read(extracts / "outcomes.csv", "cp1252").drop_duplicates("Outcome ID")
    arrests["day"] = pd.to_datetime(arrests["ARREST_DATE"].str[:10], format="%d/%m/%Y", errors="coerce")
    # O1 is Chinese in the 16+1 codes of outcomes, and no code of the 18+1 of arrests
    of_arrests = arrests["SELF_DEFINED_18_1"].mask(arrests["SELF_DEFINED_18_1"] == "O1", "").str[:1].map(HEADING)
    of_outcomes = outcomes["Ethnicity (16+1)"].replace("O1", "A4").str[:1].map(HEADING)
    day = pd.to_datetime(outcomes["Outcome Date"].str[:10], format="%Y-%m-%d", errors="coerce")
    records = pd.concat([
        pd.DataFrame({"child": arrests["PERSON_REF"], "day": arrests["day"], "group": of_arrests}),
        pd.DataFrame({"child": outcomes["Child ID"], "day": day, "group": of_outcomes}),
    ])  # fmt: skip
    records = records.dropna().sort_values("day", ascending=False, kind="stable")
    of_child = records.drop_duplicates("child").set_index("child")["group"]
    age = pd.to_numeric(arrests["AGE"], errors="coerce")
    own = (
        arrests["day"].between(first, last)
        & (age.between(10, 17) | (age.isna() & of_any_age))
        & (arrests["FORCE"] != TRANSPORT)
    )
    return arrests.loc[own, "PERSON_REF"].map(of_child)
