"""How ethnicity was recorded: counted as a plain loop would, and released so that nothing comes back.

The attack is a whole-number programme over all that leaves, written without the package: it knows every base to the
record, and asks of each count how small and how large it can be.
"""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from tests.conftest import AREAS, fill
from yjd import quality, quality_counts
from yjd.config import load
from yjd.project import template
from yjd.quality_gate import Gate, bounds, possible, within

GATE = Gate(unit=12, least=6)


def rounded(count, base, step):
    """The share in whole steps, halves up, by fractions."""
    return step * int(Fraction(100 * count, base * step) + Fraction(1, 2))


# --- the gate -----------------------------------------------------------------------------------------------


@given(base=st.integers(0, 30_000), data=st.data())
def test_a_share_is_coarse(base, data):
    part = data.draw(st.integers(0, base))
    share = GATE.share(part, base)
    if share is None:
        assert base < 120  # a step of 10 per cent would be fewer than 12 records
        return
    percent, step = share
    assert step * base >= 100 * GATE.unit
    assert percent == rounded(part, base, step)
    low, high = possible(share, base)
    assert low <= part <= high
    assert high - low + 1 >= (GATE.unit if 0 < percent < 100 else GATE.unit // 2)
    assert all(rounded(count, base, step) == percent for count in (low, high))
    assert low == 0 or rounded(low - 1, base, step) != percent
    assert high == base or rounded(high + 1, base, step) != percent


@given(base=st.integers(120, 30_000), few=st.integers(0, 5))
def test_none_and_few_print_alike(base, few):
    assert GATE.share(few, base) == GATE.share(0, base)
    assert GATE.share(base - few, base) == GATE.share(base, base)


def test_what_is_not_allowed_does_not_leave():
    assert GATE.share(500, 10_000, allowed=False) is None
    assert GATE.parts({"a": 500, "b": 500}, rest="a", allowed=False) == {}
    assert GATE.about(999) is None
    assert [GATE.about(n) for n in (1_000, 1_999, 12_999, 123_456)] == [1_000, 1_900, 12_000, 120_000]


def test_the_unit_follows_the_rules_of_the_owner(tmp_path):
    assert Gate.of(settings_of(tmp_path).disclosure) == Gate(12, 6)
    rounding = settings_of(tmp_path, "round_to = 0", "round_to = 25", 'method = "hide"', 'method = "hide_and_round"')
    assert Gate.of(rounding.disclosure).unit == 25
    lower = settings_of(
        tmp_path, "minimum_count = 6", "minimum_count = 4", "minimum_children = 3", "minimum_children = 4"
    )
    assert Gate.of(lower.disclosure).unit == 10


def test_parts_rounded_each_by_itself_would_give_themselves_away():
    """Why one part is what the others leave: two halves that both go up have one way only to make up the whole."""
    base, parts = 1200, {"blank": 606, "not_stated": 594}
    both_up = {name: GATE.share(count, base) for name, count in parts.items()}
    assert sum(percent for percent, _ in both_up.values()) == 101
    ways = [
        count
        for count in range(base + 1)
        if (rounded(count, base, 1), rounded(base - count, base, 1)) == tuple(p for p, _ in both_up.values())
    ]
    assert ways == [606]
    told = GATE.parts(parts, rest="not_stated")
    assert sum(percent for percent, _ in told.values()) == 100
    low, high = possible(told["blank"], base)
    assert high - low + 1 >= GATE.unit


@given(st.lists(st.integers(0, 800), min_size=3, max_size=5))
def test_parts_make_up_the_whole(counts):
    told = GATE.parts({str(place): count for place, count in enumerate(counts)}, rest="0")
    assert not told or all(0 <= percent <= 100 and step in (1, 2, 5, 10) for percent, step in told.values())
    ranges = {name: possible(share, sum(counts)) for name, share in told.items() if name != "0"}
    for name, (low, high) in within(ranges, sum(counts)).items():
        assert low <= counts[int(name)] <= high


# --- the attack ---------------------------------------------------------------------------------------------


def attacked(slices, shares, whole):
    """Smallest and largest possible count of every slice, by a whole-number programme.

    `slices` are lists of bases, one list a dimension; `shares` what left of each, or None; `whole` the share of all.
    """
    flat = [base for dimension in slices for base in dimension]
    told = [share for dimension in shares for share in dimension]
    limits = [window(share, base) for share, base in zip(told, flat, strict=True)]
    total = window(whole, sum(slices[0]))
    rows, at = [], 0
    for dimension in slices:
        row = np.zeros(len(flat))
        row[at : at + len(dimension)] = 1
        rows.append(row)
        at += len(dimension)
    constraints = [LinearConstraint(rows[0], *total)]
    constraints += [LinearConstraint(rows[0] - row, 0, 0) for row in rows[1:]]
    box = Bounds([low for low, _ in limits], [high for _, high in limits])
    found = []
    for place in range(len(flat)):
        ends = []
        for sign in (1, -1):
            cost = np.zeros(len(flat))
            cost[place] = sign
            solved = milp(cost, constraints=constraints, bounds=box, integrality=np.ones(len(flat)))
            assert solved.success
            ends.append(round(sign * solved.fun))
        found.append(tuple(ends))
    return found


def window(share, base):
    """Every count that prints as the share: tried one by one."""
    if share is None:
        return 0, base
    fits = [count for count in range(base + 1) if rounded(count, base, share[1]) == share[0]]
    return fits[0], fits[-1]


def edge_cases(seed):
    """Areas and periods whose counts lie at the ends of what their shares leave open; one area has none."""
    draw = np.random.default_rng(seed)
    bases = [int(draw.integers(120, 900)) for _ in range(3)] + [int(draw.integers(1, 100))]
    counts = []
    for base in bases[:3]:
        low, high = window(GATE.share(int(draw.integers(0, base)), base), base)
        counts.append((low, high)[seed % 2])
    counts.append(int(draw.integers(1, min(6, bases[3]) + 1)))
    periods = [sum(bases) // 2, sum(bases) - sum(bases) // 2]
    first = int(draw.integers(max(0, sum(counts) - periods[1]), min(sum(counts), periods[0]) + 1))
    return bases, counts, periods, [first, sum(counts) - first]


@pytest.mark.parametrize("seed", range(12))
def test_no_count_comes_back_from_the_difference_of_margins(seed):
    bases, counts, periods, in_periods = edge_cases(seed)
    shares = [
        [GATE.share(count, base) for count, base in zip(counts, bases, strict=True)],
        [GATE.share(count, base) for count, base in zip(in_periods, periods, strict=True)],
    ]
    whole = GATE.share(sum(counts), sum(bases))
    ranges = [
        [possible(share, base) for share, base in zip(told, sizes, strict=True)]
        for told, sizes in zip(shares, (bases, periods), strict=True)
    ]
    claimed = list(bounds(possible(whole, sum(bases)), ranges))
    opened = GATE.open_enough(claimed, [sum(bases), *bases, *periods])
    found = attacked([bases, periods], shares, whole)
    # what the package computes is never narrower than what the attacker finds
    assert all(low <= small and large <= high for (low, high), (small, large) in zip(claimed[1:], found, strict=True))
    widths = [
        large - small + 1 >= min(GATE.least, base + 1)
        for (small, large), base in zip(found, bases + periods, strict=True)
    ]
    assert not opened or all(widths)


def test_slices_that_would_give_a_count_away_are_kept_back():
    """Three areas at the ends of their ranges and the whole at the other: what is left for the fourth is exact."""
    areas = [(594, 605), (594, 605), (594, 605), (0, 4)]
    at_the_end = (3 * 605 + 3, 3 * 605 + 14)
    found = list(bounds(at_the_end, [areas]))
    assert found[4] == (3, 4)
    assert not GATE.open_enough(found, [9999, 2000, 2000, 2000, 4])
    assert GATE.open_enough(bounds((1782, 1830), [areas]), [9999, 2000, 2000, 2000, 4])


# --- the counts ---------------------------------------------------------------------------------------------


def settings_of(folder, *replaced):
    text = template("demo.toml")
    for old, new in zip(replaced[::2], replaced[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    (folder / "yjd.toml").write_text(text, encoding="utf-8")
    return load(folder / "yjd.toml")


ROWS = [
    # child, day, area, self, officer, recorded, missing, ethnicity that counts
    ("a", "2023-05-01", "Birmingham", "African", "Black", "African", None, "African"),
    ("a", "2024-05-01", "Birmingham", "Unknown", "Asian", "Unknown", "refused", "African"),
    ("b", "2024-05-02", "Coventry", "Black", "Black", "Black", None, "Caribbean"),
    ("b", "2024-05-03", "Coventry", "Caribbean", "Asian", "Caribbean", None, "Caribbean"),
    (None, "2024-05-04", "Coventry", "Caribbean", "White", "Caribbean", None, "Caribbean"),
    (None, "2019-05-04", None, "Unknown", None, "Unknown", None, "Unknown"),
    ("c", "2024-06-01", "Elsewhere", "White British", None, "White British", None, "White British"),
]


def filled(warehouse):
    names = ("child_id", "day", "area", "ethnicity_self", "ethnicity_officer", "ethnicity_recorded",
             "ethnicity_missing", "ethnicity")  # fmt: skip
    rows = [{"extract": "arrests"} | dict(zip(names, row, strict=True)) for row in ROWS]
    fill(warehouse, "arrests", rows)
    return warehouse


def test_records_are_counted_as_a_plain_loop_counts_them(tiny):
    found = filled(tiny).query(quality_counts.records_sql("arrests", "financial_year"))
    columns = ["area", "period", "recorded", "self_known", "officer_known", "detailed", "identified", "filled",
               "changed", "n"]  # fmt: skip
    assert sorted(tuple(row) for row in found[columns].to_numpy()) == sorted([
        ("Birmingham", "2023-24", "known", 1, 1, 1, 1, 0, 0, 1),
        ("Birmingham", "2024-25", "refused", 0, 1, 0, 1, 1, 1, 1),
        ("Coventry", "2024-25", "known", 1, 1, 0, 1, 0, 1, 1),
        ("Coventry", "2024-25", "known", 1, 1, 1, 1, 0, 0, 1),
        ("Coventry", "2024-25", "known", 1, 1, 1, 0, 0, 0, 1),
        ("Unknown", "", "blank", 0, 0, 0, 0, 0, 0, 1),
        ("Elsewhere", "2024-25", "known", 1, 0, 1, 1, 0, 0, 1),
    ])  # fmt: skip
    assert set(found["system"]) == {""}


def test_agreement_takes_the_first_record_of_each_child(tiny):
    found = filled(tiny).query(quality_counts.agreement_sql("arrests"))
    counted = {(row.self_heading, row.officer_heading): row.n for row in found.itertuples()}
    # child b agrees on the earlier record; the record of nobody named counts by itself
    assert counted == {("Black", "Black"): 2, ("Black", "White"): 1, ("White", "Unknown"): 1}


def big_counts(wide):
    """Records of the arrests of one project: area by reason, of one period."""
    rows = [
        {"extract": "arrests", "system": "", "area": area, "period": "2024-25", "recorded": recorded, "self_known": 0,
         "officer_known": 0, "detailed": 0, "identified": 1, "filled": 0, "changed": 0, "n": n}
        for area, parts in wide.items() for recorded, n in parts.items()
    ]  # fmt: skip
    empty = pd.DataFrame({"extract": [], "self_heading": [], "officer_heading": [], "n": []})
    covered = pd.DataFrame({"extract": ["arrests"], "first_day": [18353], "last_day": [20178]})
    return quality_counts.QualityCounts(pd.DataFrame(rows), empty, covered)


def cells_of(hidden_areas=()):
    """Released cells of arrests: unknown ethnicity, hidden in some areas."""
    return pd.DataFrame([
        {"stage": "arrests", "period": "2024-25", "area": area, "sex": "All", "age_band": "All", "deprivation": "All",
         "level": "broad", "group": "Unknown", "n": 9.0, "status": "ok",
         "disclosure": "hidden" if area in hidden_areas else "shown"}
        for area in ("All", *AREAS)
    ])  # fmt: skip


def percents(section, by, name):
    (one,) = section["recorded"]
    return next((found["percent"] for found in one["slices"] if (found["by"], found["slice"]) == (by, name)), None)


def test_a_section_says_shares_and_no_count(tmp_path):
    from yjd.measures import stages

    wide = {"Birmingham": {"known": 7013, "blank": 507, "not_stated": 1493, "unmapped": 4},
            "Coventry": {"known": 3001, "blank": 251, "not_stated": 747}}  # fmt: skip
    section = quality.quality_section(big_counts(wide), settings_of(tmp_path), cells_of(), stages())
    assert percents(section, "all", "All")["known"] == (77, 1)  # 10,014 of 13,016
    assert percents(section, "all", "All")["blank"] == (25, 1)  # 758 of 3,002
    assert percents(section, "all", "All")["unmapped"] == (0, 1)
    assert percents(section, "area", "Birmingham")["known"] == (78, 1)
    said = str(section)
    assert not any(str(n) in said for parts in wide.values() for n in parts.values() if n > 100)
    assert section["unit"] == 12


def test_what_the_cells_hide_leaves_only_where_the_two_counts_differ(tmp_path):
    from yjd.measures import stages

    wide = {area: {"known": 3000, "blank": 300, "not_stated": 700} for area in AREAS}
    settings = settings_of(tmp_path)
    counts = big_counts(wide)
    section = quality.quality_section(counts, settings, cells_of(("Coventry",)), stages())
    assert "known" in percents(section, "area", "Birmingham")
    assert not {"known", "blank", "not_stated"} & set(percents(section, "area", "Coventry"))
    assert "known" in percents(section, "all", "All")
    section = quality.quality_section(counts, settings, cells_of(("All",)), stages())
    assert "known" not in percents(section, "all", "All")
    counts.records.loc[counts.records["recorded"] == "blank", "filled"] = 1
    section = quality.quality_section(counts, settings, cells_of(("All", "Coventry")), stages())
    assert "known" in percents(section, "all", "All")
    assert "known" in percents(section, "area", "Coventry")


def test_observed_days_are_told_as_months_and_stated_ones_as_stated(tmp_path):
    from yjd.measures import stages

    wide = {"Birmingham": {"known": 3000}}
    stated = quality.quality_section(big_counts(wide), settings_of(tmp_path), cells_of(), stages())
    assert next(e for e in stated["extracts"] if e["extract"] == "arrests")["first"] == "2020-04-01"
    text = template("demo.toml").replace('covers = ["2020-04-01", "2025-03-31"]\n', "")
    (tmp_path / "yjd.toml").write_text(text, encoding="utf-8")
    observed = quality.quality_section(big_counts(wide), load(tmp_path / "yjd.toml"), cells_of(), stages())
    arrests = next(e for e in observed["extracts"] if e["extract"] == "arrests")
    assert (arrests["first"], arrests["last"], arrests["stated"]) == ("2020-04", "2025-03", False)


def test_schemes_can_express_what_the_census_and_the_police_lists_say():
    census = quality._expressible("census2021_19")
    assert len(census["detailed"]) == 19
    assert set(census["detailed"]) - set(quality._expressible("police_18plus1")["detailed"]) == {"Roma"}
    lost = set(census["detailed"]) - set(quality._expressible("police_16plus1")["detailed"])
    assert lost == {"Roma", "Arab", "Gypsy or Irish Traveller"}
    officer = quality._expressible("officer")
    assert officer["detailed"] == []
    assert "Mixed" not in officer["under"]
    assert quality._expressible("yjb_5")["joined"]


def test_labels_of_its_own_widen_what_an_extract_can_express(tmp_path):
    from yjd.measures import stages

    own = 'ethnicity = { self_defined = "police_18plus1", officer = "officer" }'
    more = own.replace(" }", ', labels = { "Rom" = "Roma", "X" = "refused" } }')
    settings = settings_of(tmp_path, own, more)
    section = quality.quality_section(big_counts({"Birmingham": {"known": 3000}}), settings, cells_of(), stages())
    arrests = next(entry for entry in section["extracts"] if entry["extract"] == "arrests")
    assert arrests["self_scheme"] == "police_18plus1+arrests"
    assert "Roma" in section["schemes"]["police_18plus1+arrests"]["detailed"]
    assert "Roma" not in section["schemes"]["police_uk_words"]["detailed"]


def test_a_project_of_counts_alone_has_no_records_to_tell_of(tiny, tmp_path):
    from yjd.measures import stages

    text = template("demo.toml")
    head, census = text.split("[[extracts]]")[:2]
    (tmp_path / "yjd.toml").write_text(f"{head}[[extracts]]{census}", encoding="utf-8")
    settings = load(tmp_path / "yjd.toml")
    section = quality.quality_section(quality_counts.measure_quality(tiny, settings), settings, cells_of(), stages())
    assert section["recorded"] == section["agreement"] == []
    assert [entry["extract"] for entry in section["extracts"]] == ["census"]


def test_the_whole_way_from_a_warehouse(tiny, tmp_path):
    from yjd.measures import stages

    filled(tiny)
    settings = settings_of(tmp_path)
    section = quality.quality_section(quality_counts.measure_quality(tiny, settings), settings, cells_of(), stages())
    # seven records are far too few for any share
    assert all(not found["percent"] for one in section["recorded"] for found in one["slices"])
    assert section["agreement"] == []
