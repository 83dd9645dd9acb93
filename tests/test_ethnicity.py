"""What each label means, which source counts, and one value for each child."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from yjd import ethnicity
from yjd.child_ethnicity import agreement_sql, child_ethnicity_sql, disagreement_sql
from yjd.errors import ConfigurationError
from yjd.ethnicity import Field
from yjd.warehouse import Warehouse, translate

DATA = Path(__file__).parents[1].parent / "shared" / "data"
SELF = "most_recent_self_defined"


def meanings(scheme: str) -> dict[str, str]:
    rows = ethnicity.crosswalk()
    rows = rows[rows["scheme"] == scheme]
    return dict(zip(rows["label"], rows["ethnicity"], strict=True))


@pytest.fixture
def store() -> Iterator[Warehouse]:
    with Warehouse.open() as opened:
        opened.write(ethnicity.groups(), "ethnicity_group")
        opened.write(ethnicity.crosswalk(), "ethnicity_crosswalk")
        yield opened


def raw(store: Warehouse, **columns: list[str | None]) -> None:
    frame = pd.DataFrame({"line": range(2, 2 + len(next(iter(columns.values())))), **columns})
    store.write(frame, "raw_x", types={"line": "BIGINT"} | dict.fromkeys(columns, "VARCHAR"))


def harmonised(store: Warehouse, **options: object) -> pd.DataFrame:
    parts = ethnicity.record_sql(**options)  # type: ignore[arg-type]
    listed = ", ".join(f"{sql} AS {name}" for name, sql in parts.columns.items())
    return store.query(f"SELECT {listed} FROM raw_x AS raw {parts.joins} ORDER BY raw.line")


# --- the groups ------------------------------------------------------------------------------------------


def test_headings_are_alphabetical_then_other_then_unknown() -> None:
    assert ethnicity.broad_groups() == ("Asian", "Black", "Mixed", "White", "Other", "Unknown")


def test_detailed_groups_have_one_fixed_order() -> None:
    assert ethnicity.detailed_groups() == (
        "Bangladeshi", "Chinese", "Indian", "Pakistani", "Any other Asian background", "Asian (no detail)",
        "African", "Caribbean", "Any other Black background", "Black (no detail)",
        "White and Asian", "White and Black African", "White and Black Caribbean",
        "Any other Mixed background", "Mixed (no detail)",
        "Gypsy or Irish Traveller", "Roma", "White British", "White Irish", "Any other White background",
        "White (no detail)",
        "Arab", "Any other ethnic group", "Other (no detail)",
        "Unknown",
    )  # fmt: skip


def test_the_standard_has_19_groups_under_5_headings() -> None:
    groups = ethnicity.groups()
    assert groups["position"].is_monotonic_increasing
    assert groups["code"].is_unique
    detailed = groups[groups["code"] != groups["heading"]]
    # METHODS section 2: Asian 5, Black 3, Mixed 4, White 5, Other 2
    assert detailed.groupby("heading").size().to_dict() == {
        "Asian": 5,
        "Black": 3,
        "Mixed": 4,
        "Other": 2,
        "White": 5,
    }
    assert list(detailed["code"]) == list(detailed["detailed"])


def test_a_heading_alone_has_its_own_name_at_the_detailed_level() -> None:
    groups = ethnicity.groups().set_index("code")
    assert groups.loc["Asian", "detailed"] == "Asian (no detail)"
    assert groups.loc["Asian", "heading"] == "Asian"


# --- the crosswalk ---------------------------------------------------------------------------------------


def test_every_row_leads_to_a_group_and_every_unknown_has_a_reason() -> None:
    rows = ethnicity.crosswalk()
    assert set(rows["ethnicity"]) <= set(ethnicity.groups()["code"])
    assert set(rows.loc[rows["ethnicity"] == "Unknown", "missing_reason"]) == {"not_stated", "refused"}
    assert rows.loc[rows["ethnicity"] != "Unknown", "missing_reason"].isna().all()
    assert set(rows["comparable"]) == {0, 1}
    assert not rows.duplicated(["scheme", "label_key"]).any()


def test_the_crosswalk_says_its_version_source_and_date() -> None:
    assert ethnicity.CROSSWALK_VERSION
    assert "TS021" in ethnicity.CROSSWALK_SOURCE
    assert pd.Timestamp(ethnicity.CROSSWALK_DATE)


SHARED_CODES = {
    "W1": "White British", "W2": "White Irish", "W9": "Any other White background",
    "M1": "White and Black Caribbean", "M2": "White and Black African", "M3": "White and Asian",
    "M9": "Any other Mixed background",
    "A1": "Indian", "A2": "Pakistani", "A3": "Bangladeshi", "A9": "Any other Asian background",
    "B1": "Caribbean", "B2": "African", "B9": "Any other Black background",
    "O9": "Any other ethnic group",
    "NS": "Unknown", "N1": "Unknown", "N2": "Unknown", "N3": "Unknown",
}  # fmt: skip


def test_police_18plus1_codes() -> None:
    only_here = {"W3": "Gypsy or Irish Traveller", "A4": "Chinese", "O2": "Arab"}
    assert meanings("police_18plus1") == SHARED_CODES | only_here


def test_police_16plus1_codes() -> None:
    assert meanings("police_16plus1") == SHARED_CODES | {"O1": "Chinese"}


def test_no_police_code_stands_for_roma() -> None:
    assert "Roma" not in {*meanings("police_18plus1").values(), *meanings("police_16plus1").values()}


def test_officer_codes() -> None:
    expected = {
        "IC1": "White", "IC2": "White", "IC3": "Black", "IC4": "Asian", "IC5": "Asian", "IC6": "Other",
        "IC0": "Unknown", "IC7": "Unknown", "IC9": "Unknown",
    }  # fmt: skip
    found = meanings("officer")
    assert {label: group for label, group in found.items() if label.startswith("IC")} == expected


@pytest.mark.parametrize("scheme", ["officer", "police_uk_officer"])
def test_officers_schemes_have_no_mixed_and_no_detail(scheme: str) -> None:
    assert set(meanings(scheme).values()) == {"Asian", "Black", "Other", "White", "Unknown"}


def test_census_labels_reach_all_19_groups_in_long_and_short_form() -> None:
    found = meanings("census2021_19")
    long = {label: group for label, group in found.items() if ":" in label and "(number)" not in label}
    assert sorted(long.values()) == sorted(set(ethnicity.groups()["code"]) - {*ethnicity.broad_groups()})
    assert found["White: English, Welsh, Scottish, Northern Irish or British"] == "White British"
    assert found["Any other Black, Black British or Caribbean background"] == "Any other Black background"
    assert found["Roma"] == "Roma"


def test_labels_that_join_chinese_with_other_are_other_and_not_comparable() -> None:
    rows = ethnicity.crosswalk().set_index(["scheme", "label"])
    for key in (("home_office_5", "Chinese/other"), ("yjb_5", "Chinese or Other Ethnic Group")):
        assert rows.loc[key, "ethnicity"] == "Other"
        assert rows.loc[key, "comparable"] == 0
        assert "not comparable" in rows.loc[key, "note"]
    later = rows.loc[("home_office_5", "2019/20 onwards - Asian or Asian British")]
    assert (later["ethnicity"], later["comparable"]) == ("Asian", 1)


# --- an extract's own labels -----------------------------------------------------------------------------


def test_own_labels_become_rows_under_a_scheme_of_the_extract() -> None:
    (row,) = ethnicity.own_labels("arrests", {"Brit Asian": "Any other Asian background"})
    assert (row.scheme, row.key, row.group) == ("extract.arrests", "britasian", "Any other Asian background")
    assert row.scheme not in ethnicity.schemes()


def test_own_labels_may_name_a_heading_or_a_reason() -> None:
    rows = ethnicity.own_labels("a", {"x": "Asian (no detail)", "y": "refused", "z": "Unknown"})
    assert [(row.group, row.missing_reason) for row in rows] == [
        ("Asian", ""),
        ("Unknown", "refused"),
        ("Unknown", "not_stated"),
    ]


def test_all_problems_of_own_labels_come_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ethnicity.own_labels("a", {"x": "Asain", "Y": "Asian", " y": "Black", " ": "White"})
    assert caught.value.problem.count("\n  - ") == 3


# --- records ---------------------------------------------------------------------------------------------


def test_case_and_white_space_do_not_matter(store: Warehouse) -> None:
    raw(store, e=["white and  asian", " WHITE AND ASIAN\t", "White\u00a0and Asian\r\n", "White and Asia"])
    found = harmonised(store, self_defined=Field("raw.e", "census2021_19"))
    assert list(found["ethnicity_self"]) == ["White and Asian"] * 3 + ["Unknown"]


def test_a_label_is_never_looked_up_in_another_scheme(store: Warehouse) -> None:
    raw(store, e=["O1", "A4", "W3", "O2", "White British"])
    newer = harmonised(store, self_defined=Field("raw.e", "police_18plus1"))
    older = harmonised(store, self_defined=Field("raw.e", "police_16plus1"))
    assert list(newer["ethnicity_self"]) == [
        "Unknown",
        "Chinese",
        "Gypsy or Irish Traveller",
        "Arab",
        "Unknown",
    ]
    assert list(older["ethnicity_self"]) == ["Chinese", "Unknown", "Unknown", "Unknown", "Unknown"]
    assert list(newer["ethnicity_missing"].fillna("")) == ["unmapped", "", "", "", "unmapped"]


def test_each_reason_for_a_missing_value(store: Warehouse) -> None:
    raw(store, e=["Asian", "Not known", "Refused", "", "  ", None, "Purple"])
    found = harmonised(store, self_defined=Field("raw.e", "yjb_5"))
    assert list(found["ethnicity_missing"].fillna("")) == [
        "", "not_stated", "refused", "blank", "blank", "blank", "unmapped",
    ]  # fmt: skip
    assert list(found["ethnicity_source"]) == ["self"] + ["none"] * 6


@pytest.mark.parametrize(
    ("source", "recorded", "used", "reasons"),
    [
        ("self", ["Indian", "Unknown", "Unknown"], ["self", "none", "none"], ["", "not_stated", "blank"]),
        ("officer", ["White", "Black", "Unknown"], ["officer", "officer", "none"], ["", "", "not_stated"]),
        ("self_then_officer", ["Indian", "Black", "Unknown"], ["self", "officer", "none"], ["", "", "blank"]),
    ],
)
def test_the_source_decides_what_is_recorded(
    store: Warehouse, source: str, recorded: list[str], used: list[str], reasons: list[str]
) -> None:
    raw(store, e=["A1", "NS", ""], o=["IC1", "IC3", "IC9"])
    found = harmonised(
        store,
        self_defined=Field("raw.e", "police_18plus1"),
        officer=Field("raw.o", "officer"),
        source=source,
    )
    assert list(found["ethnicity_self"]) == ["Indian", "Unknown", "Unknown"]
    assert list(found["ethnicity_officer"]) == ["White", "Black", "Unknown"]
    assert list(found["ethnicity_recorded"]) == recorded
    assert list(found["ethnicity_source"]) == used
    assert list(found["ethnicity_missing"].fillna("")) == reasons


def test_an_extract_without_a_column_has_unknown(store: Warehouse) -> None:
    raw(store, o=["IC3"])
    found = harmonised(store, officer=Field("raw.o", "officer"))
    assert (found.loc[0, "ethnicity_recorded"], found.loc[0, "ethnicity_missing"]) == ("Unknown", "blank")
    fallen_back = harmonised(store, officer=Field("raw.o", "officer"), source="self_then_officer")
    assert fallen_back.loc[0, "ethnicity_recorded"] == "Black"


def test_own_labels_come_first_for_self_and_last_for_officers(store: Warehouse) -> None:
    own = ethnicity.own_labels("x", {"1": "White British", "W1": "White Irish", "Chilean": "Other"})
    store.write(ethnicity.crosswalk(own), "ethnicity_crosswalk")
    raw(store, e=["1", "w1", "CHILEAN", "A1"], o=["3", "1", "chilean", "IC4"])
    fields = {"self_defined": Field("raw.e", "police_18plus1"), "officer": Field("raw.o", "officer")}
    found = harmonised(store, **fields, own="x")
    assert list(found["ethnicity_self"]) == ["White British", "White Irish", "Other", "Indian"]
    assert list(found["ethnicity_officer"]) == ["Black", "White", "Other", "Asian"]
    without = harmonised(store, **fields)
    assert list(without["ethnicity_self"]) == ["Unknown", "White British", "Unknown", "Indian"]


def test_own_labels_can_declare_a_missing_value(store: Warehouse) -> None:
    own = ethnicity.own_labels("x", {"Two answers": "conflicting", "Indian": "Unknown"})
    store.write(ethnicity.crosswalk(own), "ethnicity_crosswalk")
    raw(store, e=["Two answers", "Indian"])
    found = harmonised(store, self_defined=Field("raw.e", "census2021_19"), own="x")
    assert list(found["ethnicity_recorded"]) == ["Unknown", "Unknown"]
    assert list(found["ethnicity_missing"]) == ["conflicting", "not_stated"]


HOSTILE = [
    "'; DROP TABLE raw_x; --",
    "Asian' OR '1'='1",
    '"White"',
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "=HYPERLINK(1)",
    "a:b",
    "100%",
]


def test_hostile_labels_stay_data(store: Warehouse) -> None:
    raw(store, e=[*HOSTILE, "Asian"])
    field = Field("raw.e", "broad_5")
    found = harmonised(store, self_defined=field)
    assert list(found["ethnicity_missing"][:-1]) == ["unmapped"] * len(HOSTILE)
    assert found["ethnicity_self"].iloc[-1] == "Asian"
    counted = store.query(ethnicity.unmapped_sql("raw_x AS raw", field, line="raw.line"))
    assert counted["n"].sum() == len(HOSTILE)


def test_hostile_labels_of_the_configuration_stay_data(store: Warehouse) -> None:
    own = ethnicity.own_labels("it's; --", dict.fromkeys(HOSTILE, "Chinese"))
    store.write(ethnicity.crosswalk(own), "ethnicity_crosswalk")
    raw(store, e=[*HOSTILE, "Asian"])
    found = harmonised(store, self_defined=Field("raw.e", "broad_5"), own="it's; --")
    assert list(found["ethnicity_self"]) == ["Chinese"] * len(HOSTILE) + ["Asian"]


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="police_18plus1"):
        ethnicity.record_sql(self_defined=Field("raw.e", "18+1"))


# --- labels that no scheme knows, and labels that break a series -----------------------------------------


def test_unmapped_labels_are_counted_without_being_shown(store: Warehouse) -> None:
    raw(store, e=["A1", "O1", "secret name", "o1 ", "", "NS"])
    field = Field("raw.e", "police_18plus1")
    counted = store.query(ethnicity.unmapped_sql("raw_x AS raw", field, line="raw.line"))
    assert counted.to_dict("list") == {"n": [2, 1], "first_line": [3, 4]}
    listed = store.query(ethnicity.unmapped_values_sql("raw_x AS raw", field, line="raw.line"))
    assert list(listed["label"]) == ["O1", "secret name"]


def test_own_labels_are_not_unmapped(store: Warehouse) -> None:
    own = ethnicity.own_labels("x", {"O1": "Chinese"})
    store.write(ethnicity.crosswalk(own), "ethnicity_crosswalk")
    raw(store, e=["O1", "Z"])
    sql = ethnicity.unmapped_sql("raw_x AS raw", Field("raw.e", "police_18plus1"), line="raw.line", own="x")
    assert store.query(sql).to_dict("list") == {"n": [1], "first_line": [3]}


def test_a_label_that_breaks_the_series_can_be_found(store: Warehouse) -> None:
    raw(store, e=["Chinese/other", "CHINESE/OTHER", "Asian or Asian British"])
    found = store.query(ethnicity.not_comparable_sql("raw_x AS raw", Field("raw.e", "home_office_5")))
    assert list(found["n"]) == [2]
    assert "not comparable" in found.loc[0, "note"]
    raw(store, e=["2019/20 onwards - Other Ethnic group"])
    assert store.query(ethnicity.not_comparable_sql("raw_x AS raw", Field("raw.e", "home_office_5"))).empty


# --- one value for each child ----------------------------------------------------------------------------

Record = tuple[str | None, int | None, str, str]  # child, day, self-defined, officer-observed
TYPES = {
    "row_id": "BIGINT", "child_id": "VARCHAR", "day": "INTEGER", "ethnicity": "VARCHAR",
    "ethnicity_recorded": "VARCHAR", "ethnicity_self": "VARCHAR", "ethnicity_officer": "VARCHAR",
}  # fmt: skip


def records(store: Warehouse, table: str, *rows: Record) -> None:
    frame = pd.DataFrame(
        [(place, *row[:2], "", row[2], *row[2:]) for place, row in enumerate(rows, start=1)],
        columns=list(TYPES),
    )
    frame["day"] = frame["day"].astype("Int64")
    store.write(frame, table, types=TYPES)


def children(store: Warehouse, *tables: str, **options: str) -> pd.DataFrame:
    store.create("child_ethnicity", child_ethnicity_sql(tables, **options))  # type: ignore[arg-type]
    return store.query("SELECT * FROM child_ethnicity ORDER BY child_id").set_index("child_id")


def test_the_latest_known_self_defined_value_is_the_childs(store: Warehouse) -> None:
    records(
        store,
        "arrests",
        ("a", 1, "White British", "White"),
        ("a", 5, "White Irish", "White"),
        ("a", 9, "Unknown", "Black"),
        ("b", 1, "Unknown", "Black"),
        (None, 3, "Indian", "Asian"),
    )
    found = children(store, "arrests")
    assert found.loc["a"].to_dict() == {
        "ethnicity": "White Irish", "ethnicity_source": "self", "n_records": 2, "n_values": 2,
        "disagrees": 1, "disagrees_broad": 0,
    }  # fmt: skip
    assert found.loc["b"].to_dict() == {
        "ethnicity": "Unknown", "ethnicity_source": "none", "n_records": 0, "n_values": 0,
        "disagrees": 0, "disagrees_broad": 0,
    }  # fmt: skip
    assert list(found.index) == ["a", "b"]


def test_the_officers_value_is_used_only_where_allowed_and_nothing_else_is_known(store: Warehouse) -> None:
    records(
        store,
        "arrests",
        ("a", 1, "Indian", "White"),
        ("a", 9, "Unknown", "Black"),
        ("b", 1, "Unknown", "Black"),
    )
    found = children(store, "arrests", source="self_then_officer")
    assert list(found["ethnicity"]) == ["Indian", "Black"]
    assert list(found["ethnicity_source"]) == ["self", "officer"]
    assert list(found["disagrees"]) == [0, 0]
    officers = children(store, "arrests", source="officer")
    assert list(officers["ethnicity"]) == ["Black", "Black"]
    assert list(officers["disagrees_broad"]) == [1, 0]


def test_ties_on_one_day_go_to_the_first_table_then_the_lowest_row(store: Warehouse) -> None:
    records(store, "arrests", ("a", 5, "Roma", "Unknown"), ("b", 5, "Arab", "Unknown"))
    records(store, "outcomes", ("a", 5, "Arab", "Unknown"), ("c", 5, "African", "Unknown"),
            ("c", 5, "Caribbean", "Unknown"))  # fmt: skip
    assert list(children(store, "arrests", "outcomes")["ethnicity"]) == ["Roma", "Arab", "African"]
    assert children(store, "outcomes", "arrests").loc["a", "ethnicity"] == "Arab"


def test_a_detailed_group_beats_its_own_heading_on_the_same_day_only(store: Warehouse) -> None:
    records(
        store,
        "arrests",
        ("a", 5, "Asian", "Unknown"),  # White Irish comes before Indian, but Indian is more of Asian
        ("a", 5, "White Irish", "Unknown"),
        ("a", 5, "Indian", "Unknown"),
        ("b", 5, "White", "Unknown"),
        ("b", 5, "Indian", "Unknown"),
        ("c", 4, "Indian", "Unknown"),
        ("c", 5, "Asian", "Unknown"),
    )
    assert list(children(store, "arrests")["ethnicity"]) == ["Indian", "White", "Asian"]


def test_a_heading_beside_its_own_group_is_no_disagreement(store: Warehouse) -> None:
    records(
        store,
        "arrests",
        ("a", 1, "Asian", "Unknown"),
        ("a", 2, "Indian", "Unknown"),
        ("b", 1, "Asian", "Unknown"),
        ("b", 2, "Roma", "Unknown"),
        ("c", 1, "Indian", "Unknown"),
        ("c", 2, "Chinese", "Unknown"),
        ("d", 1, "White", "Unknown"),
        ("d", 2, "Black", "Unknown"),
        ("e", 1, "Arab", "Unknown"),
    )
    found = children(store, "arrests")
    assert list(found["n_values"]) == [2, 2, 2, 2, 1]
    assert list(found["disagrees"]) == [0, 1, 1, 1, 0]
    assert list(found["disagrees_broad"]) == [0, 1, 0, 1, 0]
    summary = store.query(disagreement_sql()).loc[0].to_dict()
    assert summary == {"children": 5, "known": 5, "shared": 4, "disagree": 3, "disagree_broad": 2}


def test_the_most_frequent_heading_and_then_its_most_frequent_group(store: Warehouse) -> None:
    records(
        store,
        "arrests",
        # Asian three times against White Irish twice; inside Asian, Indian twice and Chinese once and later
        ("a", 1, "Indian", "Unknown"),
        ("a", 2, "Indian", "Unknown"),
        ("a", 3, "Chinese", "Unknown"),
        ("a", 8, "White Irish", "Unknown"),
        ("a", 9, "White Irish", "Unknown"),
        # one each: the latest
        ("b", 1, "Roma", "Unknown"),
        ("b", 2, "Arab", "Unknown"),
        # detail before its own heading, however often the heading alone was recorded
        ("c", 1, "Asian", "Unknown"),
        ("c", 2, "Asian", "Unknown"),
        ("c", 3, "Pakistani", "Unknown"),
    )
    found = children(store, "arrests", rule="most_frequent")
    assert list(found["ethnicity"]) == ["Indian", "Arab", "Pakistani"]


def test_records_without_a_day_are_older_than_all(store: Warehouse) -> None:
    records(store, "arrests", ("a", None, "Arab", "Unknown"), ("a", -900, "Roma", "Unknown"))
    assert list(children(store, "arrests")["ethnicity"]) == ["Roma"]


def test_as_recorded_chooses_none_and_still_counts(store: Warehouse) -> None:
    records(store, "arrests", ("a", 1, "Indian", "Unknown"), ("a", 2, "Roma", "Unknown"))
    found = children(store, "arrests", rule="as_recorded")
    assert found["ethnicity"].isna().all()
    assert list(found["disagrees_broad"]) == [1]


def test_agreement_sets_the_two_sources_side_by_side(store: Warehouse) -> None:
    records(
        store,
        "arrests",
        ("a", 1, "Indian", "Asian"),
        ("b", 1, "Pakistani", "Asian"),
        ("c", 1, "White and Asian", "White"),
        ("d", 1, "Unknown", "Black"),
    )
    assert store.query(agreement_sql("arrests")).to_dict("split")["data"] == [
        ["Asian", "Asian", 2],
        ["Mixed", "White", 1],
        ["Unknown", "Black", 1],
    ]


def test_no_table_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one"):
        child_ethnicity_sql([])


@pytest.mark.parametrize("rule", [SELF, "most_frequent", "as_recorded"])
@pytest.mark.parametrize("dialect", ["postgresql", "mssql", "spark", "sqlite"])
def test_every_statement_can_be_said_in_other_dialects(dialect: str, rule: str) -> None:
    field = Field("raw.e", "officer")
    parts = ethnicity.record_sql(self_defined=field, officer=field, source="self_then_officer", own="x")
    record = f"SELECT {', '.join(parts.columns.values())} FROM raw_x AS raw {parts.joins}"
    child = child_ethnicity_sql(["arrests", "outcomes"], rule=rule, source="self_then_officer")  # type: ignore[arg-type]
    for sql in (record, child, disagreement_sql(), agreement_sql("arrests")):
        assert translate(sql, dialect)


# --- real labels -----------------------------------------------------------------------------------------

SEARCHES = "police-uk/stop_and_search_7_forces_2019_12_2020_02.csv"
REAL = [
    ("west-midlands/population_census2021_age10_17.csv", "ethnicity", "broad_5"),
    ("west-midlands/population_census2021_19_groups_all_ages.csv", "ethnic_group", "census2021_19"),
    ("west-midlands/arrests_children_2007_2022.csv", "ethnicity", "home_office_5"),
    ("west-midlands/arrests_children_ye_mar_2025.csv", "ethnicity", "home_office_5"),
    ("west-midlands/disposals_children_2010_2017.csv", "ethnicity", "yjb_5"),
    ("west-midlands/children_cautioned_or_sentenced_2014_2021.csv", "ethnicity", "yjb_5"),
    (SEARCHES, "Self-defined ethnicity", "police_uk_words"),
    (SEARCHES, "Officer-defined ethnicity", "police_uk_officer"),
]  # fmt: skip


@pytest.mark.realdata
@pytest.mark.parametrize(("file", "column", "scheme"), REAL)
def test_every_label_of_the_published_tables_is_mapped(file: str, column: str, scheme: str) -> None:
    path = DATA / file
    if not path.exists():
        pytest.skip("../shared/data is not here")
    with path.open(encoding="utf-8", newline="") as lines:
        labels = {row[column] for row in csv.DictReader(lines)}
    # not labels of groups: a total, and percentages in a table of counts, which must never be added up
    labels = {label for label in labels if label not in ("", "overall") and "(percent)" not in label}
    assert {ethnicity.label_key(label) for label in labels} <= {
        ethnicity.label_key(label) for label in meanings(scheme)
    }


def test_percentages_and_totals_are_not_taken_for_counts() -> None:
    keys = set(ethnicity.crosswalk()["label_key"])
    for label in ("White: Roma (percent)", "overall", "All", "Total"):
        assert ethnicity.label_key(label) not in keys
