"""Progress on recommendations: the register beside what was released, and nothing else (docs/progress.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from yjd.config import Settings
    from yjd.history import History
    from yjd.progress.overview import Run


def section(
    settings: Settings, results: pd.DataFrame, manifest: dict[str, Any], history: History, earlier: Sequence[str]
) -> dict[str, Any]:
    """What release.json says of progress; {} where the project has no register.

    Parameters
    ----------
    settings : Settings
        The project; its register lies beside yjd.toml.
    results, manifest
        What is about to be released.
    history : History
        Where earlier runs are.
    earlier : sequence of str
        The project's runs before this one, the oldest first.
    """
    from yjd import recommendations
    from yjd.progress.overview import Run, verdicts

    register = recommendations.find(settings)
    if register is None:
        return {}
    run = Run(str(manifest["run"]), results, manifest)
    wanted = register.baseline_run or next(iter(reversed(earlier)), None)
    then = earlier_run(history, wanted) if wanted is not None and wanted in earlier else None
    return verdicts(run, register, earlier=then).as_json()


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
