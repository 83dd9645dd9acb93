"""The registry of stages and measures."""

import pandas as pd
import pytest

from yjd.errors import ConfigurationError
from yjd.measures import FAMILIES, Measure, counts, measures, parse_stage, sql_folder, stages
from yjd.schema import CELL_COLUMNS, SPLITS, TABLES

ARREST_RATE = measures()["arrest_rate"]


def test_every_measure_is_of_two_stages_that_exist():
    known = stages()
    for measure in measures().values():
        assert {measure.numerator, measure.denominator} <= set(known), measure.id


def test_every_stage_file_is_a_stage_that_some_measure_uses():
    files = {path.stem for path in (sql_folder() / "stages").glob("*.sql")}
    used = {stage for measure in measures().values() for stage in (measure.numerator, measure.denominator)}
    assert files == set(stages()) == used


def test_every_stage_reads_a_declared_table_and_is_part_of_a_known_stage():
    for stage in stages().values():
        assert set(stage.reads) <= set(TABLES), stage.id
        assert stage.part_of in {"", *stages()}, stage.id


def test_the_numerator_of_a_proportion_is_part_of_its_base():
    known = stages()
    for measure in measures().values():
        if measure.kind == "proportion":
            bases, stage = set(), measure.numerator
            while stage := known[stage].part_of:
                bases.add(stage)
            assert measure.denominator in bases, measure.id


def test_measures_come_in_the_order_of_the_pathway():
    families = [measure.family for measure in measures().values()]
    assert families == sorted(families, key=FAMILIES.index)


def test_the_sentences_can_be_filled_in():
    for measure in measures().values():
        assert "{" not in measure.sentence.format(rate="3.1", group="Black")
        assert "{" not in measure.comparison.format(ratio="1.2", group="Black", reference="White")


def test_no_child_is_said_to_be_likely_to_where_one_can_be_counted_twice():
    for measure in measures().values():
        if measure.kind == "rate" and stages()[measure.numerator].unit == "event":
            assert not measure.likely_to


def test_a_project_can_add_a_measure_and_replace_one():
    own = Measure(
        id="arrest_rate", title="Ours", family="local", numerator="arrests", denominator="population",
        kind="rate",
        per=10, adverse="higher", unit="arrests", per_words="for every 10 {group} children",
    )  # fmt: skip
    found = measures([own])
    assert list(found)[-1] == "arrest_rate"
    assert found["arrest_rate"].per == 10
    assert measures()["arrest_rate"].per == 1000


def test_a_project_can_add_a_stage(tmp_path):
    (tmp_path / "strip_searches.sql").write_text(
        "-- title: Strip searches\n-- counts: Searches to the skin\n--   of children\n-- unit: event\n"
        "-- source: local\n-- date: 2025-01-01\n-- reads: searches\nSELECT 1 AS n\n-- kept\nFROM searches;\n",
        encoding="utf-8",
    )
    stage = stages(tmp_path)["strip_searches"]
    assert stage.counts == "Searches to the skin of children"
    assert stage.sql == "SELECT 1 AS n\n-- kept\nFROM searches"


def test_all_problems_of_a_header_at_once(tmp_path):
    path = tmp_path / "Odd Name.sql"
    path.write_text("-- title: Odd\n-- unit: person\n-- colour: red\n-- reads: a b\nSELECT 1", encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        parse_stage(path)
    for problem in (
        "'-- counts: ...'",
        "'-- source: ...'",
        "child or event",
        "'colour'",
        "its name",
        "'reads'",
    ):
        assert problem in str(caught.value)


def _cells(*rows):
    frame = pd.DataFrame(rows, columns=["stage", "group", "n", "status", "disclosure"])
    fixed = {"period": "2024-25", **dict.fromkeys(SPLITS, "All"), "level": "broad"}
    return frame.assign(**fixed)[list(CELL_COLUMNS)]


def test_counts_put_the_numerator_beside_its_denominator():
    cells = _cells(
        ("arrests", "White", 40.0, "ok", "shown"),
        ("arrests", "Unknown", 7.0, "ok", "shown"),
        ("population", "White", 30_000.0, "ok", "shown"),
        ("searches", "White", 1.0, "ok", "shown"),
    )
    found = counts(cells, ARREST_RATE)
    columns = "measure period area sex age_band deprivation level group numerator denominator status disclosure"
    assert list(found.columns) == columns.split()
    assert found[["group", "numerator", "denominator", "status"]].values.tolist() == [
        ["White", 40.0, 30_000.0, "ok"],
        ["Unknown", 7.0, 0.0, "ok"],
    ]


@pytest.mark.parametrize(("above", "below", "disclosure"), [
    ("hidden", "shown", "hidden"),
    ("hidden", "rounded", "hidden"),
    ("shown", "hidden", "hidden"),
    ("rounded", "shown", "rounded"),
    ("shown", "shown", "shown"),
])  # fmt: skip
def test_a_row_is_hidden_if_either_cell_is(above, below, disclosure):
    cells = _cells(("arrests", "White", None, "ok", above), ("population", "White", 9.0, "ok", below))
    assert counts(cells, ARREST_RATE)["disclosure"].tolist() == [disclosure]


@pytest.mark.parametrize(("above", "below", "status"), [
    ("ok", "ok", "ok"),
    ("censored", "ok", "censored"),
    ("censored", "not_available", "not_available"),
    ("ok", "break", "break"),
])  # fmt: skip
def test_the_worse_status_stands(above, below, status):
    cells = _cells(("arrests", "White", 1.0, above, "shown"), ("population", "White", 9.0, below, "shown"))
    assert counts(cells, ARREST_RATE)["status"].tolist() == [status]
