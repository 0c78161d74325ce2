"""Where the lines and dots of a chart lie. The templates draw them as SVG; numbers stand in a table beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

Points = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Dot:
    """A place in the chart, and which of the values it is."""

    x: float
    y: float
    at: int


@dataclass(frozen=True, slots=True)
class Chart:
    """A line with its dots: `path` has a gap where there is no value. `ticks`: values along the side, and where."""

    width: int
    height: int
    path: str
    dots: tuple[Dot, ...]
    ticks: tuple[tuple[float, float], ...] = ()
    target: float | None = None
    """How high the target's line lies."""


def spark(values: Points, width: int = 120, height: int = 32) -> Chart:
    """A small line without scales, from its least to its most."""
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    return _chart(values, (width, height), (3, 3, 3, 3), low, high)


def line(values: Points, target: float | None = None, width: int = 360, height: int = 180, left: int = 56) -> Chart:
    """A line from zero, with a scale."""
    known = [value for value in (*values, target) if value is not None]
    step = _step(max([*known, 0.0]) - min([*known, 0.0]))
    low, high = floor(min([*known, 0.0]) / step) * step, -floor(-max([*known, 0.0]) / step) * step or step
    room = (left, 10, 8, 26)
    drawn = _chart(values, (width, height), room, low, high)
    count = round((high - low) / step)
    marks = tuple((low + n * step, _y(low + n * step, height, room, low, high)) for n in range(count + 1))
    aim = None if target is None else _y(target, height, room, low, high)
    return Chart(width, height, drawn.path, drawn.dots, marks, aim)


def _chart(values: Points, size: tuple[int, int], room: tuple[int, int, int, int], low: float, high: float) -> Chart:
    """`room`: to the left, above, to the right, below."""
    width, height = size
    each = (width - room[0] - room[2]) / max(len(values) - 1, 1)
    dots, path, drawn = [], [], False
    for at, value in enumerate(values):
        if value is None:
            drawn = False
            continue
        dot = Dot(round(room[0] + at * each, 1), _y(value, height, room, low, high), at)
        path.append(f"{'L' if drawn else 'M'}{dot.x:g} {dot.y:g}")
        dots.append(dot)
        drawn = True
    return Chart(width, height, "".join(path), tuple(dots))


def _y(value: float, height: int, room: tuple[int, int, int, int], low: float, high: float) -> float:
    span = height - room[1] - room[3]
    return round(room[1] + span * (1 - ((value - low) / (high - low) if high > low else 0.5)), 1)


def _step(width: float) -> float:
    """A round distance of which three to six make the width."""
    if width <= 0:
        return 1.0
    rough: float = width / 4
    power: float = 10.0 ** floor(log10(rough))
    return next(power * size for size in (1, 2, 2.5, 5, 10) if power * size >= rough * 0.999)
