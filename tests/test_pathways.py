"""What the project knows of the stages of a pathway."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from tests.conftest import fill, prepared
from yjd.cube import prepare
from yjd.measures import stages
from yjd.pathways import PATHWAYS, Pathway, part_of, sources, units

STAGES = [stages()[name] for name in ("population", "searches", "arrests", "outcomes", "court")]


def extract(name: str, scheme: str) -> SimpleNamespace:
    return SimpleNamespace(name=name, ethnicity=SimpleNamespace(self_defined=scheme))


@pytest.fixture
def filled(warehouse):
    """Searches seen by officers, arrests self-defined, outcomes of both kinds."""
    prepared(warehouse)
    seen = {"ethnicity": "White", "ethnicity_source": "officer"}
    nobody = {"ethnicity": "Unknown", "ethnicity_source": "none"}
    fill(warehouse, "searches", [{"child_id": "a"} | seen, seen, nobody])
    fill(warehouse, "arrests", [{"child_id": "a"}, {"child_id": "b"}, {"child_id": "c"} | nobody])
    long_ago = {"disposal": "charge", "day": "2019-06-01"}
    fill(warehouse, "outcomes", [{"disposal": "charge"}, {"disposal": "youth_caution"} | seen, long_ago | seen])
    prepare(warehouse, STAGES)
    return warehouse


def test_whose_ethnicity_each_stage_carries(filled) -> None:
    # the outcome of 2019 lies in no period: what is left of court is self-defined
    assert sources(filled, STAGES) == {
        "population": "self", "searches": "officer", "arrests": "self", "outcomes": "mixed", "court": "self",
    }  # fmt: skip
    assert sources(filled, STAGES, tolerance=0.5)["outcomes"] == "self"


def test_the_source_is_that_of_the_childs_value(filled) -> None:
    filled.write(
        pd.DataFrame({"child_id": ["a", "b"], "ethnicity_source": ["self", "officer"]}), "child_ethnicity",
        types={"child_id": "VARCHAR", "ethnicity_source": "VARCHAR"},
    )  # fmt: skip
    found = sources(filled, STAGES)
    assert (found["searches"], found["arrests"]) == ("mixed", "mixed")


def test_officers_labels_are_known_by_their_scheme(filled) -> None:
    assert sources(filled, STAGES, [extract("tiny", "officer")])["arrests"] == "officer"
    assert sources(filled, STAGES, [extract("tiny", "police_18plus1")])["arrests"] == "self"


def test_detailed_groups_need_detail(filled) -> None:
    found = sources(filled, STAGES, level="detailed")
    assert (found["searches"], found["arrests"]) == ("mixed", "self")


def test_supplied_counts_are_self_defined_unless_an_officer_chose(warehouse) -> None:
    prepared(warehouse)
    fill(warehouse, "counts", [{"stage": "arrests", "n": 7, "extract": "supplied"}, {"stage": "arrests", "n": None}])
    prepare(warehouse, STAGES)
    assert sources(warehouse, STAGES) == {"population": "self", "arrests": "self"}
    assert sources(warehouse, STAGES, [extract("supplied", "police_uk_officer")])["arrests"] == "officer"


def test_units_and_parts_come_from_the_registry() -> None:
    assert units(STAGES) == {
        "population": "child", "searches": "event", "arrests": "event", "outcomes": "event", "court": "event",
    }  # fmt: skip
    assert part_of(STAGES) == {"court": "outcomes"}


def test_every_pathway_is_made_of_stages() -> None:
    assert {step for pathway in PATHWAYS for step in pathway.steps} <= set(stages())


def test_a_pathway_among_what_is_counted() -> None:
    pathway = Pathway("court", ("population", "searches", "arrests", "court"))
    shorter = pathway.among({"population", "arrests", "court", "precourt"})
    assert shorter == Pathway("court", ("population", "arrests", "court"))
    assert pathway.among({"population", "arrests"}) is None
    assert pathway.among({"arrests", "court"}) is None
