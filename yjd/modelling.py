"""Every model of every measure, as the project configures it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yjd.measures import Measure, Stage
from yjd.schema import ALL, SPLITS

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.model_counts import ModelCounts
    from yjd.models import ByChild, Rung
    from yjd.warehouse import Warehouse

LEVEL = "broad"  # of ethnic groups: detailed ones are too few for several adjusters
_PERIODS = ("financial_year", "calendar_year", "quarter", "month")


@dataclass(frozen=True)
class Modelled:
    """What the models of one measure found.

    Attributes
    ----------
    measure : Measure
        What was modelled.
    period : str
        The periods, from the first to the last.
    counts : ModelCounts
        The sample.
    rungs : tuple of Rung
        Those whose adjusters could be had.
    results : DataFrame
        Columns of `yjd.schema.RESULT_COLUMNS`, before disclosure control.
    diagnostics : dict of DataFrame
        For the analyst: see `yjd.models.diagnose`.
    base : str
        Title of the stage that a proportion is of; '' for a rate.
    periods : tuple of str
        The periods, in order.
    """

    measure: Measure
    period: str
    counts: ModelCounts
    rungs: tuple[Rung, ...]
    results: pd.DataFrame
    diagnostics: dict[str, pd.DataFrame]
    base: str
    periods: tuple[str, ...]


def model(
    warehouse: Warehouse,
    cube: pd.DataFrame,
    cells: pd.DataFrame,
    measures: Sequence[Measure],
    stages: Mapping[str, Stage],
    settings: Settings,
) -> list[Modelled]:
    """Fit every model.

    Parameters
    ----------
    warehouse : Warehouse
        Still open: standard errors by child are summed there.
    cube, cells : DataFrame
        As counted, before disclosure control; the cells tell which periods can be judged.
    measures, stages, settings
        The project's.
    """
    wanted = settings.models.measures
    found = []
    for measure in measures:
        if measure.id not in wanted if wanted is not None else not measure.adjusted:
            continue
        periods = judged(cells, measure, settings)
        if periods:
            found.append(_modelled(warehouse, cube, measure, stages, settings, periods))
    return found


def judged(cells: pd.DataFrame, measure: Measure, settings: Settings) -> list[str]:
    """The latest periods of the first kind for which both stages are whole, none before a break."""
    table = settings.periods.table()
    kind = next((name for name in table["kind"] if name in _PERIODS), "")
    whole = (cells["group"] == ALL) & (cells["level"] == LEVEL) & (cells[list(SPLITS)] == ALL).all(axis=1)
    status = {
        stage: dict(zip(own["period"], own["status"], strict=True))
        for stage, own in cells[whole & cells["stage"].isin([measure.numerator, measure.denominator])].groupby("stage")
    }
    above, below = status.get(measure.numerator, {}), status.get(measure.denominator)
    broken = {entry.period for entry in settings.periods.breaks if measure.id in (entry.measures or (measure.id,))}
    chosen: list[str] = []
    for period in reversed(table.loc[table["kind"] == kind].sort_values("start_day")["period"].tolist()):
        usable = above.get(period) == "ok" and (below is None or below.get(period, "ok") == "ok")
        if usable:
            chosen.insert(0, period)
        if len(chosen) == settings.models.periods or (chosen and (not usable or period in broken)):
            break
    return chosen


def _modelled(
    warehouse: Warehouse,
    cube: pd.DataFrame,
    measure: Measure,
    stages: Mapping[str, Stage],
    settings: Settings,
    periods: Sequence[str],
) -> Modelled:
    import pandas as pd

    from yjd import models
    from yjd.model_counts import ROWS, record_counts, resident_counts

    adjusters = [name for added in settings.models.rungs.values() for name in added]
    chosen: dict[str, Any] = {
        "adjusters": adjusters,
        "periods": periods,
        "areas": settings.project.areas,
        "level": LEVEL,
    }
    clusters = None
    if measure.kind == "proportion":
        counts = record_counts(warehouse, measure, stages, **chosen)
        clusters = models.ByChild(warehouse, ROWS)
    else:
        groups = warehouse.query("SELECT code, heading, detailed FROM ethnicity_group")
        counts = resident_counts(cube, measure, groups, **chosen)
    rungs = _rungs(settings.models.rungs, counts.adjusters)
    named = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    common: dict[str, Any] = {
        "reference": reference_group(settings),
        "confidence": settings.analysis.confidence,
        "measure": measure.id,
        "period": named,
        "level": LEVEL,
    }
    tables = _of_sample(counts, measure, rungs, clusters, common)
    if measure.kind == "proportion" and is_reoffending(measure):
        tables += _of_reoffending(warehouse, stages, rungs, chosen, common)
    diagnostics = models.diagnose(
        counts.frame, kind=measure.kind, rungs=rungs, reference=common["reference"], clusters=clusters
    )
    results = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    base = stages[measure.denominator].title if measure.kind == "proportion" else ""
    return Modelled(measure, named, counts, tuple(rungs), results, diagnostics, base, tuple(periods))


def _of_sample(
    counts: ModelCounts, measure: Measure, rungs: Sequence[Rung], clusters: ByChild | None, common: dict[str, Any]
) -> list[pd.DataFrame]:
    """The ladder, and what checks, explains and questions its last rung."""
    import pandas as pd

    from yjd import models

    frame, last = counts.frame, rungs[-1]
    scale: dict[str, Any] = {"kind": measure.kind, "per": float(measure.per)}
    ladder = models.ladder(frame, rungs=rungs, clusters=clusters, **scale, **common)
    tables, adjusted = [ladder], [ladder]
    if last.adjusters:
        top: dict[str, Any] = {"adjusters": last.adjusters, "rung": last.name, "clusters": clusters, **common}
        if measure.kind == "proportion":
            checked = models.doubly_robust(frame, per=float(measure.per), **top)
            tables, adjusted = [*tables, checked], [*adjusted, checked]
        tables.append(models.decompose(frame, **scale, **top))
        tables.append(models.benchmarks(frame, kind=measure.kind, **top))
    tables.append(models.sensitivity(pd.concat(adjusted, ignore_index=True)))
    strata = [name for name in ("sex", "age_band", "area") if name in counts.adjusters]
    if strata:
        # one row for each stratum: what else the sample tells apart is summed
        tall = frame.groupby(["group", *strata], sort=True)[["base", "events"]].sum().reset_index()
        tables.append(models.multilevel(tall, strata=("group", *strata), **scale, **common))
    if "area" in rungs[min(1, len(rungs) - 1)].adjusters:
        others = tuple(name for name in rungs[1].adjusters if name != "area")
        tables.append(
            models.area_effects(frame, adjusters=others, rung=f"{rungs[1].name}, areas random", **scale, **common)
        )
    return tables


def is_reoffending(measure: Measure) -> bool:
    """Whether a measure is the share of children who re-offend."""
    from yjd.reoffending_counts import COHORT, DID

    return (measure.numerator, measure.denominator) == (DID, COHORT)


def _of_reoffending(
    warehouse: Warehouse,
    stages: Mapping[str, Stage],
    rungs: Sequence[Rung],
    chosen: dict[str, Any],
    common: dict[str, Any],
) -> list[pd.DataFrame]:
    """How often, how soon, and beside what is expected."""
    from yjd import models
    from yjd.reoffending_counts import ROWS, reoffending_counts

    counts = reoffending_counts(warehouse, stages, **chosen)
    clusters = models.ByChild(warehouse, ROWS)
    return [_of_numbers(models.reoffending(counts.frame, rungs=rungs, clusters=clusters, **common))]


def _of_numbers(found: pd.DataFrame) -> pd.DataFrame:
    """Tell rows of how often children re-offend from those of the ladder, whether they do: by their term."""
    both = found["quantity"].isin(["adjusted_rate", "dispersion"])
    return found.assign(term=found["term"].mask(both, "reoffences"))


def _rungs(given: Mapping[str, Sequence[str]], available: Sequence[str]) -> list[Rung]:
    """M0, and every rung that adds something that could be had; from the second on possible mediators."""
    from yjd.models import Rung

    rungs, so_far = [Rung("M0")], list[str]()
    for place, (name, added) in enumerate(given.items()):
        own = [adjuster for adjuster in added if adjuster in available]
        so_far += own
        if own:
            rungs.append(Rung(str(name), tuple(so_far), mediator=place > 0))
    return rungs


def reference_group(settings: Settings) -> str:
    """The first configured reference that is one broad group."""
    from yjd import ethnicity

    groups = ethnicity.broad_groups()
    return next((name for name in settings.ethnicity.references if name in groups), "White")
