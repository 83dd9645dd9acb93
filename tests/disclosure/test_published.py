"""What an outsider reads off results, and works back from them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from yjd.disclosure.audit_invert import inverted_counts
from yjd.disclosure.audit_release import audit_release, strange_numbers
from yjd.disclosure.published import published_cells, spanned
from yjd.measures import Measure, counts
from yjd.metrics import Plan, all_results
from yjd.release import Release, read_results, results_csv
from yjd.schema import CELL_COLUMNS, CELL_KEYS

MEASURES = [
    {"id": "arrest_rate", "numerator": "arrests", "denominator": "population", "kind": "rate", "per": 1000},
    {"id": "precourt_share", "numerator": "precourt", "denominator": "outcomes", "kind": "proportion", "per": 100},
]
GROUPS = ("Asian", "Black", "White")
KEYS = {"area": "All", "sex": "All", "age_band": "All", "deprivation": "All", "level": "broad"}


def made(seed=1):
    """Cells of two measures in three years."""
    chance = np.random.default_rng(seed)
    rows = []
    for period in ("2020-21", "2021-22", "2022-23"):
        outcomes = chance.poisson((40, 60, 200, 20))
        by_stage = {
            "population": (3000, 4000, 20000), "arrests": chance.poisson((30, 60, 90, 8)), "outcomes": outcomes,
            "precourt": chance.binomial(outcomes, 0.6),
        }  # fmt: skip
        for stage, n in by_stage.items():
            named = dict(zip((*GROUPS, "Unknown"), map(int, n), strict=False))
            known = sum(named[group] for group in GROUPS)
            for group, count in {**named, "Known": known, "All": known + named.get("Unknown", 0)}.items():
                rows.append(KEYS | {"stage": stage, "period": period, "group": group, "n": float(count)})
    return pd.DataFrame(rows).assign(status="ok", disclosure="shown")[list(CELL_COLUMNS)]


def results_of(cells):
    """Every metric of the two measures, as it comes back from a release."""
    years = {"2020-21": 2020.0, "2021-22": 2021.0, "2022-23": 2022.0}
    plan = Plan(references=["White", "others", "everyone"], series=[years], pairs=[("2020-21", "2021-22")])
    tables = []
    for one in MEASURES:
        names = ("id", "numerator", "denominator", "kind", "per")
        measure = Measure(**{name: one[name] for name in names}, title="", family="arrest", adverse="higher", unit="",
                          per_words="")  # fmt: skip
        tables.append(all_results(counts(cells, measure), kind=one["kind"], per=one["per"], plan=plan))
    return read_results(results_csv(pd.concat(tables, ignore_index=True)))


@pytest.fixture(scope="module")
def published():
    cells = made()
    gone = (cells["stage"] == "arrests") & (cells["group"].isin(["Black", "Unknown"])) & (cells["period"] == "2021-22")
    released = cells.assign(n=cells["n"].mask(gone), disclosure=cells["disclosure"].mask(gone, "hidden"))
    results = results_of(released)
    return cells, released, results, published_cells(results, MEASURES)


def test_every_shown_count_is_read_once_and_as_it_is(published):
    _, released, _, found = published
    plain = found[found["terms"].isna()]
    assert not plain.duplicated(list(CELL_KEYS)).any()
    joined = plain.merge(released, on=list(CELL_KEYS), how="left", suffixes=("", "_true"), validate="one_to_one")
    shown = joined["disclosure"] == "shown"
    assert (joined.loc[shown, "n"] == joined.loc[shown, "n_true"]).all()
    protected = joined["stage"] != "population"
    assert shown.sum() + (~shown).sum() >= (released["stage"] != "population").sum()
    assert joined.loc[~shown & protected, "n_true"].isna().all()
    assert (~shown & protected).sum() == 2


def test_sums_of_cells_hold_for_the_true_counts(published):
    cells, _, _, found = published
    true = {tuple(key): n for *key, n in cells[[*CELL_KEYS, "n"]].itertuples(index=False, name=None)}
    sums = found[found["terms"].notna()]
    assert {len(terms) for terms in sums["terms"]} == {2, 3}  # others; three years
    for terms, low, high in sums[["terms", "low", "high"]].itertuples(index=False, name=None):
        assert low <= sum(factor * true[key] for key, factor in terms) <= high


def test_a_count_that_differs_between_rows_has_two_rows(published):
    _, _, results, _ = published
    wrong = results.copy()
    row = wrong.index[(wrong["quantity"] == "excess") & wrong["numerator"].notna()][0]
    wrong.loc[row, "numerator"] += 1
    found = published_cells(wrong, MEASURES)
    assert found[found["terms"].isna()].duplicated(list(CELL_KEYS)).sum() == 1


@pytest.mark.parametrize(("base", "counts"), [(10, (170, 30)), (25, (175, 50))])
def test_a_sample_of_a_model_says_what_its_periods_come_to(published, base, counts):
    """A rate's lacks nothing, that of records may lack a few; whatever they were rounded to."""
    _, _, results, _ = published
    like = results[(results["quantity"] == "rate") & (results["group"] == "White")].drop_duplicates("measure")
    rows = like.assign(quantity="adjusted_rate", rung="M1", period="2020-21 to 2022-23", disclosure="rounded")
    rows["numerator"] = rows["measure"].map(dict(zip(("arrest_rate", "precourt_share"), counts, strict=True)))
    measures = [one | {"definition": {"numerator": {"unit": "event"}}} for one in MEASURES]
    found = published_cells(pd.concat([results, rows], ignore_index=True), measures)
    found = found[found["terms"].notna() & (found["period"] == "2020-21 to 2022-23")].sort_values("stage")
    assert found["stage"].tolist() == ["arrests", "precourt"]
    assert found["low"].tolist() == [count - base / 2 for count in counts]
    assert found["high"].tolist() == [counts[0] + base / 2, np.inf]


