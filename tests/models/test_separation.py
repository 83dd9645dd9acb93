"""Infinite estimates are found, all of them and only them: the judge is Konis' linear programme."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from tests.models.known import dense
from yjd.models.design import build
from yjd.models.fit import fit_rung
from yjd.models.marginal import adjusted_rates
from yjd.models.sample import read_sample


def _separated(matrix, events, base, *, proportion):
    """Rows that some direction separates (Konis 2007): each row's largest possible move, at most 1 each."""
    up = (events == base) & proportion
    down = events == 0
    pure = up | down
    signed = np.where(up, 1.0, -1.0)[:, None] * matrix
    rows, width = matrix.shape
    count = int(pure.sum())
    if not count:
        return np.zeros(rows, dtype=bool)
    # maximise the sum of t with 0 <= t <= 1, signed x'd >= t for pure rows, x'd = 0 for the others
    upper = np.hstack([-signed[pure], np.eye(count)])
    equal = np.hstack([matrix[~pure], np.zeros(((~pure).sum(), count))]) if (~pure).any() else None
    found = linprog(
        np.concatenate([np.zeros(width), -np.ones(count)]), A_ub=upper, b_ub=np.zeros(count), A_eq=equal,
        b_eq=None if equal is None else np.zeros(len(equal)), bounds=[(None, None)] * width + [(0, 1)] * count,
    )  # fmt: skip
    assert found.success
    separated = np.zeros(rows, dtype=bool)
    separated[pure] = found.x[width:] > 0.5
    return separated


def _random(seed, *, scarce):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(6, 60))
    frame = pd.DataFrame({"group": rng.choice(["Asian", "Black", "White"], size)})
    for at in range(int(rng.integers(0, 4))):
        frame[f"a{at}"] = rng.choice(["l0", "l1", "l2", "l3"][: int(rng.integers(2, 5))], size)
    frame["base"] = rng.integers(1, 4, size).astype(float)
    frame["events"] = rng.binomial(frame["base"].astype(int), scarce).astype(float)
    return frame


@pytest.mark.parametrize("kind", ["proportion", "rate"])
@pytest.mark.parametrize("scarce", [0.1, 0.3, 0.6])
def test_separation_is_what_the_linear_programme_says(kind, scarce):
    judged = 0
    for seed in range(60):
        frame = _random(seed, scarce=scarce)
        if frame["events"].sum() in (0, frame["base"].sum()):
            continue
        names = tuple(name for name in frame.columns if name.startswith("a"))
        sample = read_sample(frame, kind=kind, adjusters=names)
        rung = build(sample, names, reference="White")
        fitted = fit_rung(rung, family="binomial" if kind == "proportion" else "poisson")
        first = pd.Series(range(len(frame))).groupby(rung.row).first()
        matrix = dense(frame, fitted.design.columns)[first.to_numpy()]
        expected = _separated(matrix, rung.events, rung.base, proportion=kind == "proportion")
        found = (
            np.abs(rung.design.linear(fitted.infinite)) > 0.5
            if fitted.infinite.any()
            else np.zeros(len(expected), bool)
        )
        assert fitted.converged, seed
        np.testing.assert_array_equal(found, expected, err_msg=str(seed))
        judged += expected.any()
        _finite_part_is_a_fit(fitted, rung, expected, matrix)
    assert judged > 2


def _finite_part_is_a_fit(fitted, rung, separated, matrix):
    """Where nothing is separated, the score of the other rows is 0 and the predictions are far from 0 and 1."""
    mean = fitted.family.mean(fitted.linear)
    score = matrix[~separated].T @ (rung.events - rung.base * mean)[~separated]
    np.testing.assert_allclose(score, 0.0, atol=1e-6)
    np.testing.assert_allclose((rung.events - rung.base * mean)[separated], 0.0, atol=1e-6)


def _counts(rows):
    return pd.DataFrame(rows, columns=["group", "a", "base", "events"]).astype({"base": float, "events": float})


def _statuses(frame, **options):
    names = tuple(name for name in frame.columns if name.startswith("a"))
    rung = build(read_sample(frame, kind="proportion", adjusters=names), names, reference="White")
    fitted = fit_rung(rung, family="binomial", **options)
    return fitted, *(dict(zip(rung.design.groups, status, strict=True))
                     for status in (fitted.level_status, fitted.contrast_status))  # fmt: skip


