"""`make bench`: every benchmark in turn, each in a process of its own. Names as arguments choose: `python -m tests.bench search lag`.

`--keep` puts the figures in place of the kept ones of the same benchmarks: tests/bench/figures.json, the chart and the table made of it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import chart
from tests.bench.figures import FOLDER, MISSED, Figure, loaded


def main() -> int:
    """Run the benchmarks.

    Returns:
        0; 1 when one of them did not run to its end; `MISSED` (3) when all ran and one missed a target.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    if unknown := set(asked.names) - set(names):
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(names)}", file=sys.stderr)
        return 2
    codes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in [name for name in names if name in asked.names or not asked.names]:
            print(f"== {name}", flush=True)
            codes[name] = subprocess.run([sys.executable, "-m", f"tests.bench.bench_{name}"], check=False, env={**os.environ, FOLDER: folder}).returncode
        found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(folder).glob("*.json"))]
    figures = loaded([each for some in found for each in some])
    if asked.keep:
        keep(figures)
    missed = [f"{each.bench}: {each.name}: {each.cells()[1]}, wanted {each.wanted}" for each in figures if each.met is False]
    if missed:
        print("MISSED\n  " + "\n  ".join(missed))
    if broken := [name for name, code in codes.items() if code not in (0, MISSED)]:
        print(f"did not run to the end: {', '.join(broken)}", file=sys.stderr)
        return 1
    return MISSED if MISSED in codes.values() else 0


def keep(figures: list[Figure]) -> None:
    """Keeps figures, those of other benchmarks as they are."""
    old = loaded(json.loads(chart.KEPT.read_text(encoding="utf-8"))) if chart.KEPT.exists() else []
    fresh = {each.bench for each in figures}
    kept = sorted([each for each in old if each.bench not in fresh] + figures, key=lambda each: each.bench)
    chart.KEPT.write_text(json.dumps([vars(each) for each in kept], ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    chart.draw()


if __name__ == "__main__":
    sys.exit(main())
