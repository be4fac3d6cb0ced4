"""What a benchmark reports: figures with their peers and targets, as a table, as a file, and as its exit code.

A benchmark makes one `Report`, adds its figures, and ends with `sys.exit(report.end())`. `python -m tests.bench` collects the files of all, says at the end
which targets were missed, and keeps them when it is told to (`--keep`): figures.json, the chart and the table in README.md are made of them.
"""

import json
import os
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: Exit code of a benchmark that ran and missed a target. (1: it did not run.)
MISSED = 3
#: Names the folder that reports are written to.
FOLDER = "TERRACE_BENCH_FIGURES"


@dataclass(frozen=True)
class Cost:
    """What one request costs: medians over rounds, in milliseconds."""

    cpu: float
    wall: float

    @classmethod
    def of(cls, rounds: "list[Cost]") -> "Cost":
        """The medians."""
        return cls(statistics.median(each.cpu for each in rounds), statistics.median(each.wall for each in rounds))


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        bench: which benchmark; name: what was measured.
        value: in `unit`: for ms the processor time of one request; wall: elapsed ms beside it.
        peer, against: who else was measured in the same run, and its value.
        target: the value may be at most this.
        factor: `against` is to be at least so many times the value.
    """

    bench: str
    name: str
    value: float
    unit: str = "ms"
    wall: float | None = None
    peer: str | None = None
    against: float | None = None
    target: float | None = None
    factor: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the peer's value is ours."""
        return None if self.against is None else self.against / max(self.value, 1e-9)

    @property
    def met(self) -> bool | None:
        """Whether the targets are met; None where there is none, or no peer to compare with."""
        told = [self.value <= self.target] if self.target is not None else []
        told += [self.ratio >= self.factor] if self.factor is not None and self.ratio is not None else []
        return all(told) if told else None

    @property
    def wanted(self) -> str:
        """The targets in words."""
        parts = [f"≤ {self.target:g} {self.unit}"] if self.target is not None else []
        parts += [f"{self.factor:g} times less"] if self.factor is not None else []
        return ", ".join(parts)

    def cells(self) -> list[str]:
        """What is measured, ours, peer's, ratio, target, verdict: as texts."""
        wall = "" if self.wall is None else f" ({self.wall:.1f} wall)"
        there = "" if self.against is None else f"{self.peer} {_short(self.against)} {self.unit}"
        ratio = "" if self.ratio is None else f"{self.ratio:.1f}"
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        return [self.name, f"{_short(self.value)} {self.unit}{wall}", there, ratio, self.wanted, verdict]


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


class Report:
    """The figures of one benchmark."""

    def __init__(self, bench: str) -> None:
        self._bench = bench
        self._figures: list[Figure] = []

    def add(self, name: str, value: float | Cost, **more: Any) -> None:
        """Adds a figure (`Figure` has the attributes) and prints it."""
        cost = {"value": value.cpu, "wall": value.wall} if isinstance(value, Cost) else {"value": value}
        figure = Figure(self._bench, name, **{**cost, **more})
        self._figures.append(figure)
        print("  ".join(cell.ljust(width) for cell, width in zip(figure.cells(), (58, 24, 24, 6, 24, 6), strict=True)).rstrip(), flush=True)

    def end(self) -> int:
        """Writes the figures where the runner wants them.

        Returns:
            The exit code: 0, or `MISSED`.
        """
        folder = os.environ.get(FOLDER)
        if folder:
            (Path(folder) / f"{self._bench}.json").write_text(json.dumps([asdict(each) for each in self._figures], ensure_ascii=False), encoding="utf-8")
        return MISSED if any(each.met is False for each in self._figures) else 0


def loaded(figures: list[Mapping[str, Any]]) -> list[Figure]:
    """Figures as they were written."""
    return [Figure(**each) for each in figures]
