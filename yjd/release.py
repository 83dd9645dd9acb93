"""The release: a folder that is complete and checked, or not there at all, and the only thing that may leave.

It holds results.csv, release.json, charts and what else is made from released numbers, and SHA256SUMS. The same inputs
give the same bytes: no clock and no machine is in it. Signatures are added beside (`yjd.signoff`).
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from yjd.csv_text import csv_text
from yjd.errors import DisclosureError
from yjd.release_files import describe, place, sha256
from yjd.schema import HIDDEN, RESULT_COLUMNS, RESULT_KEYS, RESULT_VALUES
from yjd.signoff import CHECKSUMS, SIGNATURES, Signature, is_signed, read_signatures

if TYPE_CHECKING:
    import pandas as pd

RESULTS, MANIFEST = "results.csv", "release.json"
_VALUES = tuple(name for name in RESULT_VALUES if name not in ("method", "status", "disclosure"))  # the numbers
_TEXT = tuple(name for name in RESULT_COLUMNS if name not in (*_VALUES, "confidence"))
_NO_FILES: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True)
class Release:
    """A release as read back, every checksum and signature verified."""

    path: Path
    run: str
    results: pd.DataFrame
    manifest: dict[str, Any]
    signatures: tuple[Signature, ...] = ()

    @property
    def signed(self) -> bool:
        """Whether two different reviewers approved it, and none declined; a draft otherwise."""
        return is_signed(self.signatures)


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
    files: Mapping[str, bytes] = _NO_FILES,
) -> Path:
    """Write the release of one run under `folder`.

    A run that is killed leaves either the whole release or none: see `yjd.release_files.place`.

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
    files : mapping of str to bytes, optional
        All else that belongs to it: path within the release, as charts/forest.svg, to content.

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
    refuse_leaks(results)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / run
    contents = {RESULTS: results_csv(results), **files}
    listed = describe(contents, results, manifest)
    text = json.dumps({**manifest, "files": listed}, indent=2, sort_keys=True, ensure_ascii=False)
    contents[MANIFEST] = f"{text}\n".encode()
    sums = "".join(f"{sha256(content)}  {path}\n" for path, content in sorted(contents.items()))
    contents[CHECKSUMS] = sums.encode()
    if not target.exists():
        try:
            place(contents, target)
        except OSError:
            if not target.exists():  # else another process was faster with the same run
                raise
    _same_or_refuse(target, sums)
    return target


def read_release(path: Path) -> Release:
    """Read a release and verify it.

    Raises
    ------
    DisclosureError
        A file is missing, changed or too many, or a signature was changed.
    """
    signatures = verify(path)
    try:
        results = read_results((path / RESULTS).read_bytes())
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return Release(path, str(manifest["run"]), results, manifest, signatures)
    except (OSError, ValueError, KeyError):
        raise DisclosureError(
            f"The release {path.resolve().name} cannot be read: its {RESULTS} or {MANIFEST} is not one that yjd wrote.",
            "Take it from where it was made, or run again.",
        ) from None


def verify(path: Path) -> tuple[Signature, ...]:
    """Hold every file of a release against its checksums, and every signature against its chain.

    Raises
    ------
    DisclosureError
        A file is missing, changed or too many, or a signature was changed.
    """
    name = path.resolve().name
    try:
        lines = (path / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise DisclosureError(f"{name} is not a release: it has no {CHECKSUMS}.", "Name the folder of one.") from None
    stated = {file: digest for digest, _, file in (line.partition("  ") for line in lines)}
    # a link counts as too many: what it leads to can change without it
    found = {entry.relative_to(path).as_posix(): entry for entry in path.rglob("*") if _is_file(entry)}
    for own in (CHECKSUMS, SIGNATURES):
        found.pop(own, None)
    wrong = sorted((set(stated) ^ set(found)) | ({RESULTS, MANIFEST} - set(stated)))
    wrong += sorted(
        file for file in set(stated) & set(found)
        if found[file].is_symlink() or sha256(found[file].read_bytes()) != stated[file]
    )  # fmt: skip
    if wrong:
        raise DisclosureError(
            f"The release {name} is not as it was written: {', '.join(wrong[:5])}.",
            "Take it from where it was made, or run again.",
        )
    return read_signatures(path)


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
    return csv_text(ordered).encode()


def refuse_leaks(results: pd.DataFrame) -> None:
    """The last look before anything is written.

    Raises
    ------
    DisclosureError
        A hidden row still has a value, or a text would run as a formula in a spreadsheet.
    """
    hidden = results[results["disclosure"].isin(HIDDEN)]
    if hidden[list(_VALUES)].notna().any(axis=None):
        raise DisclosureError("A hidden row of the results still has a value, so nothing was released.", "Report this.")
    for name in _TEXT:
        if results[name].astype("str").str.startswith(("=", "+", "-", "@", "\t")).any():
            raise DisclosureError(
                f"A text in the column {name} would run as a formula in a spreadsheet.", "Rename it in yjd.toml."
            )


def _same_or_refuse(target: Path, sums: str) -> None:
    verify(target)
    if (target / CHECKSUMS).read_text(encoding="utf-8") != sums:
        raise DisclosureError(
            f"A release {target.name} is already there with other content, though its inputs are the same.",
            "Move it away and run again; keep it, since it may have left already.",
        )


def _is_file(entry: Path) -> bool:
    return entry.is_symlink() or not entry.is_dir()