def test_what_spans_periods():
    names = ["2020-21", "2021-22", "2022-23", "2020-23 (3 years)"]
    assert spanned("2022-23", "2020-21", names) == ["2020-21", "2021-22", "2022-23"]
    assert spanned("2021-22 to 2022-23", "", names) == ["2021-22", "2022-23"]
    assert spanned("2022-23", "", names) == ["2022-23"]
    assert spanned("2030-31", "", names) == []


STAGES = {"arrest_rate": "arrests", "precourt_share": "precourt"}


def leak(quantity, measure, columns, **more):
    """Results with one count hidden, and one row that still has what was computed of it; and the count."""
    cells = made()
    gone = (cells["stage"] == STAGES[measure]) & (cells["group"] == "Black") & (cells["period"] == "2020-21")
    released = cells.assign(n=cells["n"].mask(gone), disclosure=cells["disclosure"].mask(gone, "hidden"))
    weak, full = results_of(released), results_of(cells)
    asked = {"quantity": quantity, "measure": measure, "group": "Black", "period": "2020-21"} | more
    row = np.all([(weak[name] == value).to_numpy() for name, value in asked.items()], axis=0)
    assert row.sum() == 1
    weak.loc[row, columns] = full.loc[row, columns].to_numpy()
    return weak, float(cells.loc[gone, "n"].iloc[0])


ESTIMATE = ["estimate", "denominator", "reference_numerator", "reference_denominator"]


@pytest.mark.parametrize(
    ("quantity", "measure", "attack", "more"),
    [
        ("rate", "arrest_rate", "rate x denominator", {}),
        ("rate", "precourt_share", "rate x denominator", {}),
        ("composition", "arrest_rate", "share x total", {}),
        ("representation_ratio", "arrest_rate", "ratio", {}),
        ("excess", "arrest_rate", "excess", {"reference": "everyone"}),
        ("difference", "arrest_rate", "difference", {"reference": "everyone"}),
    ],
)
def test_a_count_comes_back_from_what_was_computed_of_it(quantity, measure, attack, more):
    weak, true = leak(quantity, measure, ESTIMATE, **more)
    found = inverted_counts(weak, MEASURES, published_cells(weak, MEASURES))
    assert [*found[["stage", "group", "attack", "low", "high"]].iloc[0]] == [
        STAGES[measure], "Black", attack, true, true,
    ]  # fmt: skip
    assert len(found) == 1


