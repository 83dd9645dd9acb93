"""Sums over children, made in the warehouse: what intervals need to allow for children who come back.

Events of one child are not independent. How much that matters follows from three sums over the children of a
cell (see `yjd.metrics.design`), so that is all that leaves the warehouse: no row of a child does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from yjd.measures import Measure, Stage
from yjd.metrics.counts import CHILD_SUMS
from yjd.metrics.shared_children import SUMS as SHARED
from yjd.repeats_sql import (
    IN_TWO_GROUPS_SQL,
    NUMBERS_SQL,
    PLACES_SQL,
    Plan,
    events_sql,
    rows_sql,
    shared_sql,
    sums_sql,
)
from yjd.schema import ALL, CELL_KEYS, KNOWN, SPLITS, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.warehouse import Warehouse

_ONE_A_ROW = re.compile(r"\b1 AS n\b", re.IGNORECASE)
_STRATUM = ("period", *SPLITS, "level")
_CONTRIBUTORS = ("numerator_children", "numerator_largest", "denominator_children", "denominator_largest")
_SUMS = ("measure", *_STRATUM, "group", *CHILD_SUMS, *_CONTRIBUTORS)
_SHARED = ("measure", "from_period", *_STRATUM, "group", *SHARED)


def child_sums(
    warehouse: Warehouse,
    measures: Sequence[Measure],
    stages: Mapping[str, Stage],
    settings: Settings,
    *,
    pairs: Sequence[tuple[str, str]] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sum squares and products over the children of every published cell, and over those whom two periods share.

    Parameters
    ----------
    warehouse : Warehouse
        After :func:`yjd.cube.build_cube`, which prepares what stages join.
    measures : sequence of Measure
        Of those that cannot hold a child twice, as both stages count each child once, only what periods share is
        summed.
    stages : mapping
        The stages of the measures by id.
    settings : Settings
        Its splits are used.
    pairs : sequence of (str, str)
        Names of the earlier and of the later period.

    Returns
    -------
    sums : DataFrame
        measure, period, area, sex, age_band, deprivation, level, group, and the columns
        ``yjd.metrics.counts.CHILD_SUMS``: sums over children of y^2, y x and x^2, where y is the child's events
        in the cell and x its part of the base (0 for a population); and of numerator and denominator how many
        children bring any event, and the most that one brings. Every group, Unknown, Known and All has a
        row wherever anything was counted; Known and All are by the child's own sum, so a child recorded in two
        groups is one child there. A record without a child's identifier and a count from a partner are events of
        as many children. Where nothing that a stage counts in a period and place carries an identifier, the sums
        are NaN.
    shared : DataFrame
        measure, from_period, period, area, sex, age_band, deprivation, level, group, yy, yx, xy, xx: sums over
        children of events x events, events x base, base x events and base x base, the earlier period's first.
        A cell without a row shares no child that is known by an identifier.
    """
    repeating = [one for one in measures if _repeats(one, stages)]
    lasting = [one for one in measures if not stages[one.numerator].public] if pairs else []  # years share children
    plan = _plan([one for one in measures if one in repeating or one in lasting], stages)
    if not (plan.measures and _levels_of_splits(settings)):
        return _of_measures([], _SUMS), _of_measures([], _SHARED)
    names = _names(warehouse, settings)
    with _scratch(warehouse, plan):
        cells = _write_cells(warehouse, names, settings)
        sums = _sums(warehouse, replace(plan, measures=repeating), cells, names) if repeating else []
        shared = _shared(warehouse, replace(plan, measures=lasting), cells, pairs) if lasting else []
    return _of_measures(sums, _SUMS), _of_measures(shared, _SHARED)


