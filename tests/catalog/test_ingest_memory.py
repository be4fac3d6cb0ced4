"""Large tables enter in bounded memory: what a run needs at most hardly grows with the number of rows."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

#: Takes a file in on a new site; prints rows and the peak of memory in MiB.
PROGRAM = """
import sys, pathlib
sys.path.insert(0, sys.argv[1])
from catalog.store import open_store
from tests.catalog.intake import Intake
folder = pathlib.Path(sys.argv[2])
store = open_store(sys.argv[4] if len(sys.argv) > 4 else f"sqlite:///{folder / 'terrace.db'}", data_dir=folder)
store.upgrade()
intake = Intake(store, folder)
result = intake.one(pathlib.Path(sys.argv[3]))
status = pathlib.Path("/proc/self/status").read_text()
print(result.rows, int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""
ROOT = Path(__file__).parents[2]


def _lines(count: int) -> Iterator[str]:
    yield "编号,名称,经度,纬度,日期,数值\n"
    for n in range(count):
        yield f"510107{n:08d},井{n},{104 + n % 1000 / 1000},{30 + n % 777 / 1000},2024-05-{n % 28 + 1:02d},{n / 7:.3f}\n"


def _features(count: int) -> Iterator[str]:
    yield '{"type":"FeatureCollection","features":['
    for n in range(count):
        place = {"type": "Point", "coordinates": [104 + n % 1000 / 1000, 30 + n % 777 / 1000]}
        yield f"{',' if n else ''}{json.dumps({'type': 'Feature', 'properties': {'id': f'x{n}', 'v': n}, 'geometry': place})}\n"
    yield "]}"


def _peak(folder: Path, name: str, text: Iterator[str], *database: str) -> tuple[int, int]:
    folder.mkdir()
    path = folder / name
    with path.open("w", encoding="utf-8") as file:
        file.writelines(text)
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(ROOT), str(folder), str(path), *database], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows, peak = done.stdout.split()
    return int(rows), int(peak)


@pytest.mark.parametrize(("name", "make"), [("a.csv", _lines), ("a.geojson", _features)], ids=["csv", "geojson"])
def test_more_rows_need_hardly_more_memory(tmp_path, name, make):
    few = _peak(tmp_path / "few", name, make(6_000))
    many = _peak(tmp_path / "many", name, make(15_000))
    assert (few[0], many[0]) == (6_000, 15_000)
    assert many[1] - few[1] < 25, f"{few[1]} MiB for 6,000 rows, {many[1]} MiB for 15,000"


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize(("name", "make"), [("a.csv", _lines), ("a.geojson", _features)], ids=["csv", "geojson"])
def test_a_million_rows_enter_in_500_megabytes(tmp_path, database_url, name, make):
    rows, peak = _peak(tmp_path / "million", name, make(1_000_000), database_url)
    print(f"{name}: {rows} rows, at most {peak} MiB")
    assert rows == 1_000_000 and peak <= 500
