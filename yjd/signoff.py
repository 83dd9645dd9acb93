"""Sign-offs of a release: who has checked it, added after it was written, one line each in a chain.

They stand beside the checksums, not among them: a release is the same bytes before and after it is signed. Each line
names the checksums that it is about and the line before it, so that a release or a line that was changed later is
noticed. That guards against mistakes and careless changes; it is no proof of who signed, which needs keys.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from yjd.errors import DisclosureError

if TYPE_CHECKING:
    from yjd.history import History

SIGNATURES, CHECKSUMS = "SIGNED.jsonl", "SHA256SUMS"
NEEDED = 2  # different reviewers
Decision = Literal["approved", "declined"]


@dataclass(frozen=True)
class Signature:
    """What one reviewer decided about one release.

    Attributes
    ----------
    name, role : str
        Who.
    date : str
        When, in UTC, as YYYY-MM-DDTHH:MM:SS+00:00.
    decision : {"approved", "declined"}
        Whether it may leave.
    note : str
        Why, or ''.
    """

    name: str
    role: str
    date: str
    decision: Decision
    note: str


def read_signatures(release: Path) -> tuple[Signature, ...]:
    """The signatures of a release, in order, after a check of their chain; () where nobody has signed.

    Raises
    ------
    DisclosureError
        A line was changed, removed or moved, or is about another release.
    """
    try:
        lines = (release / SIGNATURES).read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    found: list[Signature] = []
    about, previous = _digest((release / CHECKSUMS).read_bytes()), ""
    for line in lines:
        entry = _entry(line)
        if entry is None or entry.get("previous") != previous or _sealed(entry) != entry:
            raise DisclosureError(
                f"The sign-offs of {release.name} are not as they were written: {SIGNATURES}, line {len(found) + 1}.",
                "Take the release from where it was signed, or have it signed again.",
            )
        if entry["checksums"] != about:
            raise DisclosureError(
                f"The sign-offs of {release.name} are about other content than this.",
                "Take the release from where it was signed, or have it signed again.",
            )
        previous = entry["sha256"]
        found.append(Signature(**{name: entry[name] for name in Signature.__dataclass_fields__}))  # type: ignore[arg-type]
    return tuple(found)


def is_signed(signatures: tuple[Signature, ...]) -> bool:
    """Whether two different reviewers approved, and none declined."""
    approved = {_person(one.name) for one in signatures if one.decision == "approved"}
    return len(approved) >= NEEDED and all(one.decision == "approved" for one in signatures)


def state(signatures: tuple[Signature, ...]) -> str:
    """How far a release has come, in words."""
    if any(one.decision == "declined" for one in signatures):
        return "declined"
    return "signed" if is_signed(signatures) else f"draft, {len(signatures)} of {NEEDED} signatures"


def sign(
    release: Path,
    *,
    name: str,
    role: str,
    note: str = "",
    decision: Decision = "approved",
    history: History | None = None,
) -> tuple[Signature, ...]:
    """Check a release and add a signature to it.

    Parameters
    ----------
    release : Path
        The folder of the release.
    name, role : str
        The reviewer. A second signature must be by somebody else: letter case, spaces and forms of letters do not make
        another person.
    note : str, optional
        What the next reader should know; needed to decline.
    decision : {"approved", "declined"}, optional
        Whether it may leave.
    history : History, optional
        Of the project, for the check.

    Returns
    -------
    tuple of Signature
        All signatures, the new one last.

    Raises
    ------
    DisclosureError
        The release does not pass its check, the reviewer has signed before, a name is not usable, or another signature
        is being written.
    """
    from yjd.release_check import check_release

    name, role, note = _plain("name", name), _plain("role", role), note.strip()
    if decision == "declined" and not note:
        raise DisclosureError("A release is declined for a reason, and none was given.", "Say why with --note.")
    release = release.resolve()
    check_release(release, history=history)
    beside = release.with_name(f".{release.name}.signing")  # never inside: a stranger there would spoil the release
    try:
        file = beside.open("xb")
    except FileExistsError:
        raise DisclosureError(
            f"Another signature of {release.name} is being written, or was interrupted.",
            f"Try again; if it stays so, remove the file {beside.name} beside the release.",
        ) from None
    try:
        with file:
            signed = _added(release, Signature(name, role, datetime.now(UTC).isoformat("T", "seconds"), decision, note))
            file.write(signed)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(release / SIGNATURES)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return read_signatures(release)


def _added(release: Path, signature: Signature) -> bytes:
    """The whole file with one line more."""
    if any(_person(one.name) == _person(signature.name) for one in read_signatures(release)):
        raise DisclosureError(
            f"This reviewer has signed {release.name} already.", "Somebody else must give the next signature."
        )
    path = release / SIGNATURES
    before = path.read_bytes() if path.exists() else b""
    last = _entry(before.splitlines()[-1]) if before else None
    entry = asdict(signature) | {
        "previous": last["sha256"] if last else "",
        "checksums": _digest((release / CHECKSUMS).read_bytes()),
    }
    return before + f"{json.dumps(_sealed(entry), sort_keys=True, ensure_ascii=False)}\n".encode()


def _entry(line: bytes) -> dict[str, str] | None:
    """One line as a mapping of texts with every key, or None."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    keys = {*Signature.__dataclass_fields__, "previous", "checksums", "sha256"}
    whole = isinstance(entry, dict) and set(entry) == keys and all(isinstance(value, str) for value in entry.values())
    return entry if whole else None


def _sealed(entry: dict[str, str]) -> dict[str, str]:
    """The entry with the hash of all else in it."""
    rest = {name: value for name, value in entry.items() if name != "sha256"}
    return rest | {"sha256": _digest(json.dumps(rest, sort_keys=True).encode())}


def _person(name: str) -> str:
    """What tells one reviewer from another."""
    seen = "".join(letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    return " ".join(seen.casefold().split())


def _plain(what: str, text: str) -> str:
    cleaned = " ".join(text.split())
    if not _person(cleaned) or len(cleaned) > 200 or any(unicodedata.category(letter) == "Cc" for letter in cleaned):
        raise DisclosureError(
            f"The reviewer's {what} is blank, too long or holds control characters.", f"Give it with --{what}."
        )
    return cleaned


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