@pytest.mark.parametrize("measure", ["arrest_rate", "precourt_share"])
def test_a_count_comes_back_from_its_interval_alone(measure):
    weak, true = leak("rate", measure, ["lower", "upper", "method", "denominator"])
    found = inverted_counts(weak, MEASURES, published_cells(weak, MEASURES))
    assert [*found[["attack", "low", "high"]].iloc[0]] == ["interval inversion", true, true]


def test_a_rate_that_was_rounded_gives_a_range():
    weak, true = leak("rate", "arrest_rate", ["estimate", "denominator"])
    rounded = weak.assign(estimate=weak["estimate"].round(0))
    found = inverted_counts(rounded, MEASURES, published_cells(rounded, MEASURES))
    low, high = found[["low", "high"]].iloc[0]
    assert low <= true <= high
    assert high - low == pytest.approx(4, abs=1)  # a whole number for 1,000 of 4,000 children


def test_nothing_comes_back_from_a_sound_release(published):
    _, _, results, found = published
    assert inverted_counts(results, MEASURES, found).empty


def bundle(tmp_path, results, **more):
    """A release with these results, as read back."""
    definition = {"numerator": {"title": "Arrests"}, "denominator": {"title": "Residents"}}
    manifest = {
        "measures": [MEASURES[0] | {"definition": definition}, MEASURES[1]],
        "headline": {"level": "broad"},
        "disclosure": {"rules": {
            "minimum_count": 6, "zero_safe": True, "minimum_denominator": 0, "minimum_children": 0,
            "largest_share_percent": 100, "interval_width": 3, "method": "hide", "round_to": 0, "preset": "",
        }},
        "links": {
            "subsets": {"precourt": "outcomes"}, "parts": [], "public_stages": ["population"], "related_periods": {},
            "periods_add_up": ["arrests", "outcomes", "precourt"], "headings": {},
            "denominators": [["arrests", "population"], ["precourt", "outcomes"]],
        },
    } | more  # fmt: skip
    return Release(tmp_path, "1", results, json.loads(json.dumps(manifest)))


def safe_cells():
    """Counts far from the minimum, and so what they leave of each other."""
    cells = made()
    return cells.assign(n=cells["n"].where(cells["stage"] == "population", cells["n"] * 10))


def test_a_sound_bundle_has_no_findings(tmp_path):
    assert audit_release(bundle(tmp_path, results_of(safe_cells()))).empty


def test_a_bundle_with_a_small_count_is_found(tmp_path):
    cells = safe_cells()
    small = (cells["stage"] == "arrests") & (cells["period"] == "2020-21")
    weak = cells.assign(n=cells["n"].mask(small & (cells["group"] == "Unknown"), 3.0))
    known = weak.loc[small & (cells["group"] == "Known"), "n"].iloc[0]
    weak["n"] = weak["n"].mask(small & (cells["group"] == "All"), known + 3)
    assert "shown" in set(audit_release(bundle(tmp_path, results_of(weak)))["attack"])
    gone = small & (cells["group"] == "Unknown")
    hidden = weak.assign(n=weak["n"].mask(gone), disclosure=weak["disclosure"].mask(gone, "hidden"))
    found = audit_release(bundle(tmp_path, results_of(hidden)))
    assert set(found["attack"]) == {"sums"}


def test_counts_of_the_manifest_are_read_too(tmp_path):
    results = results_of(safe_cells())
    unknown = [{"stage": "arrests", "period": "2020-21", "unknown": 1, "total": None}]
    found = audit_release(bundle(tmp_path, results, ethnicity={"unknown": unknown}))
    assert "contradiction" in set(found["attack"])


