"""The files of a release: what each is, what it may show, and how they come to be there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from yjd.schema import HIDDEN, POPULATION

if TYPE_CHECKING:
    import pandas as pd

SWITCHABLE = ("svg", "png", "ods", "xlsx", "md")  # kinds of file that [release] formats may leave out
COUNTS = ("numerator", "denominator", "reference_numerator", "reference_denominator")
_BASES = ("denominator", "reference_denominator")
_CONTEXTS = {
    "results.csv": "Every released number, one row each, with its counts, interval, method and status.",
    "charts/forest": "Chart: the ratio of each ethnic group to the comparison group along the pathway.",
    "charts/trend": "Chart: ratios from period to period.",
    "charts/unknown": "Chart: how often ethnicity is not known, by stage.",
    "charts": "Chart of released results.",
    "models": "Card of a model: what was modelled, on whom, and what it cannot say. Its counts are rounded.",
    ".ods": "Workbook of released results, for a spreadsheet.",
    ".xlsx": "Workbook of released results, for a spreadsheet.",
}
_BUILDING = ".building"


def allowed(files: Mapping[str, bytes], formats: Sequence[str]) -> dict[str, bytes]:
    """The files that are of a format that may leave: kinds that can be switched off must be named in `formats`."""
    off = set(SWITCHABLE) - set(formats)
    return {path: content for path, content in files.items() if PurePosixPath(path).suffix.lstrip(".") not in off}


def describe(contents: Mapping[str, bytes], results: pd.DataFrame, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What release.json says of each file, for those who decide whether it may leave.

    Parameters
    ----------
    contents : mapping of str to bytes
        Path within the release to content.
    results : DataFrame
        Columns of `yjd.schema.RESULT_COLUMNS`.
    manifest : mapping
        What release.json says otherwise.

    Returns
    -------
    list of dict
        In order of path: path, sha256, bytes, context (what it is), controls (what protects children in it),
        smallest_count (above zero, of children or events, that it shows or is drawn from; of results.csv the very
        smallest, of all others no count is smaller; None where it shows none) and related_releases (runs).
    """
    rules = manifest.get("disclosure", {}).get("rules", {})
    of_results = smallest_count(results, manifest)
    of_all = min([*_counts_of(manifest), *([of_results] if of_results else [])], default=None)
    of_models = max(
        10, int(rules.get("round_to") or 0)
    )  # to which a model's sample is rounded: see `yjd.model_release`
    smallest = {"results.csv": of_results, "models": of_models}
    related = list(manifest.get("related_releases", ()))
    return [
        {
            "path": path,
            "sha256": sha256(content),
            "bytes": len(content),
            "context": context(path),
            "controls": controls(rules, model=path.startswith("models/")),
            "smallest_count": smallest.get(PurePosixPath(path).parts[0], of_all),
            "related_releases": related,
        }
        for path, content in sorted(contents.items())
    ]


def context(path: str) -> str:
    """What a file is, in plain words."""
    pure = PurePosixPath(path)
    names = (path, str(pure.with_suffix("")), pure.suffix, pure.parts[0])
    return next((_CONTEXTS[name] for name in names if name in _CONTEXTS), "Made from released results.")


def controls(rules: Mapping[str, Any], *, model: bool = False) -> list[str]:
    """Which disclosure controls a file went through, in plain words."""
    if not rules:
        return []
    least, base, method = rules.get("minimum_count"), int(rules.get("round_to") or 0), rules.get("method", "hide")
    said = []
    if method != "round":
        said.append(f"Counts below {least} are hidden{', but for zero' if rules.get('zero_safe') else ', zero too'}.")
        said.append("Further counts are hidden so that none can be worked out from the others.")
        said.append("Whatever is computed from a hidden count is hidden with it.")
    if rules.get("minimum_denominator"):
        said.append(f"Nothing is divided by a count below {rules['minimum_denominator']}.")
    if rules.get("minimum_children"):
        said.append(f"Events of fewer than {rules['minimum_children']} children are hidden.")
    if int(rules.get("largest_share_percent") or 100) < 100:
        said.append(f"Events are hidden where one child has more than {rules['largest_share_percent']}% of them.")
    if model:
        said.append(f"Counts are rounded to the nearest {max(10, base)}.")
    elif base:
        said.append(f"Counts that are not public are rounded to a multiple of {base}.")
    return said


def is_count(results: pd.DataFrame, manifest: Mapping[str, Any], name: str) -> pd.Series[bool]:
    """Rows whose column `name` shows a count of children or events, perhaps 0, that is not public."""
    values = results[name]
    counted = ~results["disclosure"].isin(HIDDEN) & (values % 1 == 0)  # an expected number is no count
    if name in _BASES:
        public = [one["id"] for one in manifest.get("measures", ()) if one.get("denominator") == POPULATION]
        counted &= ~results["measure"].isin(public)
    return counted


def smallest_count(results: pd.DataFrame, manifest: Mapping[str, Any]) -> int | None:
    """The smallest count above zero that the results show; None where they show none."""
    found = [results.loc[is_count(results, manifest, name) & (results[name] > 0), name].min() for name in COUNTS]
    return min((int(value) for value in found if value == value), default=None)


def _counts_of(manifest: Mapping[str, Any]) -> list[int]:
    """The counts above zero of release.json, which charts show too."""
    unknown = manifest.get("ethnicity", {}).get("unknown", ())
    found = [entry.get(name) for entry in unknown for name in ("unknown", "total")]
    found += [entry.get("rows") for entry in manifest.get("attrition", ())]
    return [count for count in found if isinstance(count, int) and count > 0]


def place(contents: Mapping[str, bytes], target: Path) -> None:
    """Write a folder of files so that it is there whole or not at all, whenever the machine stops.

    Everything is built and brought to the disk in a folder beside it, which then takes its name in one step.

    Raises
    ------
    OSError
        It cannot be written, or `target` is there already; then nothing has changed.
    """
    _sweep(target)
    building = _beside(target)
    folders = sorted({building, *(parent for path in contents for parent in _within(building / path, building))})
    try:
        for folder in folders:
            folder.mkdir()
        for path, content in contents.items():
            with (building / path).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for folder in folders:
            sync_folder(folder)
        building.replace(target)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk. Windows has no such call for folders."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def sha256(content: bytes) -> str:
    """The hash of some content, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}{_BUILDING}")


def _within(path: Path, top: Path) -> list[Path]:
    return [parent for parent in path.parents if top in parent.parents]


def _sweep(target: Path) -> None:
    """Clear away what earlier attempts left that were killed.

    A leftover is renamed before it is deleted: if it is no leftover after all, whoever builds it can no longer move it
    into place, and fails rather than release a part.
    """
    for left in target.parent.glob(f".{target.name}.*{_BUILDING}"):
        doomed = _beside(target)
        try:
            left.replace(doomed)
        except OSError:  # it has just become a release, or is held open
            continue
        shutil.rmtree(doomed, ignore_errors=True)
