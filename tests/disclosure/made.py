"""Projects made by hand: tables whose every total is published, and how yjd would publish a project."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from tests.disclosure.leaves import Family, Project, Release
from tests.disclosure.tables import RULES, links
from yjd.disclosure import guard
from yjd.schema import CELL_KEYS, SPLITS


def family(stages=None, periods=None, areas=("A", "B"), groups=("Black", "White"), sexes=(), **given):
    """Areas by groups (and sexes) with totals; stages and periods as labels and the leaves that each holds."""
    one = {"All": np.array([True])}
    each = np.eye(len(areas), dtype=bool)
    leaves = np.eye(len(groups), dtype=bool)
    axes = {
        "stage": {name: np.array(held, dtype=bool) for name, held in (stages or {"outcomes": [1]}).items()},
        "period": {name: np.array(held, dtype=bool) for name, held in (periods or {"2023-24": [1]}).items()},
        **dict.fromkeys(SPLITS, one),
        "area": {"All": np.ones(len(areas), dtype=bool)} | dict(zip(areas, each, strict=True)),
        "sex": {"All": np.ones(len(sexes) or 1, dtype=bool)}
        | dict(zip(sexes, np.eye(len(sexes), dtype=bool), strict=True)),
        "group": {("broad", "All"): np.ones(len(groups), dtype=bool)}
        | {("broad", name): leaf for name, leaf in zip(groups, leaves, strict=True)},
    }
    return Family(axes, **given)


def made(one, *versions, rules=RULES, **given):
    """A project of one family that publishes everything it can; one release for each version of the counts."""
    rows = product(*one.axes.values())
    cells = pd.DataFrame([(*row[:-1], *row[-1]) for row in rows], columns=list(CELL_KEYS))
    releases = []
    for counts in versions:
        leaves = np.reshape(counts, one.shape)
        n = (one.rows(cells) @ leaves.ravel()).astype(float)
        release = Release(cells.assign(n=n, status="ok", disclosure="shown"), rules, links(**given), (leaves,))
        releases.append(release)
    return Project(0, (one,), tuple(releases), ())


def publish(project):
    """Every release of a project as yjd would publish it, each in the knowledge of those before it.

    Raises
    ------
    DisclosureError
        Where yjd would release nothing.
    """
    published = []
    for number, release in enumerate(project.releases):
        known = [one.periods for one in project.releases[: number + 1] if one.periods is not None]
        published.append(
            guard(
                release.cells, release.rules, release.links, earlier=published[::-1], children=release.children,
                periods=pd.concat(known, ignore_index=True).drop_duplicates() if known else None,
            )
        )  # fmt: skip
    return published
