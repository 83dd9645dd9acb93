"""Rendering without Quarto: jupytext reads, nbclient runs, pandoc writes one file that asks for nothing."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yjd.errors import RenderingError
from yjd.reporting.documents import (
    CellOptions,
    Document,
    fill_inline,
    inline_code,
    load_yaml,
    read_document,
    split_options,
)

_LOADS = (
    r"<(?:link|script|img|iframe|source|object|embed|video|audio|image|use|input)\b[^>]*?"
    r"\b(?:src|href|data|poster|srcset)\s*=\s*[\"']?\s*(?:https?:)?//"
)
_RAW_FENCE = re.compile(r"^(\s*(?:`{3,}|~{3,})\s*)\{(?=[=.])", flags=re.MULTILINE)
_GUARD = "\ue000"  # a character that no text uses
_SECONDS = 600
_KERNEL = "yjd"
_LONGEST_SOCKET = 90  # the system allows a little over 100 characters, and a number is added


def render_embedded(source: Path, output: Path, *, parameters: Mapping[str, str], variables: Mapping[str, str]) -> None:
    """Render one document into one self-contained HTML file.

    Parameters
    ----------
    source : Path
        A `.qmd` file in a folder with `_quarto.yml`, `styles.css` and `_filters/`.
    output : Path
        The file to write.
    parameters : mapping of str to str
        Set after the cell that is tagged `parameters`.
    variables : mapping of str to str
        Environment variables of the kernel.
    """
    settings = source.parent / "_quarto.yml"
    project = load_yaml(settings) if settings.is_file() else {}
    document = read_document(source, project)
    with tempfile.TemporaryDirectory(prefix="yjd-report-") as folder:
        markdown = _run(
            document, Path(folder), source.parent, parameters=parameters, variables=variables, project=project
        )
        _pandoc(document, markdown, source.parent, output, Path(folder), project=project)


# --- running ------------------------------------------------------------------------------------------------


def _run(
    document: Document,
    scratch: Path,
    root: Path,
    *,
    parameters: Mapping[str, str],
    variables: Mapping[str, str],
    project: Mapping[str, Any],
) -> str:
    """Run every cell in a kernel of this interpreter; give the document back as Markdown with its outputs."""
    import jupytext
    from nbformat import v4

    new_cell: Any = v4.new_code_cell
    # jupytext takes a block of raw HTML for code: it does not get to see one
    guarded = _RAW_FENCE.sub(rf"\g<1>{_GUARD}", document.body)
    cells = jupytext.reads(guarded, fmt="Rmd").cells
    for cell in cells:
        cell.source = cell.source.replace(_GUARD, "{")
    found = sum(cell.cell_type == "code" for cell in cells)
    if found != len(document.cell_places):
        raise RenderingError(
            f"{document.name}: {len(document.cell_places)} code cells were seen and {found} were read.",
            "Leave an empty line before and after each cell.",
        )
    echo = bool({**_execute(project), **_execute(document.header)}.get("echo", True))
    runnable, plan = [], []
    places = iter(document.cell_places)
    for cell in cells:
        if cell.cell_type != "code":
            expressions = inline_code(cell.source)
            where = document.name
            if expressions:
                runnable.append(new_cell(_inline_cell(expressions)))
            plan.append(("markdown", cell.source, CellOptions(), len(runnable) - 1 if expressions else None, where))
            continue
        where = "{}, line {}".format(*next(places))
        options, code = split_options(cell.source, where)
        runs = options.flag("eval", True)
        if runs:
            runnable.append(new_cell(code))
        plan.append(("code", code, options, len(runnable) - 1 if runs else None, where))
        if options.is_parameters:
            runnable.append(new_cell("\n".join(f"{name} = {value!r}" for name, value in parameters.items())))
    where_run = {place: where for _, _, _, place, where in plan if place is not None}
    _execute_cells(runnable, where_run, scratch, root, variables)
    pieces = []
    for kind, text, options, place, where in plan:
        outputs = runnable[place].outputs if place is not None else []
        if kind == "markdown":
            pieces.append(fill_inline(text, json.loads(_printed(outputs))) if outputs else text)
        else:
            pieces.append(_shown(text, options, outputs, where, echo=options.flag("echo", echo)))
    return "\n\n".join(pieces) + "\n"


def _execute(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    found = metadata.get("execute")
    return found if isinstance(found, Mapping) else {}


def _inline_cell(expressions: Sequence[str]) -> str:
    listed = ", ".join(f"str({expression})" for expression in expressions)
    return f"__import__('builtins').print(__import__('json').dumps([{listed}]))"


def _printed(outputs: Sequence[Any]) -> str:
    return "".join(out.text for out in outputs if out.output_type == "stream" and out.name == "stdout")


def _execute_cells(
    cells: list[Any], places: Mapping[int, str], scratch: Path, root: Path, variables: Mapping[str, str]
) -> None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from nbformat import v4

    new_notebook: Any = v4.new_notebook
    notebook = new_notebook(cells=cells)
    with _environment(scratch, variables):
        client = NotebookClient(
            notebook,
            kernel_name=_kernel(scratch),
            timeout=_SECONDS,
            config=_connection(scratch),
            resources={"metadata": {"path": str(root)}},
        )
        try:
            client.execute()
        except CellExecutionError as problem:
            done = next((n for n, cell in enumerate(cells) if any(o.output_type == "error" for o in cell.outputs)), -1)
            where = places.get(done, "a cell")
            # the kind of error and no more: its message could hold a value
            raise RenderingError(
                f"{where}: the code stopped with {problem.ename}.", "Run the cell in Python to see where."
            ) from None
        except (CellTimeoutError, DeadKernelError) as problem:
            raise RenderingError(f"The document did not finish: {type(problem).__name__}.", "Try again.") from None


def _kernel(scratch: Path) -> str:
    """Describe a kernel of the running interpreter, so that nothing installed elsewhere is asked."""
    spec = scratch / "data" / "kernels" / _KERNEL
    spec.mkdir(parents=True)
    launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    quiet = ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=40"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": launch + quiet, "display_name": _KERNEL, "language": "python"}), encoding="utf-8"
    )
    return _KERNEL


def _connection(scratch: Path) -> Any:
    """How the kernel is spoken to: by files where the machine can, so that no port opens."""
    from traitlets.config import Config

    settings: Any = Config()
    settings.KernelManager.connection_file = str(scratch / "connection.json")
    sockets = str(scratch / "socket")
    if os.name == "posix" and len(sockets) < _LONGEST_SOCKET:
        settings.KernelManager.transport = "ipc"
        settings.KernelManager.ip = sockets
    return settings


@contextmanager
def _environment(scratch: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """What Jupyter, IPython and matplotlib write goes to the scratch folder; this package is importable."""
    import yjd

    package = str(Path(yjd.__file__).resolve().parent.parent)
    paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    wanted = {
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
        "JUPYTER_CONFIG_DIR": str(scratch / "config"),
        "JUPYTER_PATH": str(scratch / "data"),  # looked in before every other place
        "JUPYTER_DATA_DIR": str(scratch / "data"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "JUPYTER_NO_CONFIG": "1",
        "IPYTHONDIR": str(scratch / "ipython"),
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "MPLBACKEND": "agg",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONUTF8": "1",
        **variables,
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# --- what a cell shows --------------------------------------------------------------------------------------


def _shown(code: str, options: CellOptions, outputs: Sequence[Any], where: str, *, echo: bool) -> str:
    if not options.flag("include", True):
        return ""
    parts = [_fenced(code, "{.python}")] if echo and code.strip() else []
    if options.shows_output:
        parts += [shown for out in outputs if (shown := _output(out, options, where))]
    inner = "\n\n".join(parts)
    label = str(options.values.get("label", ""))
    caption = str(options.values.get("fig-cap", ""))
    if label.startswith(("fig-", "tbl-")) and inner:
        return f"::: {{#{label}}}\n\n{inner}\n\n{caption}\n\n:::"
    return inner


def _output(out: Any, options: CellOptions, where: str) -> str:
    if out.output_type == "stream":
        if out.name != "stdout":
            return ""
        return str(out.text) if options.as_is else _fenced(str(out.text))
    data = out.data
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return _fenced(str(data[kind]), "{=html}")
    if "text/markdown" in data:
        return str(data["text/markdown"])
    if "image/png" in data:
        alt = options.values.get("fig-alt")
        if not alt:
            raise RenderingError(f"{where}: a picture has no alternative text.", "Add a line `#| fig-alt: ...`.")
        content = base64.b64encode(base64.b64decode(data["image/png"])).decode("ascii")
        text = str(alt).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        return _fenced(f'<img alt="{text}" src="data:image/png;base64,{content}">', "{=html}")
    return _fenced(str(data["text/plain"])) if "text/plain" in data else ""


def _fenced(text: str, kind: str = "") -> str:
    """A block that nothing inside it can close."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{text}\n{fence}"


