"""Known and unknown children at the finest split, with officer-observed ethnicity: counts for imputation.

The strata are counts before disclosure control. They stay on the machine, and only what
`yjd.metrics.imputation` makes of them, for rows whose own cells are shown, may leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from yjd.cube import build_cube
from yjd.measures import Measure, Stage
from yjd.schema import CUBE_COLUMNS, ELSEWHERE, SPLITS, TABLES, UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

    from yjd.warehouse import Warehouse

NO_OFFICER = "none"  # officer-observed ethnicity where none was recorded
_BETWEEN = "|"  # joins a record's ethnicity to the officer's; no group has it in its code
_DIMENSIONS = tuple(name for name in SPLITS if name in CUBE_COLUMNS)
_SELECTED = ("child_id", "row_id", "day", "age", *_DIMENSIONS, "n")


def imputation_counts(
    warehouse: Warehouse,
    measures: Sequence[Measure],
    stages: Mapping[str, Stage],
    *,
    areas: Sequence[str],
    levels: Sequence[str] = ("broad", "detailed"),
) -> pd.DataFrame:
    """Count what `yjd.metrics.imputed_ratio` needs, of every measure with a child of unknown ethnicity.

    Parameters
    ----------
    warehouse : Warehouse
        With the clean tables and the reference tables.
    measures : sequence of Measure
        Those wanted.
    stages : mapping of str to Stage
        Holds the numerators and denominators of the measures.
    areas : sequence of str
        As configured; other areas count as Unknown, and Elsewhere is left out, as in cells.
    levels : sequence of str
        'broad', 'detailed' or both.

    Returns
    -------
    DataFrame
        measure, period, area, sex, age_band (and what else the cube is split by), level, group (Unknown among
        them), officer (code of the officer-observed group, 'none' where there is none), event, n. Event 1 is
        the numerator. Event 0 is the base: of a proportion less those with the event, as its numerator is a
        part of it; of a rate all of it, and nothing where the base is public, as nobody is unknown there.

    Notes
    -----
    A stage's SELECT yields no officer-observed ethnicity: it is looked up by row_id in the one table of
    records that the stage reads. A stage that reads several has 'none', and so have counts of partners.
    """
    import pandas as pd

    wanted = {name for measure in measures for name in (measure.numerator, measure.denominator)}
    asked = [_with_officer(stages[name]) for name in sorted(wanted) if not stages[name].public]
    cube = build_cube(warehouse, asked)
    groups = warehouse.query("SELECT code, heading, detailed FROM ethnicity_group")
    counted = _in_scope(_apart(cube), areas)
    keys = ["period", *_DIMENSIONS, "level", "group", "officer"]
    at_levels = pd.concat([_grouped(counted, groups, level) for level in levels], ignore_index=True)
    sums = at_levels.groupby(["stage", *keys], sort=True)[["n"]].sum().reset_index()
    frames = [_of_measure(measure, sums, keys) for measure in measures]
    with_unknown = [frame for frame in frames if (frame["group"] == UNKNOWN).any()]
    columns = ["measure", *keys, "event", "n"]
    return pd.concat(with_unknown, ignore_index=True)[columns] if with_unknown else pd.DataFrame(columns=columns)


def _with_officer(stage: Stage) -> Stage:
    """The stage with each row's officer-observed ethnicity behind its own, in one column that the cube counts by."""
    tables = [name for name in stage.reads if name in TABLES and "ethnicity_officer" in TABLES[name].columns]
    if len(tables) != 1:
        return stage
    columns = ", ".join(f"s.{name}" for name in _SELECTED)
    officer = f"CASE WHEN o.ethnicity_officer = '{UNKNOWN}' THEN NULL ELSE o.ethnicity_officer END"
    both = f"COALESCE(s.ethnicity, '{UNKNOWN}') || '{_BETWEEN}' || COALESCE({officer}, '{NO_OFFICER}')"
    sql = (
        f"SELECT {columns}, {both} AS ethnicity\nFROM (\n{stage.sql}\n) AS s\n"
        f"LEFT JOIN {tables[0]} AS o ON o.row_id = s.row_id"
    )
    return replace(stage, sql=sql)


def _apart(cube: pd.DataFrame) -> pd.DataFrame:
    """Split the joint column again."""
    labels = cube["ethnicity"].unique()
    ethnicity = {label: label.partition(_BETWEEN)[0] for label in labels}
    officer = {label: label.partition(_BETWEEN)[2] or NO_OFFICER for label in labels}
    return cube.assign(ethnicity=cube["ethnicity"].map(ethnicity), officer=cube["ethnicity"].map(officer))


def _in_scope(cube: pd.DataFrame, areas: Sequence[str]) -> pd.DataFrame:
    kept = cube[(cube["area"] != ELSEWHERE) & (cube["n"] != 0)]
    return kept.assign(area=kept["area"].where(kept["area"].isin(areas), UNKNOWN))


def _grouped(cube: pd.DataFrame, groups: pd.DataFrame, level: str) -> pd.DataFrame:
    names = dict(zip(groups["code"], groups["heading" if level == "broad" else "detailed"], strict=True))
    return cube.assign(level=level, group=cube["ethnicity"].map(names).fillna(UNKNOWN))


def _of_measure(measure: Measure, sums: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The measure's two stages as children with the event and without."""
    import pandas as pd

    above = sums.loc[sums["stage"] == measure.numerator, [*keys, "n"]].assign(event=1)
    below = sums.loc[sums["stage"] == measure.denominator, [*keys, "n"]].assign(event=0)
    if measure.kind == "proportion":
        both = below.merge(above[[*keys, "n"]], on=keys, how="left", suffixes=("", "_event"))
        # the cube counts both stages by the same rows, so what is left cannot fall below 0 where they nest
        below["n"] = (both["n"] - both["n_event"].fillna(0)).clip(lower=0).to_numpy()
        below = below[below["n"] > 0]
    return pd.concat([above, below], ignore_index=True).assign(measure=measure.id)