def _of_measures(frames: Iterable[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    found = list(frames)
    return pd.concat(found, ignore_index=True)[[*columns]] if found else pd.DataFrame(columns=[*columns])


def _sums(warehouse: Warehouse, plan: Plan, cells: pd.DataFrame, names: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Sums over the children of every cell in which a stage of these measures counts anything."""
    wanted = {name for one in plan.measures for name in (one.numerator, one.denominator)}
    counted = [f"all{place}" for place, stage in enumerate(plan.stages) if stage.id in wanted]
    found = warehouse.query(sums_sql(plan))
    found = cells.merge(found[(found[counted] != 0).any(axis=1)], on="cell").drop(columns="cell")
    most = [name for name in found.columns if str(name).startswith("most")]
    by_cell = found.groupby([*_STRATUM, "group"])
    summed = by_cell[[name for name in found.columns if name not in (*_STRATUM, "group", *most)]].sum()
    return _by_measure(_every_group(summed.join(by_cell[most].max()), names), plan)


def _shared(
    warehouse: Warehouse, plan: Plan, cells: pd.DataFrame, pairs: Sequence[tuple[str, str]]
) -> list[pd.DataFrame]:
    """Sums over the children whom the two periods of each pair share, measure by measure."""
    linked = _linked(cells, pairs)
    warehouse.write(linked[["pair", "from_cell", "cell"]], "child_cell_pair")
    found = linked.merge(warehouse.query(shared_sql(plan)), on="pair").drop(columns=["pair", "from_cell"])
    found = cells.merge(found, on="cell").drop(columns="cell")
    found = found.groupby(["from_period", *_STRATUM, "group"]).sum().reset_index()
    frames = []
    for place, measure in enumerate(plan.measures):
        own = found.rename(columns={f"{name}{place}": name for name in SHARED}).assign(measure=measure.id)
        frames.append(own.loc[(own[list(SHARED)] != 0).any(axis=1), [*_SHARED]])
    return frames


def contributors(sums: pd.DataFrame, measures: Sequence[Measure]) -> pd.DataFrame:
    """Tell how many children stand behind each count of events.

    Parameters
    ----------
    sums : DataFrame
        From :func:`child_sums`, the first.
    measures : sequence of Measure
        Those of the project.

    Returns
    -------
    DataFrame
        `yjd.schema.CELL_KEYS`, children (who bring an event; a record without an identifier is one), largest (the
        most events of one child). NaN where no record carries an identifier.
    """
    import pandas as pd

    keys = [*_STRATUM, "group"]
    parts = [
        sums.loc[sums["measure"] == measure.id, [*keys, f"{side}_children", f"{side}_largest"]]
        .set_axis([*keys, "children", "largest"], axis=1)
        .assign(stage=getattr(measure, side))
        for measure in measures
        for side in ("numerator", "denominator")
    ]
    return pd.concat(parts, ignore_index=True).drop_duplicates(list(CELL_KEYS))[[*CELL_KEYS, "children", "largest"]]


def _repeats(measure: Measure, stages: Mapping[str, Stage]) -> bool:
    """Whether a child can weigh more than once in a measure; a part of a base repeats no more than the base."""
    named = (measure.denominator,) if measure.kind == "proportion" else (measure.numerator, measure.denominator)
    return any(_may_repeat(stages[name]) for name in named)


def _may_repeat(stage: Stage) -> bool:
    return not stage.public and (stage.unit == "event" or not _ONE_A_ROW.search(stage.sql))


def _plan(measures: list[Measure], stages: Mapping[str, Stage]) -> Plan:
    names = dict.fromkeys(name for one in measures for name in (one.numerator, one.denominator))
    return Plan(measures, [stages[name] for name in names if not stages[name].public])


@contextmanager
def _scratch(warehouse: Warehouse, plan: Plan) -> Iterator[None]:
    """Hold what each child brings to each place for a while."""
    statements = {
        "child_rows": rows_sql(plan), "child_number": NUMBERS_SQL, "child_place": PLACES_SQL,
        "child_events": events_sql(plan),
    }  # fmt: skip
    try:
        for table, select in statements.items():
            warehouse.create(table, select)
        yield
    finally:
        for table in (*statements, "child_cell", "child_cell_pair"):
            warehouse.execute(f"DROP TABLE IF EXISTS {table}")


def _names(warehouse: Warehouse, settings: Settings) -> pd.DataFrame:
    """ethnicity, level, group: all that a recorded ethnicity counts under at each level."""
    import pandas as pd

    groups = warehouse.query("SELECT code, heading, detailed FROM ethnicity_group").rename(
        columns={"code": "ethnicity"}
    )
    known = groups[groups["ethnicity"] != UNKNOWN]
    parts = []
    for level in settings.analysis.splits:
        column = "heading" if level == "broad" else "detailed"
        parts += [groups.assign(level=str(level), group=groups[column]), groups.assign(level=str(level), group=ALL)]
        parts.append(known.assign(level=str(level), group=KNOWN))
    return pd.concat(parts, ignore_index=True)[["ethnicity", "level", "group"]]


def _levels_of_splits(settings: Settings) -> dict[tuple[str, ...], list[str]]:
    """Give each published split, its dimensions in their order, with the levels that it is published at."""
    found: dict[tuple[str, ...], list[str]] = {}
    for level, splits in settings.analysis.splits.items():
        for split in splits:
            found.setdefault(tuple(name for name in SPLITS if name in split), []).append(str(level))
    return found


def _write_cells(warehouse: Warehouse, names: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Tell the warehouse which published cells each place belongs to, and return what each cell is.

    Where every child has one ethnicity, squares are summed by ethnicity and then added up: a cell has several
    rows in what is returned, one for each group that it is part of. Where a child is in two groups, each group,
    Known and All have cells of their own, so that it is one child in each.
    """
    import pandas as pd

    places = warehouse.query("SELECT * FROM child_place")
    apart = bool(warehouse.query(IN_TWO_GROUPS_SQL)["children"].iloc[0])
    links, cells, numbered = [], [], 0
    for split, levels in _levels_of_splits(settings).items():
        own = places[(places[list(split)] != ALL).all(axis=1)]  # what a partner did not split is in no split
        own = own.assign(**{name: ALL for name in SPLITS if name not in split})
        named = names[names["level"].isin(levels)]
        keys = [*_STRATUM, "group"] if apart else [*_STRATUM[:-1], "ethnicity"]
        own = own.merge(named, on="ethnicity") if apart else own
        own = own.assign(cell=own.groupby(keys).ngroup() + numbered)
        numbered += len(own)
        links.append(own[["place", "cell"]].drop_duplicates())
        what = own[["cell", *keys]].drop_duplicates()
        cells.append(what if apart else what.merge(named, on="ethnicity"))
    warehouse.write(pd.concat(links, ignore_index=True), "child_cell", types={"place": "BIGINT", "cell": "BIGINT"})
    return pd.concat(cells, ignore_index=True)[["cell", *_STRATUM, "group"]]


def _linked(cells: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Cells of the earlier periods beside the same of the later ones: pair, from_period, from_cell, cell."""
    import pandas as pd

    rest = [name for name in (*_STRATUM, "group") if name != "period"]
    asked = pd.DataFrame(sorted(set(pairs)), columns=["from_period", "period"])
    earlier = cells.rename(columns={"period": "from_period", "cell": "from_cell"}).merge(asked, on="from_period")
    both = earlier.merge(cells, on=["period", *rest])[["from_period", "from_cell", "cell"]].drop_duplicates()
    return both.assign(pair=range(len(both)))


def _every_group(found: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """Give every group a row, of zeros if need be, wherever anything was counted."""
    found = found.reset_index()
    groups = names[["level", "group"]].drop_duplicates()
    whole = found[list(_STRATUM)].drop_duplicates().merge(groups, on="level")
    return whole.merge(found, on=[*_STRATUM, "group"], how="left").fillna(0.0)


def _by_measure(wide: pd.DataFrame, plan: Plan) -> Iterator[pd.DataFrame]:
    """Lay the sums out by measure; NaN where nothing that a stage counts carries an identifier."""
    import pandas as pd

    everyone = wide[wide["group"] == ALL].set_index(list(_STRATUM))
    stratum = pd.MultiIndex.from_frame(wide[list(_STRATUM)])
    nothing = pd.Series(0.0, index=wide.index)
    squares, behind = {"0": nothing}, {"0": (nothing * float("nan"), nothing * float("nan"))}
    for place, column in enumerate(plan.columns):
        rows, named = everyone[f"all{place}"], everyone[f"all{place}"] - everyone[f"nobody{place}"]
        anonymous = (named == 0) & ((rows > 0) | (not named.any()))
        nameless = anonymous.reindex(stratum).to_numpy(dtype=bool)
        squares[column] = wide[f"q{place}"].mask(nameless)
        behind[column] = wide[f"children{place}"].mask(nameless), wide[f"most{place}"].mask(nameless)
    for place, measure in enumerate(plan.measures):
        above, below = (squares[plan.column(name)] for name in (measure.numerator, measure.denominator))
        products = wide[f"p{place}"] if f"p{place}" in wide else squares["0"]
        sums = pd.DataFrame(dict(zip(CHILD_SUMS, (above, products, below), strict=True)))
        sums = sums.mask(sums.isna().any(axis=1))
        sides = [*behind[plan.column(measure.numerator)], *behind[plan.column(measure.denominator)]]
        sums = sums.assign(**dict(zip(_CONTRIBUTORS, sides, strict=True)))
        yield pd.concat([wide[[*_STRATUM, "group"]], sums], axis=1).assign(measure=measure.id)
