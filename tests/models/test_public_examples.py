"""Public records through the public functions, against R; and the data that models fail on without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from yjd.models.clusters import ByArea, ByRow
from yjd.models.decomposition import decompose
from yjd.models.diagnostics import diagnose
from yjd.models.doubly_robust import doubly_robust
from yjd.models.ladder import Rung, ladder
from yjd.models.reoffending_time import time_to_reoffence
from yjd.models.sensitivity import sensitivity

_FOLDER = Path(__file__).parents[1] / "reference"
_VALUES = pd.read_csv(_FOLDER / "public_examples.csv", dtype={"name": str})
Z = 1.959963984540054
MEN = ("age_band", "fin", "wexp", "mar", "paro")
RELEASED = ("age_band", "felon", "workprg", "married", "alcohol", "drugs")
LADDERS = {
    "arrests": (Rung("M0"), Rung("M1", ("age_band", "sex", "year")),
                Rung("M2", ("age_band", "sex", "year", "employed", "citizen", "checks"), mediator=True)),
    "rossi": (Rung("M0"), Rung("M1", ("age_band",)), Rung("M2", MEN), Rung("M3", (*MEN, "prior"), mediator=True)),
    "recid": (Rung("M0"), Rung("M1", ("age_band",)), Rung("M2", RELEASED),
              Rung("M3", (*RELEASED, "prior"), mediator=True)),
}  # fmt: skip
GROUPS = {"arrests": ("White", "Black"), "rossi": ("other", "black"), "recid": ("other", "black")}


def r(case):
    """What R said: name -> value."""
    rows = _VALUES[_VALUES["case"] == case]
    return dict(zip(rows["name"], rows["value"].astype(float), strict=True))


def records(name):
    """The data beside the R script; labels as text."""
    frame = pd.read_csv(_FOLDER / f"public_{name}.csv").rename(columns={"colour": "group", "race": "group"})
    labels = [one for one in LADDERS[name][-1].adjusters if one in frame.columns]
    return frame.astype(dict.fromkeys(labels, "str"))


def model_counts(name):
    """Model counts, made with a groupby as in a notebook."""
    frame = records(name)
    if name == "arrests":
        return frame.astype({"base": float, "events": float})
    event = {"rossi": "arrest", "recid": "returned"}[name]
    keys = ["group", *LADDERS[name][-1].adjusters]
    return frame.groupby(keys).agg(base=(event, "size"), events=(event, "sum")).reset_index().astype(
        {"base": float, "events": float}
    )  # fmt: skip


def _pick(results, quantity, group, rung):
    rows = results[(results["quantity"] == quantity) & (results["group"] == group) & (results["rung"] == rung)]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("name", list(LADDERS))
def test_every_rung_of_public_records_is_what_r_says(name):
    reference, group = GROUPS[name]
    found = ladder(model_counts(name), kind="proportion", rungs=LADDERS[name], reference=reference, firth="never")
    for rung in LADDERS[name]:
        said = r(f"{name}_{rung.name}")
        odds, ratio, gap = (_pick(found, quantity, group, rung.name)
                            for quantity in ("odds_ratio", "adjusted_rri", "marginal_difference"))  # fmt: skip
        assert odds["estimate"] == pytest.approx(np.exp(said["coefficient"]), rel=1e-8)
        assert np.log(odds["upper"] / odds["lower"]) / 2 / Z == pytest.approx(said["se"], rel=1e-8)
        assert ratio["estimate"] == pytest.approx(np.exp(said["log_rri"]), rel=1e-8)
        assert np.log(ratio["upper"] / ratio["lower"]) / 2 / Z == pytest.approx(said["log_rri_se"], rel=1e-8)
        assert gap["estimate"] == pytest.approx(100 * said["difference"], rel=1e-8)
        assert (gap["upper"] - gap["lower"]) / 2 / Z == pytest.approx(100 * said["difference_se"], rel=1e-8)
        for one in (reference, group):
            rate = _pick(found, "adjusted_rate", one, rung.name)["estimate"]
            assert rate == pytest.approx(100 * said[f"rate_{one}"], rel=1e-8)


def test_arrests_by_record():
    """White's standard errors from the counts are those of R's sandwich from 5,226 records."""
    found = ladder(model_counts("arrests"), kind="proportion", rungs=LADDERS["arrests"], clusters=ByRow())
    for rung in ("M0", "M1", "M2"):
        said, ratio = r(f"arrests_{rung}_hc0"), _pick(found, "adjusted_rri", "Black", rung)
        assert np.log(ratio["upper"] / ratio["lower"]) / 2 / Z == pytest.approx(said["log_rri_se"], rel=1e-8)
        assert ratio["method"] == "logit_by_row"


def test_arrests_as_they_are_told():
    """Of 5,226 arrests 4,334 ended in release (the help page of carData); 74 against 86 in 100, then 79 against 85."""
    counts = model_counts("arrests")
    assert (counts["base"].sum(), counts["events"].sum()) == (5226, 4334)
    found = ladder(counts, kind="proportion", rungs=LADDERS["arrests"])
    rates = {(rung, group): round(_pick(found, "adjusted_rate", group, rung)["estimate"])
             for rung in ("M0", "M2") for group in ("Black", "White")}  # fmt: skip
    assert rates == {("M0", "Black"): 74, ("M0", "White"): 86, ("M2", "Black"): 79, ("M2", "White"): 85}
    assert _pick(found, "rung_change", "Black", "M2")["lower"] > 1


@pytest.mark.parametrize("name", ["rossi", "recid"])
def test_time_to_the_next_arrest_is_what_r_says(name):
    reference, group = GROUPS[name]
    frame = records(name).assign(n=1)
    frame["days"] = frame["week" if name == "rossi" else "durat"]
    frame["reoffences"] = frame["arrest"] if name == "rossi" else 1 - frame["cens"]
    found = time_to_reoffence(frame, rungs=LADDERS[name], reference=reference)
    for rung in LADDERS[name]:
        said, ratio = r(f"{name}_cox_{rung.name}"), _pick(found, "hazard_ratio", group, rung.name)
        assert np.log(ratio["estimate"]) == pytest.approx(said["coefficient"], rel=1e-8)
        assert np.log(ratio["upper"] / ratio["lower"]) / 2 / Z == pytest.approx(said["se"], rel=1e-8)
        if name == "rossi":
            tested = found[(found["quantity"] == "ph_test") & (found["rung"] == rung.name) & (found["term"] == "group")]
            assert tested["estimate"].iloc[0] == pytest.approx(said["zph_group"], rel=1e-8)


def test_arrests_for_each_week_at_risk_are_what_r_says():
    frame = records("rossi").rename(columns={"week": "base", "arrest": "events"})
    frame = frame.astype({"base": float, "events": float})
    found = ladder(frame, kind="rate", rungs=LADDERS["rossi"], reference="other", firth="never")
    for rung in LADDERS["rossi"]:
        said, ratio = r(f"rossi_rate_{rung.name}"), _pick(found, "rate_ratio", "black", rung.name)
        # one man has a week or a year, so the test of dispersion finds some: R's model-based error is widened by it
        scale = _pick(found, "dispersion", "All", rung.name)["estimate"] if "quasi" in ratio["method"] else 1.0
        assert np.log(ratio["estimate"]) == pytest.approx(said["coefficient"], rel=1e-8)
        error = np.log(ratio["upper"] / ratio["lower"]) / 2 / Z
        assert error == pytest.approx(said["se"] * np.sqrt(scale), rel=1e-8)
        # with the log link and no interaction the standardised ratio is the coefficient's
        adjusted = _pick(found, "adjusted_rri", "black", rung.name)
        assert adjusted["estimate"] == pytest.approx(ratio["estimate"], rel=1e-8)


def test_another_method_says_about_the_same():
    counts = model_counts("arrests")
    counts["fold"] = np.arange(len(counts)) % 4
    last = LADDERS["arrests"][-1]
    checked = doubly_robust(counts, adjusters=last.adjusters)
    plain = ladder(counts, kind="proportion", rungs=[last])
    gap = _pick(plain, "marginal_difference", "Black", "M2")
    robust = checked[checked["quantity"] == "aipw_difference"].iloc[0]
    assert robust["status"] == "ok"
    assert abs(robust["estimate"] - gap["estimate"]) < (gap["upper"] - gap["lower"]) / 2
    parts = decompose(counts, adjusters=last.adjusters)
    parts = parts[parts["quantity"] == "decomposition"].set_index("term")["estimate"]
    raw = _pick(ladder(counts, kind="proportion", rungs=LADDERS["arrests"][:1]), "marginal_difference", "Black", "M0")
    assert parts["gap"] == pytest.approx(raw["estimate"], rel=1e-8)
    assert parts[list(last.adjusters)].sum() == pytest.approx(parts["explained"], rel=1e-8)
    assert parts["explained"] + parts["unexplained"] == pytest.approx(parts["gap"], rel=1e-8)


# What models fail on without a word

TRAP = pd.DataFrame({
    "group": "Chinese", "age_band": ["18 to 20", "21 to 25"], "sex": "Male", "year": "1999", "employed": "Yes",
    "citizen": "Yes", "checks": "0", "base": [5.0, 3.0], "events": 0.0,
})  # fmt: skip


def _with_trap():
    return pd.concat([model_counts("arrests"), TRAP], ignore_index=True)


def _largest(results):
    return np.nanmax(results[["estimate", "lower", "upper"]].abs().to_numpy())


def test_0_of_8_is_a_trap():
    """The reason for the tests below: a standard error of thousands, "converged" and no warning."""
    frame = _with_trap()
    matrix = pd.get_dummies(frame[["group", "checks"]], drop_first=True, dtype=float).assign(one=1.0)
    fit = sm.GLM(frame[["events", "base"]].assign(base=frame["base"] - frame["events"]), matrix,
                 family=sm.families.Binomial()).fit()  # fmt: skip
    assert fit.converged
    assert fit.bse["group_Chinese"] > 1000


@pytest.mark.parametrize("clusters", [None, ByRow(), ByArea("year")])
def test_0_of_8_is_a_status_in_every_model(clusters):
    frame, rungs = _with_trap(), LADDERS["arrests"]
    frame["fold"] = np.arange(len(frame)) % 4
    found = ladder(frame, kind="proportion", rungs=rungs, clusters=clusters)
    adjusted = found["quantity"].isin(["adjusted_rate", "adjusted_rri", "marginal_difference", "rung_change"])
    assert set(found.loc[adjusted & (found["group"] == "Chinese"), "status"]) == {"separated"}
    assert set(found.loc[adjusted & (found["group"] == "Black"), "status"]) == {"ok"}
    assert _largest(found) < 1000
    options = {"adjusters": rungs[-1].adjusters, "clusters": clusters}
    for table in (doubly_robust(frame, **options), decompose(frame, **options), sensitivity(found)):
        trapped = table[(table["group"] == "Chinese") & (table["quantity"] != "overlap")]
        assert len(trapped)
        assert "ok" not in set(trapped["status"])
        assert trapped["estimate"].isna().all()
        assert _largest(table) < 1000
    for table in diagnose(frame, kind="proportion", rungs=rungs, clusters=clusters, across=("year",)).values():
        numbers = table.select_dtypes("number").drop(columns=["log_likelihood", "aic", "bic"], errors="ignore")
        assert np.nanmax(numbers.abs().to_numpy()) < 6000  # the records


def test_one_group_only_in_every_model():
    frame = model_counts("arrests").query("group == 'White'").assign(fold=0)
    rungs = LADDERS["arrests"]
    tables = [ladder(frame, kind="proportion", rungs=rungs), doubly_robust(frame, adjusters=rungs[-1].adjusters),
              decompose(frame, adjusters=rungs[-1].adjusters)]  # fmt: skip
    men = (
        records("rossi").query("group == 'other'").assign(n=1).rename(columns={"week": "days", "arrest": "reoffences"})
    )
    times = time_to_reoffence(men, rungs=LADDERS["rossi"], reference="other")
    for table in (*tables, times[times["quantity"] == "hazard_ratio"]):
        assert "ok" not in set(table["status"])
        assert table["estimate"].isna().all()
    assert set(diagnose(frame, kind="proportion", rungs=rungs)["fit"]["status"]) == {"too_few"}


def test_an_adjuster_that_two_others_imply():
    frame, rungs = model_counts("arrests"), LADDERS["arrests"]
    frame["both"] = frame["employed"] + " " + frame["citizen"]
    implied = ladder(frame, kind="proportion", rungs=[Rung("M2", ("both", "employed", "citizen"))])
    plain = ladder(frame, kind="proportion", rungs=[Rung("M2", ("both",))])
    pd.testing.assert_frame_equal(implied, plain, rtol=1e-8)
    fit = diagnose(frame, kind="proportion", rungs=[Rung("M2", ("both", "employed", "citizen"))])["fit"].iloc[0]
    assert fit["parameters"] == 5
    assert fit["collinear"].count(":") == 2
    assert rungs[-1].mediator


def test_a_missing_level_is_unknown():
    frame = model_counts("arrests")
    frame["checks"] = frame["checks"].where(frame["checks"] != "3")
    found = ladder(frame, kind="proportion", rungs=LADDERS["arrests"])
    named = ladder(frame.fillna({"checks": "Unknown"}), kind="proportion", rungs=LADDERS["arrests"])
    pd.testing.assert_frame_equal(found, named)
    # a level has another name: the model is the same
    as_was = ladder(model_counts("arrests"), kind="proportion", rungs=LADDERS["arrests"])
    pd.testing.assert_frame_equal(found, as_was, rtol=1e-8)


def test_forty_levels_of_which_many_have_no_events():
    """Each record of the smaller half of 40 areas is without the event: no number grows, and no group is lost."""
    rng = np.random.default_rng(20)
    size = 1200
    frame = pd.DataFrame(
        {"group": rng.choice(["Black", "White"], size), "area": rng.integers(0, 40, size), "base": 1.0}
    )
    frame["events"] = np.where(frame["area"] < 20, 0.0, rng.random(size) < 0.4).astype(float)
    frame["area"] = "area " + frame["area"].astype("str")
    for firth in ("never", "auto"):
        found = ladder(frame, kind="proportion", rungs=[Rung("M0"), Rung("M1", ("area",))], firth=firth)
        assert _largest(found) < 1000
        rows = found[found["quantity"].isin(["adjusted_rri", "marginal_difference", "odds_ratio"])]
        assert set(rows["status"]) == {"ok"}
    seen = diagnose(frame, kind="proportion", rungs=[Rung("M1", ("area",))], firth="never")
    assert seen["fit"]["separated"].iloc[0].count("area: ") >= 20
    found = ladder(frame.iloc[:60], kind="proportion", rungs=[Rung("M1", ("area",))])
    assert set(found.loc[found["quantity"] == "adjusted_rri", "status"]) == {"too_few"}