@pytest.mark.parametrize("printed", [
    {"ethnicity": {"unknown": [{"stage": "arrests", "period": "2020-21", "unknown": 3, "total": None}]}},
    {"attrition": [{"step": "Arrests", "period": "2020-21", "rows": 900, "unit": "event"}]},
])  # fmt: skip
def test_a_hidden_count_that_the_manifest_prints_is_found(tmp_path, printed):
    cells = safe_cells()
    own = (cells["stage"] == "arrests") & (cells["period"] == "2020-21")
    known = cells.loc[own & (cells["group"] == "Known"), "n"].iloc[0]
    cells["n"] = cells["n"].mask(own & (cells["group"] == "Unknown"), 3.0)
    cells["n"] = cells["n"].mask(own & (cells["group"] == "All"), known + 3)
    gone = own & cells["group"].isin(["Unknown", "All"])
    results = results_of(cells.assign(n=cells["n"].mask(gone), disclosure=cells["disclosure"].mask(gone, "hidden")))
    assert audit_release(bundle(tmp_path, results)).empty
    for row in printed.get("attrition", ()):
        row["rows"] = int(known) + 3
    assert set(audit_release(bundle(tmp_path, results, **printed))["attack"]) <= {"shown", "sums"}
    assert not audit_release(bundle(tmp_path, results, **printed)).empty


@pytest.mark.parametrize(
    ("base", "number", "strange"), [(0, 120, 0), (0, 125, 1), (25, 125, 0), (25, 120, 1), (5, 125, 1)]
)
def test_counts_of_a_model_card_are_rounded_as_the_rules_say(tmp_path, base, number, strange):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "arrest_rate.md").write_text(f"| of known ethnicity | {number} |\n", encoding="utf-8")
    rules = {
        "minimum_count": 6, "zero_safe": True, "minimum_denominator": 0, "minimum_children": 0, "round_to": base,
        "largest_share_percent": 100, "interval_width": 3, "method": "hide_and_round" if base else "hide",
    }  # fmt: skip
    release = bundle(tmp_path, results_of(safe_cells()), disclosure={"rules": rules})
    assert len(strange_numbers(release)) == strange


def test_a_number_of_a_chart_that_the_release_does_not_show_is_found(tmp_path):
    results = results_of(safe_cells())
    shown = results.loc[results["quantity"] == "rri", "estimate"].dropna().iloc[0]
    (tmp_path / "charts").mkdir()
    chart = tmp_path / "charts" / "forest.svg"
    chart.write_text(f"<svg><text>0.5</text><text>{shown:.2f} times</text></svg>", encoding="utf-8")
    assert audit_release(bundle(tmp_path, results)).empty
    chart.write_text("<svg><desc>there were 98765 arrests</desc></svg>", encoding="utf-8")
    found = audit_release(bundle(tmp_path, results))
    assert [*found[["stage", "attack", "low"]].iloc[0]] == ["forest.svg", "text", 98765]


def test_an_earlier_bundle_takes_part(tmp_path):
    cells = safe_cells()
    gone = (cells["stage"] == "arrests") & (cells["period"] == "2020-21")
    weak = cells.assign(n=cells["n"].mask(gone & (cells["group"] == "Unknown"), 3.0))
    known = weak.loc[gone & (cells["group"] == "Known"), "n"].iloc[0]
    weak["n"] = weak["n"].mask(gone & (cells["group"] == "All"), known + 3)

    def without(*groups):
        hide = gone & cells["group"].isin(groups)
        return results_of(weak.assign(n=weak["n"].mask(hide), disclosure=weak["disclosure"].mask(hide, "hidden")))

    one = bundle(tmp_path, without("Unknown", "All"))
    other = bundle(tmp_path, without("Unknown", "Known", "Asian"))
    assert audit_release(one).empty
    assert audit_release(other).empty
    assert set(audit_release(one, earlier=[other])["attack"]) == {"sums"}