FULL = [("White", "x", 50, 20), ("White", "y", 60, 31), ("Black", "x", 30, 14), ("Black", "y", 20, 12)]


def test_a_group_without_events_alone_is_concerned():
    fitted, level, contrast = _statuses(_counts([*FULL, ("Asian", "x", 5, 0), ("Asian", "y", 3, 0)]))
    assert contrast == {"White": "ok", "Asian": "separated", "Black": "ok"}
    assert level == contrast
    without, _, _ = _statuses(_counts(FULL))
    at, other = (one.design.columns.index(("group", "Black")) for one in (fitted, without))
    assert fitted.coefficients[at] == pytest.approx(without.coefficients[other], abs=1e-9)
    assert np.abs(fitted.coefficients).max() < 20
    assert np.sqrt(np.diag(fitted.covariance)).max() < 20


def test_a_level_without_events_leaves_every_group_as_it_was():
    level_rows = [("White", "z", 9, 0), ("Black", "z", 4, 0)]
    fitted, level, contrast = _statuses(_counts([*FULL, *level_rows]))
    assert set(level.values()) == set(contrast.values()) == {"ok"}
    assert fitted.separated == (("a", "z"),)
    without, _, _ = _statuses(_counts(FULL))
    assert fitted.coefficients[1] == pytest.approx(without.coefficients[1], abs=1e-9)
    assert fitted.covariance[1, 1] == pytest.approx(without.covariance[1, 1], rel=1e-9)


def test_a_reference_without_events_leaves_no_contrast_but_the_levels():
    rows = [("White", "x", 9, 0), ("White", "y", 8, 0), ("Black", "x", 30, 14), ("Black", "y", 20, 12),
            ("Asian", "x", 30, 10), ("Asian", "y", 20, 9)]  # fmt: skip
    _, level, contrast = _statuses(_counts(rows))
    assert level == {"White": "separated", "Black": "ok", "Asian": "ok"}
    assert contrast["Black"] == contrast["Asian"] == "separated"


def test_two_columns_together_may_separate_a_group():
    # no level and no group is empty, but Asian without events outside x, and nothing but events inside
    rows = [*FULL, ("Asian", "x", 5, 5), ("Asian", "y", 6, 0)]
    _, _, contrast = _statuses(_counts(rows))
    assert contrast["Asian"] == "ok"  # White and Black hold x and y together, so this one is finite
    rows = [("White", "x", 50, 20), ("Asian", "x", 6, 6), ("Asian", "y", 6, 2)]
    fitted, level, contrast = _statuses(_counts(rows))
    assert contrast["Asian"] == "separated"
    assert level["White"] == "separated"  # what White would be at y is told by nobody
    assert fitted.converged


def _ridge(matrix, events, base, size):
    """Coefficients with a penalty that is next to nothing: finite, and near the limit where there is one."""
    beta = np.zeros(matrix.shape[1])
    for _ in range(300):
        likely = 1 / (1 + np.exp(-(matrix @ beta)))
        information = (matrix * (base * likely * (1 - likely))[:, None]).T @ matrix + size * np.eye(len(beta))
        step = np.linalg.solve(information, matrix.T @ (events - base * likely) - size * beta)
        beta = beta + step * min(1, 2 / np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    return beta


@pytest.mark.parametrize("scarce", [0.15, 0.4])
def test_an_adjusted_rate_that_is_given_is_the_limit_of_a_vanishing_penalty(scarce):
    judged = 0
    for seed in range(100, 160):
        frame = _random(seed, scarce=scarce)
        if frame["events"].sum() in (0, frame["base"].sum()):
            continue
        names = tuple(name for name in frame.columns if name.startswith("a"))
        rung = build(read_sample(frame, kind="proportion", adjusters=names), names, reference="White")
        fitted = fit_rung(rung, family="binomial")
        rates = adjusted_rates(fitted, rung.row)
        columns = fitted.design.columns
        beta = _ridge(dense(frame, columns), frame["events"].to_numpy(), frame["base"].to_numpy(), 1e-8)
        for at, group in enumerate(rates.groups):
            if rates.status[at] == "ok":
                likely = 1 / (1 + np.exp(-(dense(frame.assign(group=group), columns) @ beta)))
                assert rates.estimates[at] == pytest.approx(np.average(likely, weights=frame["base"]), abs=2e-4), seed
                judged += bool(fitted.separated)
    assert judged > 10
