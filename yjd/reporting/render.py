"""From documents and a release to files: with Quarto where it is there, without it everywhere else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Literal

from yjd.errors import RenderingError
from yjd.release import verify
from yjd.reporting.catalogue import RELEASE, Entry, documents, entry, reports_folder, suffix
from yjd.reporting.eia_voice import VOICE, read_voice
from yjd.reporting.embedded import run_document
from yjd.reporting.kernel import Kernel
from yjd.reporting.page import SLIDES, Page, write_html
from yjd.reporting.pdf import write_pdf
from yjd.reporting.quarto import quarto_is_usable, quarto_version, run_quarto, with_parameters
from yjd.reporting.report import RELEASE_VARIABLE
from yjd.reporting.theme import Furniture, for_quarto, furniture

__all__ = ["Job", "documents", "quarto_is_usable", "quarto_version", "render", "render_many", "reports_folder"]

Engine = Literal["auto", "quarto", "embedded"]
Announce = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One file to make.

    Parameters
    ----------
    document : str
        The name of a document, such as `summit`, or the path of a `.qmd` file.
    output : Path
        The file to write.
    format : {'html', 'pdf', 'slides'}
        What to write.
    parameters : mapping of str to str
        What the document asks for beside the release, such as `area`; the values follow its title, but for the
        path of a file (`voice`).
    """

    document: str
    output: Path
    format: str = "html"
    parameters: Mapping[str, str] = field(default_factory=dict)


def render(
    document: str,
    release: Path | str,
    *,
    output: Path | str | None = None,
    format: str = "html",  # noqa: A002
    engine: Engine = "auto",
    parameters: Mapping[str, str] | None = None,
) -> Path:
    """Render a document from a release and from nothing else.

    Parameters
    ----------
    document : str
        The name of a document, such as `summit`, or the path of a `.qmd` file.
    release : Path or str
        The folder of a release.
    output : Path or str, optional
        The file to write, or an existing folder; by default `reports/<document>.<format>` of the project that
        the release belongs to.
    format : {'html', 'pdf', 'slides'}, optional
        One self-contained page, a tagged PDF (PDF/UA-1), or a page a slide.
    engine : {'auto', 'quarto', 'embedded'}, optional
        `auto` takes Quarto where it is on the path and new enough.
    parameters : mapping of str to str, optional
        What the document asks for beside the release.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    RenderingError
        If the document, the release or a parameter is not there, a cell fails, or the document goes beyond what
        can be rendered.
    """
    folder = _release_folder(release)
    target = _target(entry(document).name, folder, output, format)
    return render_many([Job(document, target, format, parameters or {})], folder, engine=engine)[0]


def render_many(
    jobs: Sequence[Job], release: Path | str, *, engine: Engine = "auto", announce: Announce | None = None
) -> list[Path]:
    """Render many files from one release; one kernel runs them all.

    Parameters
    ----------
    jobs : sequence of Job
        Jobs that differ only in format or output should stand side by side: they are run once.
    release : Path or str
        The folder of a release.
    engine : {'auto', 'quarto', 'embedded'}, optional
        As for `render`.
    announce : callable, optional
        Told what each job is as it starts.

    Returns
    -------
    list of Path
        The files, in the order of the jobs.
    """
    if engine not in ("auto", "quarto", "embedded"):
        raise RenderingError(f"The engine {engine!r} is not known.", "Choose auto, quarto or embedded.")
    folder = _release_folder(release)
    about = furniture(folder)
    entries = [_checked(job) for job in jobs]
    jobs = [_with_voice(job) for job in jobs]
    by_quarto = engine == "quarto" or (engine == "auto" and quarto_is_usable())
    with tempfile.TemporaryDirectory(prefix="yjd-reports-") as scratch, ExitStack() as stack:
        shop = _Workshop(Path(scratch), folder, about)
        if not by_quarto:
            stack.enter_context(shop)
        for job, found in zip(jobs, entries, strict=True):
            if announce is not None:
                announce(shop.title(found, job))
            (shop.by_quarto if by_quarto else shop.by_hand)(found, job)
    return [job.output for job in jobs]


