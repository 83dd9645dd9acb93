"""An outsider with a solver and every release, against random projects, weak protections and hand-worked tables."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.disclosure.attacker import attack
from tests.disclosure.made import family, made, publish
from tests.disclosure.random_projects import random_project
from tests.disclosure.tables import RULES, links
from tests.disclosure.weak import hide, one_more_per_line, threshold_only
from yjd.errors import DisclosureError
from yjd.schema import CELL_KEYS

PROJECTS = range(24)


def weakly(way, seeds):
    """What the attack finds in the first releases of random projects, protected in a way that does not hold."""
    for seed in seeds:
        project = random_project(seed, small=True)
        first = project.releases[0]
        yield attack(replace(project, releases=(first,)), [way(first.cells, first.rules, first.links)])


class TestRandomProjects:
    @pytest.mark.parametrize("first", range(4))
    def test_no_small_count_comes_back(self, first):
        refused = 0
        for seed in PROJECTS[first::4]:
            project = random_project(seed, small=True)
            try:
                published = publish(project)
            except DisclosureError:
                refused += 1  # nothing leaves
                continue
            found = attack(project, published)
            broken = found[found["broken"]]
            assert broken.empty, f"project {seed}: {len(broken)}, the first {broken.iloc[0].to_dict()}"
        assert refused <= 1

    def test_a_threshold_alone_is_broken(self):
        found = list(weakly(threshold_only, PROJECTS[:6]))
        assert sum(one["exact"].any() for one in found) >= 3
        assert sum(one["exact"].sum() for one in found) >= 20

    def test_one_more_in_each_line_is_broken(self):
        found = list(weakly(one_more_per_line, PROJECTS[:6]))
        assert sum(one["broken"].any() for one in found) >= 3

    def test_a_check_that_always_passes_is_caught(self):
        for found in weakly(lambda cells, *_: cells, (0, 1, 3)):
            assert len(found)
            assert of(found)["exact"].all()


def without(release, *gone):
    """The release with some cells hidden: each named by the labels that are not All."""
    cells = release.cells
    said = [
        {label for label in key if label not in ("All", "broad")}
        for key in cells[list(CELL_KEYS)].itertuples(index=False)
    ]
    return hide(cells, pd.Series([any(own == set(one) for one in gone) for own in said], index=cells.index))


def of(found, what="published"):
    """The rows of one kind of count."""
    return found[found["what"] == what]


class TestTheAttack:
    def test_it_knows_the_bounds_of_a_table_with_four_counts_and_its_totals(self):
        # Frechet: row + column - all <= count <= row, column.
        random = np.random.default_rng(3)
        rules = replace(RULES, interval_width=3)
        for _ in range(4):
            counts = random.integers(0, 9, (2, 2))
            project = made(family(), counts, rules=rules)
            inner = [("outcomes", "2023-24", area, group) for area in "AB" for group in ("Black", "White")]
            found = of(attack(project, [without(project.releases[0], *inner)])).set_index("key")
            rows, columns, every = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
            for (at, area), (by, group) in product(enumerate("AB"), enumerate(("Black", "White"))):
                if 1 <= counts[at, by] < 6:
                    low, high = max(1, rows[at] + columns[by] - every), min(5, rows[at], columns[by])
                    name = ("outcomes", "2023-24", area, "All", "All", "All", "broad", group)
                    assert found.loc[[name], "broken"].item() == (high - low + 1 < 3)

    def test_with_whole_counts_it_finds_what_trying_every_table_finds(self):
        random = np.random.default_rng(5)
        every = np.array(list(product(range(9), repeat=4)))
        for _ in range(4):
            counts = random.multinomial(8, [0.1, 0.3, 0.3, 0.3])
            project = made(family(), counts)
            cells = project.releases[0].cells
            hidden = pd.Series(random.random(len(cells)) < 0.6, index=cells.index) & ~(cells["n"] == 8)
            released = hide(cells, hidden)
            rows = project.families[0].rows(cells).astype(int)
            can_be = every[(every @ rows[~hidden].T == cells["n"].to_numpy()[~hidden]).all(axis=1)]
            found = attack(project, [released], whole=True)
            keys = list(cells[list(CELL_KEYS)].itertuples(index=False, name=None))
            for _, one in of(found).iterrows():
                values = can_be @ rows[keys.index(one["key"])]
                assert (one["low"], one["high"]) == pytest.approx((values.min(), values.max()))
            fractions = attack(project, [released])
            assert (fractions["possible"].to_numpy() >= np.minimum(found["possible"], 3).to_numpy()).all()

    def test_what_a_part_leaves_of_its_whole(self):
        # Of 12 outcomes 11 were pre-court.
        stages = {"outcomes": [1, 1], "precourt": [0, 1]}
        project = made(family(stages, areas=("A",), groups=("White",)), [1, 11], subsets={"precourt": "outcomes"})
        found = of(attack(project, [project.releases[0].cells]), "complement")
        assert (found["n"].item(), found["exact"].item()) == (1, True)

    def test_what_kinds_leave_of_their_whole(self):
        stages = {"outcomes": [1, 1, 1], "caution": [0, 1, 0], "resolution": [0, 0, 1]}
        project = made(family(stages, areas=("A",), groups=("White",)), [2, 11, 20])
        found = of(attack(project, [project.releases[0].cells]), "residual")
        assert (found["n"].item(), found["exact"].item()) == (2, True)

    def test_what_two_months_leave_of_a_quarter(self):
        periods = {"2024-Q2": [1, 1, 1], "2024-M04": [1, 0, 0], "2024-M05": [0, 1, 0]}
        project = made(family(None, periods, areas=("A",), groups=("White",)), [10, 20, 3])
        found = of(attack(project, [project.releases[0].cells]), "rest")
        assert (found["n"].item(), found["exact"].item()) == (3, True)

    def test_what_detailed_groups_leave_of_a_broad_one(self):
        one = family(areas=("A",), groups=("British", "not stated"))
        group = one.axes["group"]
        detailed = {("broad", "White"): group["broad", "All"], ("detailed", "British"): group["broad", "British"]}
        project = made(replace(one, axes={**one.axes, "group": detailed}), [40, 4])
        found = of(attack(project, [project.releases[0].cells]), "broad rest")
        assert (found["n"].item(), found["exact"].item()) == (4, True)

    def test_a_child_in_a_year_is_a_child_of_the_years_together(self):
        # 12 children in both years, 7 in the second: at least 5 in the first, which is one value of 1 to 5.
        periods = {"2022-24": [1, 1, 1], "2022-23": [1, 0, 1], "2023-24": [0, 1, 1]}
        one = family(None, periods, areas=("A",), groups=("White",), adds_up=False)
        project = made(one, [5, 7, 0])
        (released,) = (one.cells for one in project.releases)
        released = hide(released, released["period"] == "2022-23")
        found = of(attack(project, [released]))
        assert found[["n", "low", "possible", "broken"]].to_numpy().tolist() == [[5, 5, 1, True]]

    def test_two_releases_that_hide_different_partners(self):
        counts = [[4, 30, 20], [50, 60, 70], [25, 35, 45]]
        one = family(areas=("A", "B", "C"), groups=("Black", "Mixed", "White"))
        project = made(one, counts, counts)
        stage = ("outcomes", "2023-24")

        def square(area, group):
            corners = product(("A", area), ("Black", group))
            return without(project.releases[0], *((*stage, *corner) for corner in corners))

        first, second = square("B", "Mixed"), square("C", "White")
        single = replace(project, releases=project.releases[:1])
        assert not attack(single, [first])["broken"].any()
        assert not attack(single, [second])["broken"].any()
        assert attack(project, [first, second])["exact"].any()
        assert not attack(project, [first, first])["broken"].any()
        # Counts that were revised between the two say nothing of each other.
        other = made(one, np.array(counts) + 1, counts)
        assert not attack(other, [hide(other.releases[0].cells, first["n"].isna()), second])["broken"].any()

    def test_what_was_shown_before_is_no_fault_of_the_present(self):
        project = made(family(), [[4, 30], [50, 60]], [[4, 30], [50, 60]])
        before, now = project.releases[0].cells, threshold_only(project.releases[1].cells, RULES, links())
        assert not attack(project, [before, now])["broken"].any()

    def test_a_rounded_count_stands_for_what_rounds_to_it(self):
        rules = replace(RULES, method="round", round_to=5)
        project = made(family(areas=("A",), groups=("White",)), [4], rules=rules)
        released = project.releases[0].cells.assign(n=5.0, disclosure="rounded")
        found = attack(project, [released], whole=True)
        # 5 is the multiple below or above: 1 to 9, of which the rule hides 1 to 5.
        assert found[["low", "high", "possible"]].to_numpy().tolist() == [[1, 9, 5]]
