"""`make bench`: every benchmark in turn, each in a process of its own. Names as arguments choose: `python -m tests.bench search lag`."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run the benchmarks.

    Returns:
        0, or 1 when one of them failed to run (never because a figure was low).
    """
    wanted = set(sys.argv[1:])
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    if unknown := wanted - {name.removeprefix("bench_") for name in names}:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(name.removeprefix('bench_') for name in names)}", file=sys.stderr)
        return 2
    failed = False
    for name in names:
        if wanted and name.removeprefix("bench_") not in wanted:
            continue
        print(f"== {name.removeprefix('bench_')}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
