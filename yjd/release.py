"""The release: a folder that is complete and checked, or not there at all, and the only thing that may leave.

It holds results.csv, release.json, the charts and SHA256SUMS. The same inputs give the same bytes: no clock and no
machine is in it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yjd.errors import DisclosureError
from yjd.schema import HIDDEN, RESULT_COLUMNS, RESULT_KEYS, RESULT_VALUES

if TYPE_CHECKING:
    import pandas as pd

RESULTS, MANIFEST, CHECKSUMS = "results.csv", "release.json", "SHA256SUMS"
_VALUES = tuple(name for name in RESULT_VALUES if name not in ("method", "status", "disclosure"))  # the numbers
_TEXT = tuple(name for name in RESULT_COLUMNS if name not in (*_VALUES, "confidence"))


@dataclass(frozen=True)
class Release:
    """A release as read back, every checksum verified."""

    path: Path
    run: str
    results: pd.DataFrame
    manifest: dict[str, Any]


def run_identity(inputs: Mapping[str, str], config_sha256: str, version: str) -> str:
    """Name a run by what it was made from: the same inputs, configuration and version give the same name.

    Parameters
    ----------
    inputs : mapping of str to str
        Extract to the hash of its content.
    config_sha256 : str
        Hash of the configuration.
    version : str
        Version of the package.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    text = json.dumps([sorted(inputs.items()), config_sha256, version])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write_release(
    folder: Path,
    run: str,
    *,
    results: pd.DataFrame,
    manifest: Mapping[str, Any],
    charts: Mapping[str, bytes],
    cards: Mapping[str, str] | None = None,
) -> Path:
    """Write the release of one run under `folder`.

    Everything is built in a folder beside it and moved into place in one step, so that a run that is killed leaves
    either the whole release or none.

    Parameters
    ----------
    folder : Path
        Such as work/release.
    run : str
        From `run_identity`.
    results : DataFrame
        Computed from released cells; columns `yjd.schema.RESULT_COLUMNS`.
    manifest : mapping
        What release.json says; the list of files is added.
    charts : mapping of str to bytes
        File name to content.
    cards : mapping of str to str, optional
        Measure to the Markdown of its model card.

    Returns
    -------
    Path
        The release.

    Raises
    ------
    DisclosureError
        A hidden row still has a value, a text would run as a formula in a spreadsheet, or a release of this run is
        there with other content.
    """
    _refuse_leaks(results)
    folder.mkdir(parents=True, exist_ok=True)
    target, building = folder / run, folder / f".{run}.building"
    shutil.rmtree(building, ignore_errors=True)
    contents = {RESULTS: results_csv(results), **{f"charts/{name}": content for name, content in charts.items()}}
    contents |= {f"models/{name}.md": text.encode() for name, text in (cards or {}).items()}
    listed = [{"path": path, "sha256": _sha256(content)} for path, content in sorted(contents.items())]
    text = json.dumps({**manifest, "files": listed}, indent=2, sort_keys=True, ensure_ascii=False)
    contents[MANIFEST] = f"{text}\n".encode()
    sums = "".join(f"{_sha256(content)}  {path}\n" for path, content in sorted(contents.items()))
    contents[CHECKSUMS] = sums.encode()
    if target.exists():
        _same_or_refuse(target, sums)
        return target
    for path, content in contents.items():
        (building / path).parent.mkdir(parents=True, exist_ok=True)
        with (building / path).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    building.replace(target)
    return target


def read_release(path: Path) -> Release:
    """Read a release and verify it.

    Raises
    ------
    DisclosureError
        A file is missing, changed or too many.
    """
    try:
        lines = (path / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        raise DisclosureError(
            f"{path.name} is not a release: it has no {CHECKSUMS}.", "Name the folder of a release."
        ) from None
    stated = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    found = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    found.pop(CHECKSUMS, None)
    wrong = sorted(set(stated) ^ set(found))
    wrong += sorted(name for name in set(stated) & set(found) if _sha256(found[name].read_bytes()) != stated[name])
    if wrong:
        raise DisclosureError(
            f"The release {path.name} is not as it was written: {', '.join(wrong[:5])}.",
            "Take it from where it was made, or run again.",
        )
    results = read_results((path / RESULTS).read_bytes())
    manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    return Release(path, str(manifest["run"]), results, manifest)


def read_results(csv: bytes) -> pd.DataFrame:
    """The results as they were before `results_csv`."""
    import pandas as pd

    return pd.read_csv(
        io.BytesIO(csv), dtype=dict.fromkeys(_TEXT, "str"), keep_default_na=False,
        na_values={name: [""] for name in RESULT_COLUMNS if name not in _TEXT}, encoding="utf-8",
    )  # fmt: skip


def results_csv(results: pd.DataFrame) -> bytes:
    """The results as CSV bytes: sorted by their keys, '' for what is blank, every number exactly as computed."""
    ordered = results[list(RESULT_COLUMNS)].sort_values(list(RESULT_KEYS), kind="stable", na_position="first")
    return ordered.to_csv(index=False, lineterminator="\n").encode()


def _refuse_leaks(results: pd.DataFrame) -> None:
    """The last look before anything is written."""
    hidden = results[results["disclosure"].isin(HIDDEN)]
    if hidden[list(_VALUES)].notna().any(axis=None):
        raise DisclosureError("A hidden row of the results still has a value, so nothing was released.", "Report this.")
    for name in _TEXT:
        if results[name].astype("str").str.startswith(("=", "+", "-", "@", "\t")).any():
            raise DisclosureError(
                f"A text in the column {name} would run as a formula in a spreadsheet.", "Rename it in yjd.toml."
            )


def _same_or_refuse(target: Path, sums: str) -> None:
    try:
        written = (target / CHECKSUMS).read_text(encoding="utf-8")
    except OSError:
        written = ""
    if written != sums:
        raise DisclosureError(
            f"A release {target.name} is already there with other content, though its inputs are the same.",
            "Move it away and run again; keep it, since it may have left already.",
        )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
