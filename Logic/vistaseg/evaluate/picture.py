"""An evaluation as a picture: Dice against clicks."""

from __future__ import annotations

import io
from collections.abc import Sequence

from vistaseg.errors import UsageError
from vistaseg.evaluate.curves import Curve

_WIDTH, _HEIGHT = 8.0, 5.0  # inches
_LEGEND_ROW = 0.21  # inches
_DPI = 150
_STYLES = ("-", "--", ":", "-.")  # the ten colours come again with another style


def require_matplotlib() -> None:
    """Check that pictures can be drawn.

    Raises:
        UsageError: matplotlib is missing; names the extra that brings it.
    """
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise UsageError("A picture needs matplotlib: pip install 'vistaseg[evaluate]', or leave it out.") from error


def picture_png(curves: Sequence[Curve], mean: Curve, title: str = "") -> bytes:
    """Draw Dice against clicks, a line a structure and the mean in bold; the picture grows with the list of names.

    Raises:
        UsageError: matplotlib is missing.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = len(curves) + 1
    figure = Figure(figsize=(_WIDTH, max(_HEIGHT, 1 + _LEGEND_ROW * rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(title=title, xlabel="clicks", ylabel="Dice", ylim=(-0.02, 1.02))
    axes.title.set_parse_math(False)
    lines = [
        axes.plot(curve.clicks, curve.dice, marker="o", markersize=3, linestyle=_STYLES[number // 10 % len(_STYLES)])[0]
        for number, curve in enumerate(curves)
    ]
    lines += axes.plot(mean.clicks, mean.dice, color="black", linewidth=3.5, zorder=10)
    axes.set_xticks(mean.clicks, ["box" if number == 0 else str(number) for number in mean.clicks])
    axes.grid(alpha=0.3)
    legend = figure.legend(lines, [curve.name for curve in (*curves, mean)], loc="outside right upper", fontsize=8)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name is no formula
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()
