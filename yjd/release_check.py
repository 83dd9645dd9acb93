"""The check of a release by whoever has it: nothing changed, nothing hidden shown, nothing that can be worked out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yjd.errors import DisclosureError
from yjd.release import MANIFEST, RESULTS, Release, read_release, refuse_leaks, verify
from yjd.release_files import COUNTS, is_count, sha256
from yjd.schema import DISCLOSURES, RESULT_COLUMNS, RESULT_KEYS
from yjd.signoff import CHECKSUMS, state

if TYPE_CHECKING:
    import pandas as pd

    from yjd.history import History

# what earlier releases gave away nothing can mend, and data that contradict themselves give nothing away
_NO_ATTACK = ("shown_earlier", "contradiction")
_SAMPLE_BASE = 10  # counts of samples of models are rounded to it, or to the project's base


def check_release(path: Path, *, history: History | None = None) -> Release:
    """Hold a release against its checksums, its own account of its files, its own rules and the history, and attack it.

    The attack is that of somebody who has this release and, where the history is at hand, all earlier ones.

    Parameters
    ----------
    path : Path
        The folder of the release.
    history : History, optional
        Of the project: a release whose checksums were written anew is told from the one that was recorded.

    Raises
    ------
    DisclosureError
        It does not pass, with every reason.
    """
    release = read_release(path)
    refuse_leaks(release.results)
    problems = [*file_problems(release), *row_problems(release.results, release.manifest)]
    if history is not None and history.holds(release) is False:
        problems.append("the history holds this run with another release")
    problems = problems or attack_problems(release, _earlier(release, history))
    if problems:
        raise DisclosureError(
            f"The release {path.resolve().name} does not pass its check: {'; '.join(problems)}.",
            "Let it not leave, and report this.",
        )
    return release


def attack_problems(release: Release, earlier: Sequence[pd.DataFrame] = ()) -> list[str]:
    """What an outsider can work out that the rules hide, by kind of attack; no value is in the words.

    Parameters
    ----------
    release : Release
        As read back. One without links or rules, that yjd did not make, cannot be attacked and is a problem.
    earlier : sequence of DataFrame
        What each earlier release showed: see `yjd.disclosure.published_cells`.
    """
    from yjd.disclosure.audit_release import audit_release

    manifest = release.manifest
    if "rules" not in manifest.get("disclosure", {}) or "links" not in manifest:
        return [f"{MANIFEST} does not say by which rules and how stages add up, so nothing can be held against it"]
    found = audit_release(release, earlier=earlier)
    counts = found.loc[~found["attack"].isin(_NO_ATTACK), "attack"].value_counts()
    return [f"an attack on it finds {number} counts ({kind})" for kind, number in counts.items()]


def _earlier(release: Release, history: History | None) -> list[pd.DataFrame]:
    """What the releases showed that this one is to be held against, the newest first."""
    if history is None:
        return []
    names = history.before(release.run, release.manifest.get("areas", ()))
    return [history.published(name) for name in reversed(names)]


def summary(path: Path) -> dict[str, Any]:
    """One release in a line: run, state ('changed' where it is not as it was written), files, smallest_count, title."""
    try:
        signatures = verify(path)
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (DisclosureError, OSError, ValueError):
        return {"run": path.name, "state": "changed: do not use", "files": None, "smallest_count": None, "title": None}
    files = manifest.get("files", ())
    return {
        "run": manifest.get("run"),
        "state": state(signatures),
        "files": len(files),
        "smallest_count": next((file.get("smallest_count") for file in files if file["path"] == RESULTS), None),
        "title": manifest.get("title"),
    }


def file_problems(release: Release) -> list[str]:
    """Where the files are not those that release.json describes."""
    listed = {str(entry["path"]): entry for entry in release.manifest.get("files", ())}
    found = {
        file.relative_to(release.path).as_posix(): file
        for name in [line.partition("  ")[2] for line in (release.path / CHECKSUMS).read_text("utf-8").splitlines()]
        if name != MANIFEST
        for file in [release.path / name]
    }
    problems = [f"{MANIFEST} and {CHECKSUMS} name different files"] if set(listed) != set(found) else []
    for name in sorted(set(listed) & set(found)):
        content = found[name].read_bytes()
        if (listed[name].get("sha256"), listed[name].get("bytes")) != (sha256(content), len(content)):
            problems.append(f"{name} is not the file that {MANIFEST} describes")
    return problems


def row_problems(results: pd.DataFrame, manifest: dict[str, Any]) -> list[str]:
    """Rows of the results that break the rules which release.json states; no value is in the words."""
    problems = []
    if tuple(results.columns) != RESULT_COLUMNS:
        return ["results.csv has other columns than results have"]
    if not results["disclosure"].isin(DISCLOSURES).all():
        problems.append("a row of the results says neither shown nor hidden")
    if results.duplicated(list(RESULT_KEYS)).any():
        problems.append("a row of the results comes twice")
    rules = manifest.get("disclosure", {}).get("rules", {})
    least, base = int(rules.get("minimum_count") or 0), int(rules.get("round_to") or 0)
    hides = rules.get("method", "hide") != "round"
    for name in COUNTS:
        values, counted = results[name], is_count(results, manifest, name)
        if base > 1:
            of_sample = (results["disclosure"] == "rounded") & (values % _SAMPLE_BASE == 0)
            if (counted & (values % base != 0) & ~of_sample).any():
                problems.append(f"a {name} is not rounded to a multiple of {base}")
        elif hides and (counted & (values > 0) & (values < least)).any():
            problems.append(f"a {name} below {least} is shown")
        if hides and not rules.get("zero_safe", True) and (counted & (values == 0)).any():
            problems.append(f"a {name} of zero is shown")
    return problems
