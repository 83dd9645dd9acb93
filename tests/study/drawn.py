"""Coverage of intervals that rest on too many counts to list every outcome: drawn counts with a known truth.

Draws are counts frames with thousands of strata, which go through the public metrics in one call. Seeds are fixed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from yjd import metrics
from yjd.metrics.counts import Kind
from yjd.metrics.intervals import FloatArray

DRAWS = 5000
SEED = 20
GROUP, REFERENCE = "Black", "White"
Row = dict[str, object]
Cells = list[tuple[str, FloatArray, FloatArray | float]]  # group, events, base

_SEXES, _AGES = ("Female", "Male"), ("10-12", "13-15", "16-17")
# made-up profile of six strata: part of each side's base, and relative rate of the stratum
_OWN_BASE = np.array([0.22, 0.18, 0.10, 0.22, 0.17, 0.11])
_APART_BASE = np.array([0.18, 0.19, 0.13, 0.18, 0.18, 0.14])
_STRATUM = np.array([0.2, 0.6, 1.0, 0.5, 1.6, 3.2])
_RATIO = 1.5


def judged(found: pd.DataFrame, truth: FloatArray | float, cluster: FloatArray | None = None) -> Row:
    """Share of the rows with an interval that hold the truth, its standard error, and the share without one.

    `cluster` numbers draws whose rows are not independent of each other.
    """
    ok = found["status"].isin(["ok", "break"]).to_numpy(dtype=bool)
    lower, upper = (found[name].to_numpy(dtype=np.float64)[ok] for name in ("lower", "upper"))
    true = np.broadcast_to(np.asarray(truth, dtype=np.float64), ok.shape)[ok]
    slack = 1e-12 * np.abs(true)
    held = (lower <= true + slack) & (true - slack <= upper)
    if not len(held):
        return {"held": np.nan, "error": np.nan, "shown": 0.0, "length": np.nan}
    share = float(held.mean())
    error = float(np.sqrt(max(share * (1 - share), 1e-9) / len(held)))
    if cluster is not None:
        each = pd.Series(held).groupby(cluster[ok]).mean()
        error = float(each.std() / np.sqrt(len(each)))
    with np.errstate(divide="ignore", invalid="ignore"):
        times = upper / lower
    return {"held": share, "error": error, "shown": float(ok.mean()), "length": float(np.median(times))}


def _frame(cells: Cells, **keys: NDArray[np.str_]) -> pd.DataFrame:
    """Counts of shape (draws, ...) as a frame; every draw is a measure of its own."""
    parts = []
    for group, events, base in cells:
        flat = events.reshape(len(events), -1)
        width = flat.shape[1]
        part = {
            "measure": np.repeat(np.arange(len(flat)), width).astype(str), "group": group,
            "numerator": flat.ravel().astype(np.float64),
            "denominator": np.broadcast_to(base, flat.shape).ravel().astype(np.float64),
        }  # fmt: skip
        parts.append(pd.DataFrame(part | {name: np.tile(values, len(flat)) for name, values in keys.items()}))
    return pd.concat(parts, ignore_index=True)


def _events(rng: np.random.Generator, kind: Kind, base: FloatArray, rate: FloatArray, draws: int) -> FloatArray:
    shape = (draws, *np.broadcast_shapes(base.shape, rate.shape))
    if kind == "rate":
        return np.asarray(rng.poisson(base * rate, shape), dtype=np.float64)
    return np.asarray(rng.binomial(base.astype(np.int64), rate, shape), dtype=np.float64)


def standardised(
    draws: int = DRAWS, expected: tuple[float, ...] = (10, 20, 50, 200), sizes: tuple[float, ...] = (1, 10)
) -> Iterator[Row]:
    """Direct and indirect standardisation and the Mantel-Haenszel ratio; six strata, one true ratio of 1.5."""
    rng = np.random.default_rng(SEED)
    sex, age = np.repeat(_SEXES, len(_AGES)), np.tile(_AGES, len(_SEXES))
    kinds: tuple[Kind, ...] = ("rate", "proportion")
    for kind in kinds:
        level = 0.002 if kind == "rate" else 0.1  # of the reference where the stratum's relative rate is 1
        for mean in expected:
            own_base = np.round(mean / (level * _RATIO * (_OWN_BASE @ _STRATUM)) * _OWN_BASE) + 1
            for size in sizes:
                apart_base = np.round(own_base.sum() * size * _APART_BASE) + 1
                rate = level * _STRATUM
                own, apart = (
                    _events(rng, kind, base, times * rate, draws)
                    for base, times in ((own_base, _RATIO), (apart_base, 1.0))
                )
                frame = _frame([(GROUP, own, own_base), (REFERENCE, apart, apart_base)], sex=sex, age_band=age)
                weight = (own_base + apart_base) / (own_base + apart_base).sum()
                results: list[tuple[str, pd.DataFrame, float]] = [
                    ("standardised_rate", metrics.standardised_rate(frame, kind=kind), float(weight @ rate) * _RATIO),
                    ("standardised_rri", metrics.standardised_rri(frame, kind=kind), _RATIO),
                    ("standardised_ratio", metrics.standardised_ratio(frame, kind=kind), _RATIO),
                    ("standardised_ratio", metrics.standardised_ratio(frame, kind=kind, method="byar"), _RATIO),
                    ("mh_ratio", metrics.mantel_haenszel(frame, kind=kind), _RATIO),
                ]
                for quantity, found, truth in results:
                    rows = found[(found["quantity"] == quantity) & (found["group"] == GROUP)]
                    method = rows.loc[rows["method"] != "", "method"].mode()
                    name = "byar" if {"garwood", "byar"} & set(method) else method.iloc[0] if len(method) else ""
                    yield {
                        "quantity": quantity, "kind": kind, "method": name, "expected": mean, "size": size,
                    } | judged(rows, truth)  # fmt: skip


def shrunken(draws: int = 1000) -> Iterator[Row]:
    """Shrunken rates of areas of unequal size, whose true rates are drawn anew each time.

    Rates are gamma, proportions beta; `spread` is the standard deviation between areas over the mean.
    """
    rng = np.random.default_rng(SEED + 1)
    kinds: tuple[tuple[Kind, float], ...] = (("rate", 0.01), ("proportion", 0.2))
    for areas in (7, 20):
        size = np.geomspace(0.4, 2.5, areas)
        size /= size.mean()
        names = np.array([f"area {number:02}" for number in range(areas)])
        for kind, level in kinds:
            for mean in (2.0, 10.0, 50.0):
                for spread in (0.0, 0.2, 0.5):
                    base = np.round(mean / level * size)
                    truth = _area_rates(rng, kind, level, spread, (draws, areas))
                    if kind == "rate":
                        events = rng.poisson(base * truth).astype(np.float64)
                    else:
                        events = rng.binomial(base.astype(np.int64), truth).astype(np.float64)
                    frame = _frame([(GROUP, events, base)], area=names)
                    keys = {"kind": kind, "areas": areas, "expected": mean, "spread": spread}
                    known = pd.DataFrame({"measure": np.repeat(np.arange(draws).astype(str), areas),
                                          "area": np.tile(names, draws), "truth": truth.ravel()})  # fmt: skip
                    for quantity, metric in (("shrunken_rate", metrics.shrunken_rate), ("rate", metrics.rate)):
                        rows = metric(frame, kind=kind).merge(known, on=["measure", "area"], how="left")
                        cluster = rows["measure"].to_numpy(dtype=np.float64)
                        found = judged(rows, rows["truth"].to_numpy(np.float64), cluster)
                        yield keys | {"quantity": quantity} | found


def _area_rates(rng: np.random.Generator, kind: str, level: float, spread: float, shape: tuple[int, int]) -> FloatArray:
    if not spread:
        return np.full(shape, level)
    if kind == "rate":
        return rng.gamma(spread**-2, level * spread**2, shape)
    total = (1 - level) / (level * spread**2) - 1  # of the two parameters
    return rng.beta(total * level, total * (1 - level), shape)


def funnels(draws: int = 4000) -> Iterator[Row]:
    """How often areas that all have one rate lie outside the limits, the target being that of all together."""
    rng = np.random.default_rng(SEED + 2)
    names = np.array([f"area {number}" for number in range(7)])
    size = np.geomspace(0.4, 2.5, 7)
    base = 1000 * size / size.mean()
    for mean in (2.0, 5.0, 20.0, 100.0):
        frame = _frame([(GROUP, rng.poisson(base * mean / 1000, (draws, 7)).astype(np.float64), base)], area=names)
        found = metrics.funnel(frame, kind="rate")
        ok = found[found["status"] == "ok"]
        outside = (ok["estimate"] > ok["upper"] * (1 + 1e-9)) | (ok["estimate"] < ok["lower"] * (1 - 1e-9))
        for level, part in outside.groupby(ok["confidence"].to_numpy(dtype=np.float64)):
            of_draw = part.groupby(ok.loc[part.index, "measure"].to_numpy(dtype=object)).mean()
            yield {"expected": mean, "level": level, "outside": part.mean(),
                   "error": of_draw.std() / np.sqrt(len(of_draw))}  # fmt: skip


def trends(draws: int = DRAWS) -> Iterator[Row]:
    """Slopes of a rate and of a ratio that fall by 5% a year, with and without more variation than chance.

    Of a proportion, whose logit falls along a line, the truth is the mean yearly change of its logarithm.
    """
    rng = np.random.default_rng(SEED + 3)
    for periods in (3, 5, 10):
        names, course = np.array([f"20{number:02}" for number in range(periods)]), 0.95 ** np.arange(periods)
        logit = np.log(0.3 / 0.7) - 0.08 * np.arange(periods)
        share = 1 / (1 + np.exp(-logit))
        slope = float((share[-1] / share[0]) ** (1 / (periods - 1)))
        for mean in (5.0, 20.0, 100.0):
            for dispersion in (1.0, 1.5):
                own, apart = (
                    _overdispersed(rng, np.broadcast_to(level, (draws, periods)), dispersion)
                    for level in (mean * course, 5 * mean * np.ones(periods))
                )
                frame = _frame([(GROUP, own, 1000.0), (REFERENCE, apart, 5000.0)], period=names)
                of_rate = ("trend_rate", metrics.trend(frame, kind="rate"), 0.95)
                plain = metrics.trend(frame, kind="rate", overdispersed=False)
                results = [
                    of_rate, ("trend_rri", metrics.trend_ratio(frame, kind="rate"), 0.95),
                    ("trend_rate, not overdispersed", plain, 0.95),
                ]  # fmt: skip
                if dispersion == 1:
                    base = np.round(mean / 0.3)
                    events = rng.binomial(int(base), share, (draws, periods)).astype(np.float64)
                    found = metrics.trend(_frame([(GROUP, events, base)], period=names), kind="proportion")
                    results.append(("trend_rate of a proportion", found, slope))
                for quantity, found, truth in results:
                    keys = {"quantity": quantity, "periods": periods, "expected": mean, "dispersion": dispersion}
                    yield keys | judged(found[found["group"] == GROUP], truth)


def changes(draws: int = DRAWS) -> Iterator[Row]:
    """A ratio of ratios that is multiplied by 1.25 from one period to the next."""
    rng = np.random.default_rng(SEED + 4)
    for mean in (2.0, 5.0, 10.0, 20.0, 50.0, 200.0):
        for size in (1.0, 10.0):
            base = np.array([1000.0, 1000.0])
            own = rng.poisson(np.array([mean, 1.25 * mean]), (draws, 2)).astype(np.float64)
            apart = rng.poisson(np.array([mean * size, mean * size]), (draws, 2)).astype(np.float64)
            frame = _frame([(GROUP, own, base), (REFERENCE, apart, size * base)], period=np.array(["2020", "2021"]))
            for quantity, reference in (("change_rate", None), ("change_rri", REFERENCE)):
                if reference is None and size > 1:
                    continue
                found = metrics.change(frame, kind="rate", pairs=[("2020", "2021")], reference=reference)
                rows = found[found["group"] == GROUP]
                yield {"quantity": quantity, "expected": mean, "size": size} | judged(rows, 1.25)


def pathways(draws: int = DRAWS) -> Iterator[Row]:
    """Population, arrests, outcomes and court: ratio of 2 at arrest, 1.2 at outcome and 1.25 at court."""
    rng = np.random.default_rng(SEED + 5)
    steps = ("population", "arrests", "outcomes", "court")
    true = {"arrests": 2.0, "outcomes": 1.2, "court": 1.25}
    for mean in (10.0, 30.0, 100.0):  # expected at court, of the group
        for size in (1.0, 10.0):
            cells = []
            for group, times, up in ((GROUP, 1.0, 3.0), (REFERENCE, size, 1.0)):
                court = mean * times * (1.0 if up > 1 else 1 / 3.0)
                outcomes = court / (0.5 if up > 1 else 0.4)
                arrests = outcomes * (1.0 if up > 1 else 1.2)
                many = rng.poisson(outcomes, draws)
                counts = {
                    "population": np.full(draws, 1000 * times), "arrests": rng.poisson(arrests, draws),
                    "outcomes": many, "court": rng.binomial(many, 0.5 if up > 1 else 0.4),
                }  # fmt: skip
                cells += [
                    pd.DataFrame({"stage": stage, "group": group, "period": np.arange(draws).astype(str),
                                  "n": values.astype(np.float64)})
                    for stage, values in counts.items()
                ]  # fmt: skip
            found = metrics.pathway(pd.concat(cells, ignore_index=True), steps=steps, part_of={"court": "outcomes"})
            whole = np.log(np.prod(list(true.values())))
            for term in steps[1:]:
                for quantity, value in (
                    ("pathway_step", true[term]),
                    ("pathway_share", 100 * np.log(true[term]) / whole),
                ):
                    rows = found[(found["quantity"] == quantity) & (found["term"] == term)]
                    yield {"quantity": quantity, "term": term, "expected": mean, "size": size} | judged(rows, value)


def repeat_children(draws: int = DRAWS) -> Iterator[Row]:
    """Events of children who come again: rates and their ratio, with the sums over children and without them.

    Children's own rates have a gamma distribution (frailty); of very many children with little chance each, those
    with events have a logarithmic number of them, and the variance of all events is D times their mean.
    """
    rng = np.random.default_rng(SEED + 6)
    for dispersion in (1.2, 1.5, 2.0):
        for mean in (5.0, 10.0, 20.0, 50.0, 200.0):
            for size in (1.0, 10.0):
                sides = [_children(rng, level, dispersion, draws) for level in (mean, mean * size)]
                frame = _frame([
                    (GROUP, sides[0][0][:, None], 1000.0), (REFERENCE, sides[1][0][:, None], 1000.0 * size)
                ])  # fmt: skip
                squares = np.concatenate([sides[0][1], sides[1][1]])
                by_child = frame.assign(numerator_squares=squares, products=0.0, denominator_squares=0.0)
                for counted, name in ((frame, "as if independent"), (by_child, "by child")):
                    for quantity, found, truth in (
                        ("rate", metrics.rate(counted, kind="rate"), mean / 1000),
                        ("rri", metrics.relative_rate(counted, kind="rate"), 1.0),
                    ):
                        rows = found[found["group"] == GROUP]
                        keys = {"quantity": quantity, "events": name, "dispersion": dispersion}
                        yield keys | {"expected": mean, "size": size} | judged(rows, truth)


def _overdispersed(rng: np.random.Generator, mean: FloatArray, dispersion: float) -> FloatArray:
    if dispersion == 1:
        return rng.poisson(mean).astype(np.float64)
    shape = mean / (dispersion - 1)
    return rng.poisson(rng.gamma(shape, dispersion - 1)).astype(np.float64)


def _children(rng: np.random.Generator, mean: float, dispersion: float, draws: int) -> tuple[FloatArray, FloatArray]:
    """Events of every draw, and the sum of each child's squared."""
    q = 1 - 1 / dispersion
    many = rng.poisson(mean * (1 - q) * -np.log1p(-q) / q, draws)
    each = rng.logseries(q, int(many.sum())).astype(np.float64)
    draw = np.repeat(np.arange(draws), many)
    events, squares = (
        np.bincount(draw, weights=values, minlength=draws).astype(np.float64) for values in (each, each**2)
    )
    return events, squares
