"""The readers of `tests.sync.parsers` under atheris (libFuzzer with coverage): `python -m tests.fuzz [NAME …] [--seconds N]`, part of `make soak`.

Each reader runs in a process of its own, from its honest samples on, for so many seconds; whatever is no error of the package, or takes more than five seconds
or a gigabyte, ends it, and the input is left beside as `crash-…`. Needs atheris (tests/fuzz-requirements.txt; a wheel for Linux).
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from policies.errors import TerraceError

_SECONDS = 60


def one(name: str, corpus: Path, seconds: int) -> None:
    """Fuzzes one reader; does not return."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    with atheris.instrument_imports(include=["sync", "catalog.canonical", "catalog.ids", "catalog.manifest"]):
        from tests.sync.parsers import parsers
    parser = next(each for each in parsers() if each.name == name)
    for n, sample in enumerate(parser.samples):
        (corpus / f"sample-{n}").write_bytes(sample)

    def try_it(data: bytes) -> None:
        try:
            parser.run(data)
        except TerraceError as error:
            assert error.zh and error.en and error.kind

    limits = [f"-max_total_time={seconds}", "-timeout=5", "-rss_limit_mb=1024", "-max_len=65536", "-verbosity=0", f"-artifact_prefix={corpus.parent}/"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], try_it)
    atheris.Fuzz()


def main() -> int:
    """Runs the readers one after the other."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("names", nargs="*")
    asked.add_argument("--seconds", type=int, default=_SECONDS)
    asked.add_argument("--one", nargs=2, metavar=("NAME", "CORPUS"), help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.one:
        one(given.one[0], Path(given.one[1]), given.seconds)
    from tests.sync.parsers import parsers

    failed = []
    folder = Path(tempfile.mkdtemp(prefix="terrace-fuzz-"))
    for parser in parsers():
        if given.names and parser.name not in given.names:
            continue
        corpus = folder / parser.name / "corpus"
        corpus.mkdir(parents=True)
        print(f"{parser.name}: {given.seconds} s", flush=True)
        command = [sys.executable, "-m", "tests.fuzz", "--seconds", str(given.seconds), "--one", parser.name, str(corpus)]
        if subprocess.run(command, check=False).returncode:
            failed.append(parser.name)
    print(f"failed: {', '.join(failed)}; inputs are in {folder}" if failed else "no reader failed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
