"""The model card: what it says, what it must not say, and counts that could tell of a child."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yjd.errors import EstimationError
from yjd.model_counts import OF_CELLS, OF_RECORDS, PRIOR_OUTCOMES
from yjd.models.card import model_card, safe_count
from yjd.models.ladder import Rung
from yjd.reporting.words import ADJUSTERS, CAUTION

RUNGS = (
    Rung("M0"), Rung("M1", ("age_band", "sex")), Rung("M2", ("age_band", "sex", "offence_group"), mediator=True),
    Rung("M3", ("age_band", "sex", "offence_group", "prior_outcomes"), mediator=True),
)  # fmt: skip
FLOW = (("records of the periods", 4321), ("in the project's areas", 4318), ("of known ethnicity", 4000),
        ("gravity known", 3))  # fmt: skip


def card(**change):
    options = {
        "kind": "proportion", "per": 100, "periods": ("2022-23", "2023-24"), "sample_flow": FLOW, "rungs": RUNGS,
        "lowest": 10, "round_to": 5, "errors": "by_child", "left_out": ("admission",), "begins": "1 April 2018",
        "base": "children who were arrested",
    }  # fmt: skip
    return model_card("Out-of-court disposals", **(options | change))


def test_it_says_what_a_reader_needs():
    text = card()
    for words in (
        CAUTION, "2022\\-23 and 2023\\-24", "White children", "also adjusted for earlier outcomes on record",
        "M0: unadjusted", "Left out, as the records do not hold it or hold too little of it: admission of the offence",
        "The model is of children who were arrested alone".replace("The", "the"), "1 April 2018", "separated",
        "adjusted difference", "for every 100", "Records of the same child belong together", "A blank is never a zero",
    ):  # fmt: skip
        assert words in text, words
    assert text.count("Possible mediator") == 2
    assert re.findall("^#+ .*", text, re.MULTILINE)[0] == "# About this model: Out\\-of\\-court disposals"
    assert len(text.split()) < 800  # a page


def test_words_that_it_must_not_say():
    for text in (card(), card(kind="rate", base="", errors="model"), card(rungs=RUNGS[:1]), card(errors="by_area")):
        said = text.replace(CAUTION, "").lower()
        for word in ("effect", "bias", "controlled", "bame", "minority", "offender", "caused", "suppress", "redact"):
            assert not re.search(rf"\b{word}", said), word


def test_no_small_count_and_no_small_difference():
    text = card()
    rows = re.findall(r"^\| (.*) \| (.*) \|$", text, re.MULTILINE)[2:]
    assert [number for _, number in rows] == ["4,320", "as above, but for fewer than 10", "4,000", "fewer than 10"]
    assert "4,318" not in text
    assert "4,321" not in text
    # with the one in between left out, the next is compared with the last that was shown
    flow = (("a", 1000), ("b", 995), ("c", 990), ("d", 985))
    rows = re.findall(r"^\| (.*) \| (.*) \|$", card(sample_flow=flow, round_to=1), re.MULTILINE)[2:]
    assert [number for _, number in rows] == ["1,000", "as above, but for fewer than 10", "990",
                                              "as above, but for fewer than 10"]  # fmt: skip


@given(st.lists(st.integers(0, 3000), max_size=6), st.integers(1, 40), st.integers(0, 40))
def test_any_flow_keeps_small_counts_to_itself(numbers, lowest, round_to):
    numbers = sorted(numbers, reverse=True)
    text = card(sample_flow=[(f"step {at}", number) for at, number in enumerate(numbers)], lowest=lowest,
                round_to=round_to)  # fmt: skip
    shown = re.findall(r"^\| step \d+ \| ([\d,]+) \|$", text, re.MULTILINE)
    step = max(round_to, 1)
    values = [int(number.replace(",", "")) for number in shown]
    assert all(value % step == 0 for value in values)
    assert all(value + step / 2 >= lowest for value in values if value)
    assert (0 in values) <= (0 in numbers)
    assert all(one == other or abs(one - other) >= lowest - step for one, other in pairwise(values))


@pytest.mark.parametrize(("number", "said"), [(0, "0"), (9, "fewer than 10"), (10, "10"), (12, "10"), (13, "15"),
                                              (1_234, "1,235")])  # fmt: skip
def test_counts_are_rounded(number, said):
    assert safe_count(number, lowest=10, round_to=5) == said
    assert safe_count(1_234, lowest=1, round_to=0) == "1,234"
    assert safe_count(12, lowest=10, round_to=40) == "fewer than 40"


def test_names_are_never_read_as_markdown():
    evil = "<script>alert(1)</script> [x](http://e) | *b* `c` $d$ \n# e"
    text = model_card(
        evil, kind="proportion", per=100, periods=[evil], sample_flow=[(evil, 500)], lowest=5, round_to=5,
        rungs=[Rung(evil, (evil,))], reference=evil, left_out=[evil], base=evil, begins=evil, limits=[evil],
    )  # fmt: skip
    assert not re.search(r"(?<!\\)[`$<>\[\]]", text)
    assert len(re.findall("^# ", text, re.MULTILINE)) == 1
    assert all(re.fullmatch(r"\|.*\|", line) and len(re.findall(r"(?<!\\)\|", line)) == 3
               for line in text.splitlines() if line.startswith("|"))  # fmt: skip


def test_every_adjuster_has_words():
    assert "| earlier outcomes on record known | 20 |" in card(sample_flow=[("prior_outcomes known", 20)])
    assert "| Step | Events left |" in card(kind="rate", base="")
    assert {*OF_CELLS, *OF_RECORDS, PRIOR_OUTCOMES} <= set(ADJUSTERS)
    assert "adjusted for shoe size" in card(rungs=[Rung("M1", ("shoe_size",))])


def test_limits_are_those_of_the_model():
    plain = card(rungs=RUNGS[:2], limits=["Custody records of one force start in 2021."])
    assert "Earlier outcomes absorb" not in plain
    assert "The offence on record" not in plain
    assert "Custody records of one force start in 2021\\." in plain
    assert "Earlier outcomes absorb" in card()
    assert "Selection: children who live elsewhere" in card(kind="rate", base="")
    assert "The sample was not described" in card(sample_flow=())
    assert "divided by that of children of Mixed ethnicity. 1 means" in card(reference="Mixed")


@pytest.mark.parametrize("change", [{"kind": "odds"}, {"errors": "by_magic"}, {"rungs": ()}, {"lowest": 0},
                                    {"round_to": -1}])  # fmt: skip
def test_a_wrong_call_is_refused(change):
    with pytest.raises(EstimationError):
        card(**change)