class _Workshop:
    """Copies of the documents, one kernel, and what was run last.

    While the kernel runs a document, a thread has pandoc and typst write the one before.
    """

    def __init__(self, scratch: Path, release: Path, about: Furniture) -> None:
        self._scratch, self._release, self._about = scratch, release, about
        self._kernel = Kernel(scratch / "kernel", {RELEASE_VARIABLE: str(release)})
        self._ran: tuple[Path, Mapping[str, str], str] | None = None
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._written: list[Future[None]] = []

    def __enter__(self) -> _Workshop:
        self._kernel.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kernel.__exit__(kind, error, trace)
        self._writer.shutdown(cancel_futures=error is not None)
        if error is None:
            for written in self._written:
                written.result()

    @staticmethod
    def title(found: Entry, job: Job) -> str:
        """The title of a job: the document's, and what its parameters are set to."""
        told = [value for name, value in job.parameters.items() if value and name != VOICE]
        return ": ".join([found.title, *told])

    def by_hand(self, found: Entry, job: Job) -> None:
        """Render without Quarto."""
        folder = self._copy(found)
        if self._ran is None or self._ran[:2] != (found.source, job.parameters):
            parameters = {RELEASE: str(self._release), **job.parameters}
            text = run_document(found.document, self._kernel, folder, parameters=parameters, project=found.project)
            self._ran = (found.source, job.parameters, text)
        header = found.document.header
        page = Page(
            name=found.source.name,
            title=self.title(found, job),
            subtitle=str(header.get("subtitle") or ""),
            lang=str(header.get("lang") or found.project.get("lang") or "en-GB"),
            contents=bool(header.get("toc", job.format != "slides")),
            markdown=self._ran[2],
            furniture=self._about,
        )
        self._written.append(self._writer.submit(self._write, page, job, folder))

    def _write(self, page: Page, job: Job, folder: Path) -> None:
        with tempfile.TemporaryDirectory(dir=self._scratch) as place:
            if job.format == "pdf":
                write_pdf(page, job.output, folder=folder, scratch=Path(place))
            else:
                template = SLIDES if job.format == "slides" else "page.template"
                write_html(page, job.output, folder=folder, scratch=Path(place), template=template)

    def by_quarto(self, found: Entry, job: Job) -> None:
        """Render with Quarto: the parameters are written into the copy, which needs no further package."""
        folder = self._copy(found)
        for_quarto(self._about.office, folder)
        copy = folder / found.source.name
        text = found.source.read_text(encoding="utf-8")
        copy.write_text(with_parameters(text, {RELEASE: str(self._release), **job.parameters}), encoding="utf-8")
        run_quarto(copy, self._release, job.format, job.output, title=self.title(found, job), office=self._about.office)

    def _copy(self, found: Entry) -> Path:
        """A copy of the document's folder, since running may write beside it and the package may not be writable."""
        folder = self._scratch / f"reports-{abs(hash(found.source.parent))}"
        if not folder.exists():
            shutil.copytree(found.source.parent, folder, ignore=shutil.ignore_patterns("*.html", "__pycache__", ".*"))
        return folder


def _checked(job: Job) -> Entry:
    found = entry(job.document)
    suffix(job.format)
    if unknown := sorted(set(job.parameters) - set(found.parameters)):
        raise RenderingError(
            f"The document {found.name} has no parameter {unknown[0]!r}.",
            f"It has: {', '.join(found.parameters) or 'none'}.",
        )
    return found


def _with_voice(job: Job) -> Job:
    """The job with the path of what communities said in full: read here, where what is wrong with it can be said."""
    if not job.parameters.get(VOICE):
        return job
    read_voice(job.parameters[VOICE])
    return replace(job, parameters={**job.parameters, VOICE: str(Path(job.parameters[VOICE]).resolve())})


def _release_folder(release: Path | str) -> Path:
    folder = Path(release).resolve()
    if not (folder / "release.json").is_file():
        raise RenderingError(f"{release} is not a release: it has no release.json.", "Name a folder of work/release.")
    verify(folder)  # here and not in a cell of a document, which could not say what is wrong
    return folder


def _target(name: str, release: Path, output: Path | str | None, wanted: str) -> Path:
    file = f"{name}{suffix(wanted)}"
    if output is not None:
        given = Path(output)
        return (given / file if given.is_dir() else given).resolve()
    work = release.parent.parent
    within_project = release.parent.name == "release" and work.name == "work"
    base = work.parent / "reports" if within_project else Path.cwd()
    return (base / file).resolve()
