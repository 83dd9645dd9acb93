"""Progress on recommendations: the register beside what was released, and nothing else (docs/progress.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.history import History
    from yjd.progress.overview import Run
    from yjd.recommendations import Register


def section(
    register: Register | None,
    settings: Settings,
    results: pd.DataFrame,
    manifest: Mapping[str, Any],
    earlier: Sequence[str],
) -> dict[str, Any]:
    """What release.json says of progress; {} without a register.

    Parameters
    ----------
    register : Register or None
        The project's, from `yjd.recommendations.find`.
    settings : Settings
        The project.
    results, manifest
        What is about to be released.
    earlier : sequence of str
        The project's runs before this one, the oldest first.
    """
    if register is None:
        return {}
    from yjd.folders import history_url
    from yjd.history import History
    from yjd.progress.overview import Run, verdicts

    wanted = register.baseline_run or next(iter(reversed(earlier)), "")
    with History.open(history_url(settings)) as history:
        then = earlier_run(history, wanted) if wanted in earlier else None
    return verdicts(Run(str(manifest["run"]), results, manifest), register, earlier=then).as_json()


def earlier_run(history: History, run: str) -> Run:
    """A run of the history as it was released; what an old history did not keep is left out."""
    from yjd.errors import HistoryError
    from yjd.progress.overview import Run

    results = history.results(run)
    try:
        manifest = history.manifest(run)
    except HistoryError:  # recorded before the history kept manifests: what it says is little, and that will be said
        row = history.runs().set_index("run").loc[run]
        manifest = {"created_from": {"version": row["version"], "inputs": []}}
    return Run(run, results, manifest)