# --- writing ------------------------------------------------------------------------------------------------


def _pandoc(
    document: Document, markdown: str, root: Path, output: Path, scratch: Path, *, project: Mapping[str, Any]
) -> None:
    import pypandoc

    refuse_requests(markdown, document.name)  # before pandoc, which would fetch in order to embed
    written = scratch / "page.html"
    title = str(document.header.get("title", document.name))
    options = [
        "--standalone",
        "--embed-resources",
        "--section-divs",
        "--toc",
        "--toc-depth=3",
        "--mathml",
        "--wrap=none",
        f"--css={root / 'styles.css'}",
        f"--template={root / '_filters' / 'page.template'}",
        f"--lua-filter={root / '_filters' / 'quarto-subset.lua'}",
        f"--resource-path={root}",
        f"--metadata=title:{title}",
        f"--metadata=pagetitle:{title}",
        f"--metadata=lang:{document.header.get('lang') or project.get('lang') or 'en-GB'}",
    ]
    if document.header.get("subtitle"):
        options.append(f"--metadata=subtitle:{document.header['subtitle']}")
    try:
        pypandoc.convert_text(
            markdown,
            "html5",
            format="markdown-smart",
            extra_args=options,
            outputfile=str(written),
            sandbox=False,
        )
    except RuntimeError as problem:
        found = re.search(r"yjd: ([^\n]*)", str(problem))
        why = found[1] if found else "pandoc could not convert it"
        raise RenderingError(f"{document.name}: {why}.", "Mend the document.") from problem
    refuse_requests(written.read_text(encoding="utf-8"), document.name)
    replace_file(written, output)


def refuse_requests(page: str, name: str) -> None:
    """A rendered file makes no request, ever."""
    loads = re.search(_LOADS, page, flags=re.IGNORECASE)
    styles = "".join(re.findall(r"<style\b[^>]*>(.*?)</style>", page, flags=re.IGNORECASE | re.DOTALL))
    if loads or re.search(r"@import|url\(\s*[\"']?\s*(?:https?:)?//", styles, flags=re.IGNORECASE):
        raise RenderingError(f"{name}: the page would load something from elsewhere.", "Take the link out.")


def replace_file(written: Path, output: Path) -> None:
    """The old file or the new one, never half of one."""
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(written, beside)
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
