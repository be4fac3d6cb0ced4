"""The chart and the table of kept figures: figures.json → figures.svg and README.md. `python -m tests.bench.chart` draws them anew."""

import json
import math
from collections.abc import Callable
from html import escape
from pathlib import Path

from tests.bench.figures import Figure, loaded

HERE = Path(__file__).parent
KEPT, CHART, README = HERE / "figures.json", HERE / "figures.svg", HERE / "README.md"
_BEGIN, _END = "<!-- figures: made by python -m tests.bench --keep -->", "<!-- end of figures -->"

_ROW, _LEFT, _WIDTH, _TOP, _BAR = 34, 410, 560, 74, 11
_OURS, _THEIRS, _INK, _LINE = "#1f6f5c", "#b9b2a5", "#22211f", "#dedad2"


def draw() -> None:
    """Draws the chart and writes the table."""
    figures = loaded(json.loads(KEPT.read_text(encoding="utf-8")))
    CHART.write_text(chart([each for each in figures if each.unit == "ms"]), encoding="utf-8")
    before, _, rest = README.read_text(encoding="utf-8").partition(_BEGIN)
    README.write_text(f"{before}{_BEGIN}\n{table(figures)}{_END}{rest.partition(_END)[2]}", encoding="utf-8")


def table(figures: list[Figure]) -> str:
    """The figures as a table in Markdown."""
    lines = ["| | Terrace | peer | ratio | target | |", "|---|---|---|---|---|---|"]
    for each in figures:
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in each.cells()) + " |")
    return "\n".join(lines) + "\n"


def chart(figures: list[Figure]) -> str:
    """Bars of milliseconds on a logarithmic scale: ours, the peer's below it, a stroke at the target."""
    values = [value for each in figures for value in (each.value, each.against, each.target) if value]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def place(value: float) -> float:
        return _LEFT + (math.log10(value) - low) / (high - low) * _WIDTH

    height = _TOP + _ROW * len(figures) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 170} {height}" font-family="sans-serif" font-size="13" fill="{_INK}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        '<text x="20" y="30" font-size="17" font-weight="600">Processor time of a request, milliseconds; less is better</text>',
        f'<rect x="20" y="43" width="12" height="12" fill="{_OURS}"/><text x="38" y="54">Terrace</text>',
        f'<rect x="110" y="43" width="12" height="12" fill="{_THEIRS}"/><text x="128" y="54">peer in the same run</text>',
        f'<path d="M280 41v16" stroke="{_INK}" stroke-width="2"/><text x="288" y="54">target</text>',
    ]
    for power in range(low, high + 1):
        x = place(10.0**power)
        parts.append(
            f'<path d="M{x:.1f} {_TOP - 6}V{height - 28}" stroke="{_LINE}"/><text x="{x:.1f}" y="{height - 10}" text-anchor="middle">{10.0**power:g}</text>'
        )
    for n, each in enumerate(figures):
        parts += _row(each, _TOP + n * _ROW, place)
    return "\n".join([*parts, "</svg>", ""])


def _row(figure: Figure, y: int, at: Callable[[float], float]) -> list[str]:
    right = at(figure.value)
    parts = [
        f'<text x="{_LEFT - 12}" y="{y + 15}" text-anchor="end">{escape(figure.name)}</text>',
        f'<rect x="{_LEFT}" y="{y}" width="{max(right - _LEFT, 2):.1f}" height="{_BAR}" fill="{_OURS}"/>',
        f'<text x="{right + 6:.1f}" y="{y + 10}" font-size="11">{figure.value:.3g}</text>',
    ]
    if figure.against is not None:
        right = at(figure.against)
        parts.append(f'<rect x="{_LEFT}" y="{y + _BAR + 1}" width="{max(right - _LEFT, 2):.1f}" height="{_BAR}" fill="{_THEIRS}"/>')
        parts.append(f'<text x="{right + 6:.1f}" y="{y + _BAR + 11}" font-size="11">{figure.against:.3g} {escape(figure.peer or "")}</text>')
    if figure.target is not None:
        parts.append(f'<path d="M{at(figure.target):.1f} {y - 3}v{_BAR + 6}" stroke="{_INK}" stroke-width="2"/>')
    return parts


if __name__ == "__main__":
    draw()
