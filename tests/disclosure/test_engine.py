"""The guarantee of protection, held against linear programmes written from its definition alone."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from tests.disclosure.tables import KEYS, RULES, cells, links
from yjd.disclosure import protect
from yjd.disclosure.rules import Rules
from yjd.errors import DisclosureError
from yjd.schema import CELL_KEYS

KEY_NAMES = list(CELL_KEYS)


def rules(**changes):
    """The rules of these tests, some of them changed."""
    return Rules(**({name: getattr(RULES, name) for name in RULES.__dataclass_fields__} | changes))


def possible(released, statements, wanted, others=()):
    """How many whole numbers a count of 1 to 5 can be.

    `statements` are sums, each {row: coefficient}, that are 0 in truth; `others` are not negative; `wanted` is the
    one asked about. Unknown are the hidden rows: nothing else is known of them than that they are not negative.
    """
    n = released["n"].to_numpy()
    hidden = np.flatnonzero(np.isnan(n))
    place = {row: number for number, row in enumerate(hidden)}

    def line(statement):
        coefficients, known = np.zeros(len(hidden)), 0.0
        for row, value in statement.items():
            if row in place:
                coefficients[place[row]] += value
            else:
                known += value * n[row]
        return coefficients, known

    equal = [line(statement) for statement in statements]
    bound = [line(statement) for statement in others]
    aim, known = line(wanted)
    ends = []
    for sign in (1, -1):
        found = linprog(
            sign * aim,
            A_eq=np.array([c for c, _ in equal]) if equal else None,
            b_eq=np.array([-k for _, k in equal]) if equal else None,
            A_ub=np.array([-c for c, _ in bound]) if bound else None,
            b_ub=np.array([k for _, k in bound]) if bound else None,
        )
        ends.append(sign * found.fun + known if found.status == 0 else sign * -np.inf)
    low, high = max(np.ceil(ends[0] - 1e-6), 1), min(np.floor(ends[1] + 1e-6), 5)
    return int(high - low) + 1


def grid(counts, **keys):
    """Areas by groups with all their totals."""
    areas, groups = (*(f"Area {i}" for i in range(len(counts))), "All"), (*"BCDEFGH"[: len(counts[0])], "All")
    table = np.zeros((len(areas), len(groups)))
    table[:-1, :-1] = counts
    table[-1] = table.sum(axis=0)
    table[:, -1] = table.sum(axis=1)
    rows = [
        ({"area": a, "group": g} | keys, table[i, j]) for (i, a), (j, g) in product(enumerate(areas), enumerate(groups))
    ]
    return rows, table.shape


def sums(shape, start=0):
    """The statements of such a table whose rows begin at `start`."""
    height, width = shape
    at = start + np.arange(height * width).reshape(shape)
    rows = [{int(at[i, -1]): 1.0} | {int(at[i, j]): -1.0 for j in range(width - 1)} for i in range(height)]
    return rows + [{int(at[-1, j]): 1.0} | {int(at[i, j]): -1.0 for i in range(height - 1)} for j in range(width)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("width", [2, 3, 5])
def test_every_small_count_of_a_table_stays_as_open_as_the_rules_ask(seed, width):
    random = np.random.default_rng(seed)
    rows, shape = grid(random.poisson(random.gamma(1.0, 12.0, (4, 4))))
    table = cells(rows)
    released = protect(table, rules(interval_width=width), links())
    small = np.flatnonzero(table["n"].between(1, 5))
    assert released["n"].isna()[small].all()
    for row in small:
        assert possible(released, sums(shape), {int(row): 1.0}) >= width


@pytest.mark.parametrize("seed", range(6))
def test_so_does_what_nested_stages_leave(seed):
    """Two kinds of pre-court outcomes within pre-court within outcomes, of which court is the rest."""
    random = np.random.default_rng(seed)
    kinds, other, court = (random.poisson(random.gamma(1.0, 9.0, size)) for size in ((2, 3, 3), (3, 3), (3, 3)))
    precourt = kinds.sum(axis=0) + other
    stages = {"outcomes": precourt + court, "precourt": precourt, "court": court, "first": kinds[0], "second": kinds[1]}
    rows, shape = [], ()
    for name, counts in stages.items():
        more, shape = grid(counts, stage=name)
        rows += more
    size = shape[0] * shape[1]
    at = {name: number * size for number, name in enumerate(stages)}
    given = links(
        subsets={"precourt": "outcomes", "court": "outcomes", "first": "precourt", "second": "precourt"},
        parts=[("outcomes", ("precourt", "court"))],
    )
    table = cells(rows)
    released = protect(table, RULES, given)
    statements = [statement for start in at.values() for statement in sums(shape, start)]
    statements += [{i: 1.0, at["precourt"] + i: -1.0, at["court"] + i: -1.0} for i in range(size)]
    rest = [{at["precourt"] + i: 1.0, at["first"] + i: -1.0, at["second"] + i: -1.0} for i in range(size)]
    n = table["n"].to_numpy()
    wanted = [{row: 1.0} for row in range(len(table))] + rest
    for whole, part in (("precourt", "first"), ("precourt", "second"), ("outcomes", "first"), ("outcomes", "second")):
        wanted += [{at[whole] + i: 1.0, at[part] + i: -1.0} for i in range(size)]
    small = [one for one in wanted if 1 <= sum(value * n[row] for row, value in one.items()) <= 5]
    assert any(len(one) == 3 for one in small)
    for one in small:
        assert possible(released, statements, one, rest) >= RULES.interval_width


def test_what_the_detailed_groups_leave_of_a_broad_one_is_protected():
    # Of 30 Asian children 27 are known to be Indian or Pakistani; 3 are known to be Asian and no more.
    broad = {"Asian": 30, "Black": 40, "Known": 70, "All": 70}
    detailed = {"Indian": 15, "Pakistani": 12, "African": 25, "Caribbean": 15}
    rows = [({"group": group}, n) for group, n in broad.items()]
    rows += [({"group": group, "level": "detailed"}, n) for group, n in detailed.items()]
    headings = {"Indian": "Asian", "Pakistani": "Asian", "African": "Black", "Caribbean": "Black"}
    released = protect(cells(rows), RULES, links(headings=headings)).set_index("group")
    assert released.loc[["Asian", "Indian", "Pakistani"], "n"].isna().any()
    assert (released.loc[released["n"].isna(), "reason"].isin(["derived", "protects"])).all()
    assert "derived" in set(released["reason"])


def test_a_margin_left_out_is_protected_like_a_printed_one():
    # Sexes within areas, and the region; Dudley's 2 and 2 are 4 children of Dudley, though no row says so.
    counts = {("Dudley", "Female"): 0, ("Dudley", "Male"): 4, ("Walsall", "Female"): 30, ("Walsall", "Male"): 40}
    rows = [({"area": area, "sex": sex}, n) for (area, sex), n in counts.items()]
    released = protect(cells([*rows, ({}, 74)]), RULES, links())
    assert possible(released, [{4: 1.0, 0: -1.0, 1: -1.0, 2: -1.0, 3: -1.0}], {0: 1.0, 1: 1.0}) >= 3


class TestEarlierReleases:
    table = cells([({"group": group}, n) for group, n in zip("BCDE", (3, 9, 30, 40), strict=True)] + [({}, 82)])

    def before(self, shown):
        """An earlier release of some of the groups."""
        rows = [KEYS | {"group": group, "n": n} for group, n in shown.items()]
        return pd.DataFrame(rows)[[*KEY_NAMES, "n"]]

    def test_what_was_shown_before_protects_nothing(self):
        alone = protect(self.table, RULES, links())
        assert alone["n"].isna().tolist() == [True, True, False, False, False]
        again = protect(self.table, RULES, links(), earlier=self.before({"C": 9.0, "B": np.nan}))
        assert not np.isnan(again["n"][1])
        assert again["n"].isna().sum() == 2

    def test_a_small_count_that_was_shown_before_is_hidden_and_named_as_lost(self):
        released = protect(self.table, RULES, links(), earlier=self.before({"B": 3.0}))
        assert released["n"].isna().tolist() == [True, False, False, False, False]

    def test_months_that_only_an_earlier_release_had(self):
        # The year is April's 40 and May's, which was hidden; the total of now would give May back.
        month = [KEYS | {"period": "April", "n": 40.0}, KEYS | {"period": "May", "n": np.nan}]
        earlier = pd.DataFrame(month)[[*KEY_NAMES, "n"]]
        given = links(related_periods={"2023-24": ("April", "May")})
        assert protect(cells([({}, 43)]), RULES, given)["n"].notna().all()
        assert protect(cells([({}, 43)]), RULES, given, earlier=earlier)["n"].isna().all()


class TestChildren:
    def test_events_of_few_children_and_of_one_child_above_all(self):
        table = cells([({"group": group}, n) for group, n in zip("BCDE", (20, 30, 40, 50), strict=True)] + [({}, 140)])
        behind = pd.DataFrame(
            [KEYS | {"group": "B", "children": 2, "largest": 10}, KEYS | {"group": "C", "children": 12, "largest": 25}]
        )
        asked = rules(minimum_children=3, largest_share_percent=80)
        released = protect(table, asked, links(), children=behind)
        assert released["reason"].tolist()[:2] == ["children", "dominance"]
        assert protect(table, RULES, links(), children=behind)["n"].notna().all()


def test_the_order_of_rows_changes_nothing():
    random = np.random.default_rng(5)
    rows, _ = grid(random.poisson(8, (5, 5)))
    table = cells(rows)
    one = protect(table, RULES, links())
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(protect(shuffled, RULES, links()).sort_index(), one)


def test_what_cannot_be_protected_is_refused():
    table = cells([({"stage": "population"}, 30), ({"stage": "residents"}, 3)])
    given = links(parts=[("population", ["residents"])], public_stages=frozenset(["population"]))
    with pytest.raises(DisclosureError, match="nothing is released"):
        protect(table, RULES, given)


def test_children_counted_once_are_no_more_than_their_years_and_no_fewer_than_any():
    # 11 in three years are at most 3, 5 and 3: were all of these hidden and nothing else, each would be known.
    years = ("2021-22", "2022-23", "2023-24")
    counts = dict(zip(years, (3, 5, 3), strict=True)) | {"2021-24": 11}
    table = cells([({"period": period}, n) for period, n in counts.items()])
    given = links(related_periods={"2021-24": years}, periods_add_up=frozenset())
    released = protect(table, RULES, given)
    bounds = [{0: 1.0, 1: 1.0, 2: 1.0, 3: -1.0}, *({3: 1.0, row: -1.0} for row in range(3))]
    for row in range(3):
        assert possible(released, [], {row: 1.0}, bounds) >= RULES.interval_width


def test_all_others_than_a_group_are_protected():
    # 22 of 26 are White: the 4 others can be read from what is shown.
    table = cells([({"group": group}, n) for group, n in zip("WB", (22, 4), strict=True)] + [({"group": "Known"}, 26)])
    released = protect(table, RULES, links())
    others = {2: 1.0, 0: -1.0}
    assert possible(released, [{2: 1.0, 0: -1.0, 1: -1.0}], others) >= RULES.interval_width
