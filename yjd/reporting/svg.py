"""From a figure to the same bytes every time: accessible SVG, and PNG for places that block SVG."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Text is measured in the font that comes with matplotlib, so that a chart is the same on every machine, and
# shown in the first of these that the reader's machine has. Arial is the narrower: text that fits in one
# fits in the other.
FONTS = "Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_MEASURED = "DejaVu Sans"


@contextmanager
def chart_style() -> Iterator[None]:
    """The afcharts style, and the settings without which a chart's bytes change from run to run."""
    import afcharts  # noqa: F401  (registers its style)
    import matplotlib as mpl
    from matplotlib import style

    fixed: dict[Any, Any] = {
        "svg.hashsalt": "yjd",
        "svg.fonttype": "none",
        "font.family": [_MEASURED],
        "font.size": 10,
        "path.sketch": None,
        "text.usetex": False,
        "text.parse_math": False,
        "axes.grid": False,
        "axes.unicode_minus": False,
        "figure.dpi": 200,
        "savefig.bbox": None,
        "figure.facecolor": "white",
        "lines.linewidth": 1.6,
    }
    with mpl.rc_context(), style.context("afcharts.afcharts"):
        mpl.rcParams.update(fixed)
        yield


def both_files(figure: Figure, *, name: str, title: str, description: str) -> dict[str, bytes]:
    """The figure as `<name>.svg` and `<name>.png`."""
    return {
        f"{name}.svg": svg_bytes(figure, name=name, title=title, description=description),
        f"{name}.png": png_bytes(figure, title=title, description=description),
    }


def svg_bytes(figure: Figure, *, name: str, title: str, description: str) -> bytes:
    """SVG with a role, a title and a description, without metadata; ids carry the name of the chart."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    written = io.StringIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(written, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    text = text.replace('<style type="text/css">*{', f'<style type="text/css">#{name} *{{')
    text = re.sub(r"'DejaVu Sans'(, sans-serif)?", FONTS, text)
    head, body = text.split(">", 1)
    head += f' id="{name}" role="img" aria-labelledby="{name}-title {name}-desc"'
    words = (
        f'\n <title id="{name}-title">{html.escape(title)}</title>'
        f'\n <desc id="{name}-desc">{html.escape(description)}</desc>'
    )
    return f"{head}>{words}{body}".replace("\r\n", "\n").encode("utf-8")


def png_bytes(figure: Figure, *, title: str, description: str) -> bytes:
    """PNG whose own text chunks carry the title and the alternative text."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    written = io.BytesIO()
    canvas: Any = FigureCanvasAgg(figure)
    canvas.print_png(written, metadata={"Software": None, "Title": _latin(title), "Description": _latin(description)})
    return written.getvalue()


def _latin(text: str) -> str:
    """PNG text chunks hold Latin-1."""
    return text.encode("latin-1", "replace").decode("latin-1")
