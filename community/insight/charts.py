"""Charts: SVG for pages, whose colours follow the page's; PNG for Telegram. Colours for the colour-blind (Okabe, Ito).

Each series has a marker or a pattern besides its colour. Drawn by matplotlib's objects, never through pyplot.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from markupsafe import Markup, escape
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import FuncFormatter, MaxNLocator

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, FAINT = "#010203", "#010204"
"""Stand for the page's colours of text and of lines in the background."""
CHINESE = "中繁體简体"
FONTS = ("NotoSansCJK-Regular", "SourceHanSans", "wqy-microhei", "wqy-zenhei", "DroidSansFallback", "NotoSerifCJK")
"""Files that hold Chinese, the best first; else any other that does."""
FONT_PACKAGE = "fonts-noto-cjk"
"""Debian's package of such a font."""
_ONE = Lock()
"""matplotlib's settings are the process's."""

Shape = Literal["lines", "bars", "stack"]


@dataclass(frozen=True, slots=True)
class Series:
    """A line, or bars of one colour."""

    name: str
    numbers: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: series over the same windows."""

    title: str
    ticks: Sequence[str]
    series: Sequence[Series]
    shape: Shape = "lines"
    percent: bool = False
    target: float | None = None

    @property
    def told(self) -> str:
        """For whoever cannot see it: the newest number of each series."""
        newest = (f"{each.name} {_short(each.numbers[-1], self.percent)}" for each in self.series if each.numbers)
        return f"{self.title}: {', '.join(newest)}"


def svg(chart: Chart, key: str) -> Markup:
    """The chart to stand in a page. `key`: sets its names apart from those of others on the page."""
    with _drawing({"svg.fonttype": "none", "svg.hashsalt": key}):
        figure = Figure(figsize=(4.8, 2.4))
        _draw(figure.add_subplot(), chart, INK, FAINT, titled=False)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(text.getvalue(), key, chart.told)


def png(charts: Sequence[Chart], title: str) -> bytes:
    """One picture of several charts, beneath each other, for a phone."""
    font = chinese_font()
    with _drawing({"font.sans-serif": [font, "DejaVu Sans"] if font else ["DejaVu Sans"]}):
        figure = Figure(figsize=(7.2, 0.6 + 3.0 * len(charts)), facecolor="white")
        figure.suptitle(title, fontsize=13, color="#222222", x=0.02, ha="left")
        for place, chart in enumerate(charts, 1):
            _draw(figure.add_subplot(len(charts), 1, place), chart, "#333333", "#DDDDDD", titled=True)
        picture = BytesIO()
        figure.savefig(picture, format="png", dpi=130, metadata={"Software": None})
    return picture.getvalue()


@cache
def chinese_font() -> str | None:
    """The name of a font that holds Chinese, made known to matplotlib; None: there is none on this machine."""
    files = sorted(font_manager.findSystemFonts(), key=_rank)
    for file in files:
        if _holds_chinese(file):
            font_manager.fontManager.addfont(file)
            return str(font_manager.FontProperties(fname=file).get_name())
    return None


def _rank(file: str) -> tuple[int, str]:
    place = next((at for at, name in enumerate(FONTS) if name.lower() in Path(file).name.lower()), len(FONTS))
    return place, file


def _holds_chinese(file: str) -> bool:
    try:
        font = FT2Font(file)
        return all(font.get_char_index(ord(letter)) for letter in CHINESE)
    except (RuntimeError, OSError):  # no font that FreeType reads, such as a bitmap
        return False


@contextmanager
def _drawing(settings: dict[str, Any]) -> Iterator[None]:
    """One drawing at a time, with its own settings. What a font lacks, the browser has."""
    wanted: dict[Any, Any] = {"font.family": "sans-serif", "text.parse_math": False, **settings}
    with _ONE, rc_context(wanted), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        yield


def _draw(axes: Axes, chart: Chart, ink: str, faint: str, *, titled: bool) -> None:
    places = range(len(chart.ticks))
    {"lines": _lines, "bars": _bars, "stack": _stack}[chart.shape](axes, chart)
    if chart.target is not None:
        axes.axhline(chart.target, color=ink, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlim(-0.6, len(chart.ticks) - 0.4)
    step = max(1, -(-len(chart.ticks) // 6))
    axes.set_xticks(list(places)[::-step][::-1], list(chart.ticks)[::-step][::-1])
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=not chart.percent))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: _short(number, chart.percent)))
    axes.grid(axis="y", color=faint, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=ink, labelsize=9, length=0)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(faint)
    if titled:
        axes.set_title(chart.title, fontsize=11, color=ink, loc="left")
    if len(chart.series) > 1:
        axes.legend(fontsize=9, frameon=False, labelcolor=ink, ncols=3, loc="upper left", bbox_to_anchor=(0, -0.1))
    if axes.figure is not None:
        axes.get_figure(root=True).set_layout_engine("constrained")  # type: ignore[union-attr]


def _lines(axes: Axes, chart: Chart) -> None:
    for at, series in enumerate(chart.series):
        numbers = [float("nan") if number is None else number for number in series.numbers]
        axes.plot(range(len(numbers)), numbers, color=COLOURS[at % 6], marker=MARKERS[at % 6], markersize=5,
                  linewidth=2, label=_label(series.name))  # fmt: skip
    known = [number for series in chart.series for number in series.numbers if number is not None]
    axes.set_ylim(min(0.0, *known), 1.1 * max(chart.target or 0.0, *known, 1e-9))


def _bars(axes: Axes, chart: Chart) -> None:
    width = 0.8 / len(chart.series)
    for at, series in enumerate(chart.series):
        places = [place - 0.4 + width * (at + 0.5) for place in range(len(series.numbers))]
        axes.bar(places, [number or 0 for number in series.numbers], width, color=COLOURS[at % 6],
                 hatch=HATCHES[at % 6], edgecolor="white", linewidth=0, label=_label(series.name))  # fmt: skip


def _stack(axes: Axes, chart: Chart) -> None:
    """What adds up, upwards; what takes away, downwards."""
    up, down = [0.0] * len(chart.ticks), [0.0] * len(chart.ticks)
    for at, series in enumerate(chart.series):
        numbers = [number or 0.0 for number in series.numbers]
        floor = [up[i] if number >= 0 else down[i] for i, number in enumerate(numbers)]
        axes.bar(range(len(numbers)), numbers, 0.7, bottom=floor, color=COLOURS[at % 6], hatch=HATCHES[at % 6],
                 edgecolor="white", linewidth=0, label=_label(series.name))  # fmt: skip
        for i, number in enumerate(numbers):
            (up if number >= 0 else down)[i] += number


def _label(name: str) -> str:
    """What begins with an underscore would be left out of the legend."""
    return name.lstrip("_") or " "


def _short(number: float | None, percent: bool) -> str:
    if number is None:
        return "–"
    if percent:
        return f"{100 * number:.{0 if number >= 0.1 or number == 0 else 1}f}%"
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size:
            return f"{number / size:g}{sign}"
    return f"{number:g}"


def _inline(text: str, key: str, told: str) -> Markup:
    """What stands in the page: without head and metadata, with names of its own, in the page's colours."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{key}-\1"', text)
    text = re.sub(r'(url\(#|href="#)', rf"\1{key}-", text)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(
        r"font(?:-family)?: (?:([\d.]+)px )?'[^;\"]+;?", lambda m: f"font-size: {m[1]}px;" if m[1] else "", text
    )
    text = text.replace(INK, "var(--ink)").replace(FAINT, "var(--faint)")
    for at, colour in enumerate(COLOURS, 1):
        text = text.replace(colour.lower(), f"var(--c{at})").replace(colour, f"var(--c{at})")
    label = escape(told)
    return Markup(text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))  # noqa: S704  matplotlib's own
