"""Counts that nobody prints and that take two subtractions: the engine must hide for them, the audit must find them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.disclosure.attacker import attack
from tests.disclosure.made import publish
from tests.disclosure.random_projects import random_project
from tests.disclosure.tables import RULES, cells, links
from tests.disclosure.weak import hide
from yjd.disclosure import audit, protect
from yjd.disclosure.relations_stages import stage_forms

TWO = replace(RULES, interval_width=2)
WHOLE, PART = {"Asian": 30, "Black": 20, "Mixed": 21}, {"Asian": 20, "Black": 19, "Mixed": 20}
STAGES = {"subsets": {"precourt": "outcomes"}}


def weakened(table, *keys):
    """The table with some cells hidden, each named by what it is."""
    gone = [(table[list(key)] == list(key.values())).all(axis=1) for key in keys]
    return hide(table, sum(gone).astype(bool))


def of_groups(counts, **keys):
    """Cells of some groups and of all of them that are known."""
    return [({"group": group, **keys}, n) for group, n in (counts | {"Known": sum(counts.values())}).items()]


def proven(found):
    """What the audit says is known to the very number."""
    return found.loc[found["low"] == found["high"], ["attack", "low"]].to_numpy().tolist()


@pytest.mark.parametrize(
    ("column", "names", "given", "attack"),
    [
        ("stage", ("outcomes", "precourt"), STAGES, "complement"),
        ("period", ("2024", "Q1"), {"related_periods": {"2024": ("Q1", "")}}, "rest"),
    ],
)
def test_all_others_than_a_group_in_what_a_part_leaves(column, names, given, attack):
    """Of the whole, 12 are not in the part: 10 Asian children, 1 Black, 1 Mixed. 12 less 10 is 2."""
    whole, part = names
    table = cells([*of_groups(WHOLE, **{column: whole}), *of_groups(PART, **{column: part})])
    given = links(**given)
    if column == "period":
        table["stage"] = "arrests"
    else:
        table["period"] = "2023-24"
    weak = weakened(table, *({column: part, "group": group} for group in ("Black", "Mixed")))
    assert proven(audit(weak, TWO, given, cells=table)) == [[attack, 2.0]]
    assert audit(protect(table, TWO, given), TWO, given, cells=table).empty


def test_those_known_by_their_broad_group_only_in_what_a_part_leaves():
    """10 children of the whole and 8 of the part are known as Black and no more: 2 are in the whole alone."""
    given = links(headings={"African": "Black", "Caribbean": "Black"}, **STAGES)
    table = cells([
        ({"stage": stage, "level": level, "group": group}, n)
        for stage, ns in (("outcomes", (20, 30, 60)), ("precourt", (10, 22, 40)))
        for (level, group), n in zip(
            (("detailed", "African"), ("detailed", "Caribbean"), ("broad", "Black")), ns, strict=True
        )
    ])  # fmt: skip
    assert proven(audit(table, TWO, given, cells=table)) == [["complement", 2.0]]
    assert audit(protect(table, TWO, given), TWO, given, cells=table).empty


def test_two_crossings_of_a_margin_that_is_left_out_say_the_same():
    """Dudley by age is 13 children, by sex 10 and one more number."""
    table = cells([
        *(({"area": "Dudley", "sex": sex}, n) for sex, n in (("Female", 10), ("Male", 3))),
        *(({"area": "Dudley", "age_band": age}, n) for age, n in (("10-14", 6), ("15-17", 7))),
    ])  # fmt: skip
    weak = weakened(table, {"sex": "Male"})
    assert ["sums", 3.0] in proven(audit(weak, RULES, links(), cells=table))
    assert audit(protect(table, RULES, links()), RULES, links(), cells=table).empty


def test_stages_are_taken_from_each_other_in_every_way_but_twice():
    given = links(subsets={"b": "a", "c": "a", "d": "b", "e": "b"}, parts=[("a", ("b", "c"))])
    found = list(stage_forms(given, list("abcde")))
    less = {(form.whole, form.chosen) for form in found if form.chosen}
    assert {("a", ("d",)), ("a", ("d", "e")), ("a", ("c", "d")), ("b", ("d", "e")), ("b", ("d",))} <= less
    assert not less & {("a", ("b", "c")), ("a", ("b", "d"))}  # nothing is left; d is in b already
    mark = {(form.whole, form.chosen): form.mark for form in found}
    assert mark["a", ("c",)] == mark["b", ()]
    assert mark["a", ("c", "d")] == mark["b", ("d",)]
    assert mark["a", ("d", "e")] != mark["b", ("d", "e")]


@pytest.mark.parametrize("seed", [12, 206, 231, 402, 565, 572, 593, 629, 823, 978])
def test_projects_that_once_gave_counts_away_no_longer_do(seed):
    project = random_project(seed)
    found = attack(project, publish(project))
    assert len(found)
    assert not found["broken"].any()
