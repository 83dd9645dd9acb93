"""Decomposition of gaps: against R, statsmodels, every pair and order written out, and a known truth."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.genmod import families
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.stats.oaxaca import OaxacaBlinder

from tests.models.known import dense, grouped, made_up
from tests.models.test_doubly_robust import arrests, said
from tests.study import robust
from yjd.errors import EstimationError
from yjd.models.children import ByChild
from yjd.models.clusters import ByRow
from yjd.models.decomposition import decompose
from yjd.models.ladder import Rung, ladder
from yjd.models.shapley import crossed, weights_of_sets
from yjd.schema import RESULT_COLUMNS, RESULT_KEYS
from yjd.warehouse import Warehouse

NAMES = ["a0", "a1", "a2"]
Z = 1.959963984540054


def values(results, group, quantity="decomposition"):
    rows = results[(results["quantity"] == quantity) & (results["group"] == group)]
    return rows.set_index("term")["estimate"]


def errors(results, group, quantity="decomposition"):
    rows = results[(results["quantity"] == quantity) & (results["group"] == group)].set_index("term")
    return (rows["upper"] - rows["lower"]) / 2 / Z


def statuses(results, group, quantity="decomposition"):
    rows = results[(results["quantity"] == quantity) & (results["group"] == group)]
    return dict(zip(rows["term"], rows["status"], strict=True))


def test_arrests_in_toronto_as_r_decomposes_them():
    """44 in 100 of the gap in release goes with age, sex, employment, citizenship and earlier police contact."""
    found = decompose(arrests(), adjusters=["age", "sex", "employed", "citizen", "checks"], measure="released")
    assert list(found.columns) == list(RESULT_COLUMNS)
    parts, spread = said("arrests_parts"), said("arrests_parts_se")
    own, error = values(found, "Black"), errors(found, "Black")
    assert own.index.tolist() == list(parts)
    for term, value in parts.items():
        assert own[term] == pytest.approx(100 * value, abs=2e-6)  # the grid: 1e-8 of a probability
        assert error[term] == pytest.approx(100 * spread[term], rel=1e-5)  # numerical derivatives there
    share = found[(found["quantity"] == "decomposition_share") & (found["term"] == "explained")].iloc[0]
    assert share["estimate"] == pytest.approx(100 * parts["explained"] / parts["gap"], rel=1e-9)
    assert (share["status"], share["method"]) == ("ok", "fairlie_logit_by_row")


def test_parts_add_up_to_the_gap_and_the_gap_is_the_ladders():
    counts, _ = grouped(made_up(1, records=3000), NAMES)
    found = decompose(counts, adjusters=NAMES, per=1000)
    assert not found.duplicated(list(RESULT_KEYS)).any()
    raw = ladder(counts, kind="proportion", rungs=[Rung("M0")], per=1000, clusters=ByRow())
    raw = raw[raw["quantity"] == "marginal_difference"].set_index("group")
    for group in ("Asian", "Black", "Mixed"):
        own = values(found, group)
        assert own[NAMES].sum() == pytest.approx(own["explained"], abs=1e-10)
        assert own["explained"] + own["unexplained"] == pytest.approx(own["gap"], abs=1e-10)
        assert own["gap"] == pytest.approx(raw.loc[group, "estimate"], rel=1e-10)
        assert errors(found, group)["gap"] == pytest.approx(
            (raw.loc[group, "upper"] - raw.loc[group, "lower"]) / 2 / Z, rel=1e-8
        )
        of_gap = values(found, group, "decomposition_share")
        if found[(found["group"] == group) & (found["quantity"] == "decomposition_share")]["status"].eq("ok").all():
            assert of_gap[["explained", "unexplained"]].sum() == pytest.approx(100)


def _written_out(counts, names, kind, group):
    """Every pair of a record of the group and one of White, every order of the adjusters."""
    columns = [("", ""), *(("group", level) for level in sorted(set(counts["group"]) - {"White"}))]
    columns += [(name, level) for name in names for level in sorted(set(counts[name]))[1:]]
    design, events, base = dense(counts, columns), counts["events"].to_numpy(), counts["base"].to_numpy()
    if kind == "proportion":
        fit = GLM(np.column_stack([events, base - events]), design, family=families.Binomial()).fit(tol=1e-14)
    else:
        fit = GLM(events, design, family=families.Poisson(), exposure=base).fit(tol=1e-14)
    known = dict(zip(columns, fit.params, strict=True))
    adds = np.array([[known.get((name, level), 0.0) for level in counts[name]] for name in names]).T
    mean = np.exp if kind == "rate" else lambda linear: 1 / (1 + np.exp(-linear))
    own, others = (np.flatnonzero(counts["group"] == one) for one in (group, "White"))
    mass = [base[rows] / base[rows].sum() for rows in (own, others)]

    def value(inside):
        rest = [at for at in range(len(names)) if at not in inside]
        if not rest:
            return mass[0] @ mean(known["", ""] + adds[own].sum(axis=1))
        if not inside:
            return mass[1] @ mean(known["", ""] + adds[others].sum(axis=1))
        sums = adds[np.ix_(own, inside)].sum(axis=1)[:, None] + adds[np.ix_(others, rest)].sum(axis=1)
        return mass[0] @ mean(known["", ""] + sums) @ mass[1]

    shares = np.zeros(len(names))
    orders = list(permutations(range(len(names))))
    for order in orders:
        for at, part in enumerate(order):
            shares[part] += (value(list(order[: at + 1])) - value(list(order[:at]))) / len(orders)
    return shares


@pytest.mark.parametrize("kind", ["proportion", "rate"])
def test_every_pair_and_every_order(kind):
    counts, _ = grouped(made_up(8, records=2500), NAMES)
    found = decompose(counts, adjusters=NAMES, kind=kind)
    for group in ("Asian", "Black"):
        expected = 100 * _written_out(counts, NAMES, kind, group)
        np.testing.assert_allclose(values(found, group)[NAMES], expected, atol=5e-6)


@pytest.mark.parametrize("kind", ["proportion", "rate"])
def test_standard_errors_are_the_infinitesimal_jackknife(kind):
    """The derivative of every value by the weight of every kind of record, by differences."""
    records = made_up(9, records=900, levels=(3, 2))
    counts, _ = grouped(records[records["group"].isin(["Black", "White"])], NAMES[:2])
    counts["base"] = counts["base"] * (20.0 if kind == "rate" else 1.0)

    def parts(events, base):
        found = decompose(counts.assign(events=events, base=base), adjusters=NAMES[:2], kind=kind)
        own = found[found["group"] == "Black"]
        return own["estimate"].to_numpy(), own

    events, base = counts["events"].to_numpy(), counts["base"].to_numpy()
    expected, rows = parts(events, base)
    variance, step = np.zeros(len(expected)), 1e-3
    for at in range(len(counts)):
        for has in (1.0, 0.0) if kind == "proportion" else (1.0,):
            move = np.zeros(len(counts))
            move[at] = step
            more = move if kind == "proportion" else 0 * move
            up, down = parts(events + has * move, base + more)[0], parts(events - has * move, base - more)[0]
            weight = events[at] if has else base[at] - events[at]
            variance += weight * ((up - down) / (2 * step)) ** 2
    reach = (rows["upper"] - rows["lower"]).to_numpy() / 2 / Z
    np.testing.assert_allclose(reach, np.sqrt(variance), rtol=1e-4)


def test_where_the_model_is_nearly_linear_it_is_oaxaca_and_blinders():
    """Slight slopes around one half make the logistic a straight line; statsmodels decomposes that one."""
    rng = np.random.default_rng(0)
    rows = [(group, f"l{a}", f"l{b}", 4000.0 * (1 + a * (group == "Black")) * (1 + (1 - b) * (group == "White")),
             0.5 + 0.01 * a + 0.02 * b + 0.01 * (group == "Black"))
            for group in ("Black", "White") for a in range(3) for b in range(2)]  # fmt: skip
    counts = pd.DataFrame(rows, columns=["group", "a0", "a1", "base", "rate"])
    counts["events"] = np.round(counts["base"] * (counts["rate"] + rng.normal(0, 0.001, len(counts))))
    found = values(decompose(counts, adjusters=["a0", "a1"], per=1), "Black")
    whole = pd.concat([
        counts.loc[counts.index.repeat(counts["events"].astype(int))].assign(event=1.0),
        counts.loc[counts.index.repeat((counts["base"] - counts["events"]).astype(int))].assign(event=0.0),
    ])  # fmt: skip
    design = np.column_stack([
        whole["group"].to_numpy(dtype=str) == "Black",
        dense(whole, [("a0", "l1"), ("a0", "l2"), ("a1", "l1")]),
    ]).astype(float)  # fmt: skip
    theirs = OaxacaBlinder(whole["event"].to_numpy(), design, 0, hasconst=False, swap=False)
    unexplained, explained, gap = theirs.two_fold(two_fold_type="pooled").params[:3]
    assert abs(found["gap"]) == pytest.approx(abs(gap), rel=1e-9)
    assert abs(found["explained"]) == pytest.approx(abs(explained), rel=0.01)
    assert abs(found["unexplained"]) == pytest.approx(abs(unexplained), rel=0.01)


@pytest.mark.parametrize("parts", [1, 3, 6, 7, 9])
def test_orders_give_all_of_it_and_exact_shares_of_a_sum(parts):
    weights = weights_of_sets(parts)
    worth = np.random.default_rng(0).normal(size=parts)
    total = sum(weights[chosen] * sum(worth[at] for at in range(parts) if chosen >> at & 1) for chosen in weights)
    np.testing.assert_allclose(total, worth, atol=1e-12)
    whole = {chosen: np.random.default_rng(chosen).normal() for chosen in weights}
    shares = sum(weights[chosen] * whole[chosen] for chosen in weights)
    assert shares.sum() == pytest.approx(whole[2**parts - 1] - whole[0])


def test_pairs_on_a_grid_are_pairs():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=300), rng.normal(-1, 2, size=200)
    mass = rng.dirichlet(np.ones(300)), rng.dirichlet(np.ones(200))

    def function(linear):
        return 1 / (1 + np.exp(-linear))

    (found,) = crossed((function,), (first, mass[0]), (second, mass[1]))
    table = function(first[:, None] + second)
    assert found.value == pytest.approx(mass[0] @ table @ mass[1], abs=1e-8)
    np.testing.assert_allclose(found.of_first, table @ mass[1], atol=2e-8)
    np.testing.assert_allclose(found.of_second, mass[0] @ table, atol=2e-8)


def test_many_adjusters_add_up_too_and_a_seed_repeats_them():
    frame = made_up(11, records=3000, levels=(3, 2, 2, 2, 2, 2, 2, 2))
    names = [f"a{at}" for at in range(8)]
    counts, _ = grouped(frame, names)
    found = decompose(counts, adjusters=names)
    own = values(found, "Black")
    assert own[names].sum() == pytest.approx(own["explained"], abs=1e-10)
    again = decompose(counts.sample(frac=1, random_state=0), adjusters=names)
    np.testing.assert_allclose(values(again, "Black"), own, rtol=1e-8)
    other = values(decompose(counts, adjusters=names, seed=1), "Black")
    np.testing.assert_allclose(other[names], own[names], atol=0.05)


def test_the_same_mix_of_children_explains_nothing():
    counts = pd.DataFrame([(group, a, b, 100.0 * (1 + (a == b)), 20.0 + 15 * (a == "x") + 8 * (b == "x") + more)
                           for group, more in (("White", 0), ("Black", 12)) for a in "xy" for b in "xyz"],
                          columns=["group", "a", "b", "base", "events"])  # fmt: skip
    own = values(decompose(counts, adjusters=["a", "b"]), "Black")
    assert own[["a", "b", "explained"]].abs().max() < 1e-6
    assert own["unexplained"] == pytest.approx(own["gap"], abs=1e-6)


def test_children_as_clusters_only_change_the_intervals():
    records = made_up(3, records=1500, levels=(3, 2), children=300)
    table, pattern = grouped(records, ["a0", "a1"])
    with Warehouse.open() as warehouse:
        warehouse.write(records[["child_id", "event"]].assign(pattern=pattern), "model_rows")
        clusters = ByChild(warehouse, "model_rows")
        found = decompose(table, adjusters=["a0", "a1"], clusters=clusters)
        raw = ladder(table, kind="proportion", rungs=[Rung("M0")], clusters=clusters)
    alone = decompose(table, adjusters=["a0", "a1"])
    np.testing.assert_array_equal(values(found, "Black"), values(alone, "Black"))
    row = raw[(raw["quantity"] == "marginal_difference") & (raw["group"] == "Black")].iloc[0]
    assert errors(found, "Black")["gap"] == pytest.approx((row["upper"] - row["lower"]) / 2 / Z, rel=1e-8)
    assert set(found.loc[found["status"] == "ok", "method"]) == {"fairlie_logit_by_child"}


def test_intervals_hold_the_truth():
    made = robust.world("both")
    truth = robust.true_parts(made)
    found = pd.concat([robust.parts_run(made, truth, 300 + seed, records=5000) for seed in range(60)])
    summed = robust.tally(found)
    assert (summed["held"] > 0.88).all()
    np.testing.assert_allclose(summed["reach"], summed["spread"], rtol=0.25)


def _small(rows):
    return pd.DataFrame(rows, columns=["group", "a", "base", "events"]).astype({"base": float, "events": float})


FULL = [("White", "x", 500, 200), ("White", "y", 600, 310), ("Black", "x", 300, 140), ("Black", "y", 200, 120)]


def test_a_gap_that_may_be_nothing_has_no_shares():
    even = _small([*FULL[:2], ("Black", "x", 30, 12), ("Black", "y", 36, 19)])
    found = decompose(even, adjusters=["a"])
    assert set(statuses(found, "Black").values()) == {"ok"}
    assert set(statuses(found, "Black", "decomposition_share").values()) == {"parity_possible"}
    clear = decompose(_small(FULL), adjusters=["a"], confidence=(0.5, 0.999999))
    shares = clear[clear["quantity"] == "decomposition_share"]
    assert dict(zip(shares["confidence"], shares["status"], strict=False)) == {0.5: "ok", 0.999999: "parity_possible"}


def test_collinear_adjusters_are_named_and_the_whole_still_stands():
    counts = _small(FULL).assign(b=["p", "q", "p", "q"])
    found = decompose(counts, adjusters=["a", "b"])
    assert statuses(found, "Black") == {"a": "collinear", "b": "collinear", "explained": "ok", "unexplained": "ok",
                                        "gap": "ok"}  # fmt: skip
    alone = decompose(counts, adjusters=["a"])
    assert values(found, "Black")["explained"] == pytest.approx(values(alone, "Black")["explained"], abs=1e-7)


def test_a_group_of_eight_without_events_and_one_that_lives_apart():
    found = decompose(_small([*FULL, ("Other", "x", 5, 0), ("Other", "y", 3, 0)]), adjusters=["a"])
    assert set(statuses(found, "Other").values()) == {"separated"}
    assert set(statuses(found, "Black").values()) == {"ok"}
    found = decompose(_small([*FULL, ("Other", "z", 500, 100)]), adjusters=["a"])
    assert "ok" not in set(statuses(found, "Other").values())


def test_a_level_without_events_is_no_obstacle():
    """Nobody with label z has the event: the coefficient is infinite and the predictions are 0."""
    rows = [*FULL, ("White", "z", 30, 0), ("Black", "z", 60, 0)]
    found = decompose(_small(rows), adjusters=["a"])
    assert set(statuses(found, "Black").values()) == {"ok"}
    own = values(found, "Black")
    assert own["a"] == pytest.approx(own["explained"], abs=1e-9)


def test_labels_that_say_who_has_the_event_are_separated():
    rows = [(group, a, 40, 40 * (a == "x")) for group in ("White", "Black") for a in "xy"]
    assert set(decompose(_small(rows), adjusters=["a"])["status"]) == {"separated"}


def test_data_that_no_model_can_be_fitted_to():
    def only(frame, **more):
        return set(decompose(frame, adjusters=["a"], **more)["status"])

    assert only(_small(FULL[:2])) == set()  # nobody to compare
    assert only(_small(FULL), reference="Asian") == {"no_reference"}
    assert only(_small(FULL).assign(events=0.0)) == {"no_events"}
    assert only(_small(FULL).assign(events=_small(FULL)["base"])) == {"separated"}
    assert only(_small(FULL).assign(events=1000.0)) == {"inconsistent"}
    assert only(_small([(group, at, 9, 1) for group in ("White", "Black") for at in "abcdefgh"])) == {"too_few"}
    assert decompose(_small(FULL[:0]), adjusters=["a"]).empty


@pytest.mark.parametrize(
    "change",
    [{"adjusters": []}, {"adjusters": ["a", "a"]}, {"adjusters": ["gap"]}, {"adjusters": ["nosuch"]},
     {"reference": "everyone"}, {"kind": "other"}, {"per": -1}, {"confidence": 0}],
)  # fmt: skip
def test_wrong_calls(change):
    with pytest.raises(EstimationError):
        decompose(_small(FULL), **{"adjusters": ["a"], **change})


cells = st.lists(
    st.tuples(st.sampled_from(["White", "Black", "Other"]), st.sampled_from("xyz"), st.sampled_from("pq"),
              st.integers(0, 60), st.integers(0, 60)),
    max_size=12,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(rows=cells, kind=st.sampled_from(["proportion", "rate"]))
def test_any_counts_give_rows_and_nothing_else(rows, kind):
    frame = pd.DataFrame(rows, columns=["group", "a", "b", "base", "events"]).astype({"base": float})
    frame["events"] = (np.minimum(frame["events"], frame["base"]) if kind == "proportion" else frame["events"]).astype(
        float
    )
    found = decompose(frame, adjusters=["a", "b"], kind=kind)
    assert list(found.columns) == list(RESULT_COLUMNS)
    ok = found["status"] == "ok"
    assert found.loc[ok, ["estimate", "lower", "upper"]].notna().all(axis=None)
    assert found.loc[~ok, ["estimate", "lower", "upper"]].isna().all(axis=None)
