"""One Jupyter kernel of the running interpreter, for any number of documents one after the other."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from yjd.errors import RenderingError

_SECONDS = 600
_NAME = "yjd"
_LONGEST_SOCKET = 90  # the system allows a little over 100 characters, and a number is added
# what one document set is not there for the next: a document that leans on another would fail when rendered alone
_AFRESH = "get_ipython().reset(new_session=False); __import__('os').chdir({folder!r})"


class Kernel:
    """A kernel that starts with the first document and ends with the block.

    Parameters
    ----------
    scratch : Path
        Where everything goes that Jupyter, IPython and matplotlib write.
    variables : mapping of str to str
        Environment variables of the kernel.
    """

    def __init__(self, scratch: Path, variables: Mapping[str, str]) -> None:
        self._scratch, self._variables = scratch, variables
        self._client: Any = None
        self._stack = ExitStack()

    def __enter__(self) -> Kernel:
        self._stack.enter_context(_environment(self._scratch, self._variables))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._client is not None:
                self._client._cleanup_kernel()
        finally:
            self._client = None
            self._stack.close()

    def run(self, codes: Sequence[str], places: Mapping[int, str], folder: Path) -> list[list[Any]]:
        """Run cells in a fresh namespace.

        Parameters
        ----------
        codes : sequence of str
            The cells.
        places : mapping of int to str
            Which line of which file a cell is from, for messages.
        folder : Path
            The working folder of the cells.

        Returns
        -------
        list of list
            The outputs of each cell, as nbformat has them.

        Raises
        ------
        RenderingError
            A cell failed: its place and the kind of error, never the message, which could hold a value.
        """
        if not codes:
            return []
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
        from nbformat import v4

        new_cell: Any = v4.new_code_cell
        new_notebook: Any = v4.new_notebook
        cells = [new_cell(code) for code in (_AFRESH.format(folder=str(folder)), *codes)]
        client = self._started(new_notebook(cells=cells))
        try:
            client.execute(cleanup_kc=False)
        except CellExecutionError as problem:
            done = next((n for n, cell in enumerate(cells) if any(o.output_type == "error" for o in cell.outputs)), 0)
            raise RenderingError(
                f"{places.get(done - 1, 'a cell')}: the code stopped with {problem.ename}.",
                "Run the cell in Python to see where.",
            ) from None
        except (CellTimeoutError, DeadKernelError) as problem:
            raise RenderingError(f"The document did not finish: {type(problem).__name__}.", "Try again.") from None
        return [list(cell.outputs) for cell in cells[1:]]

    def _started(self, notebook: Any) -> Any:
        from nbclient import NotebookClient

        if self._client is None:
            self._client = NotebookClient(
                notebook,
                kernel_name=_describe(self._scratch),
                timeout=_SECONDS,
                config=_connection(self._scratch),
                resources={"metadata": {"path": str(self._scratch)}},
            )
            self._client.owns_km = False  # or else it would end the kernel after each document
        self._client.nb = notebook
        return self._client


def _describe(scratch: Path) -> str:
    """Describe a kernel of the running interpreter, so that nothing installed elsewhere is asked."""
    spec = scratch / "data" / "kernels" / _NAME
    spec.mkdir(parents=True)
    launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    quiet = ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=40"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": launch + quiet, "display_name": _NAME, "language": "python"}), encoding="utf-8"
    )
    return _NAME


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
