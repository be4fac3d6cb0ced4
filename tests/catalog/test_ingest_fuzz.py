"""Sound files of every kind, changed by chance: whatever comes, it enters, is set aside, or is one error in both languages; nothing else happens.

In a process of its own, for libraries written in C read these files; what it did last is said when it dies.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import logging, pathlib, random, sys
sys.path.insert(0, sys.argv[1])
from catalog.ingest import run
from catalog.store import open_store
from tests.catalog.intake import Intake
from tests.catalog.samples import samples

folder, seed, times = pathlib.Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
store = open_store(f"sqlite:///{folder / 'terrace.db'}", data_dir=folder)
store.upgrade()
intake, chance = Intake(store, folder), random.Random(seed)
unforeseen = []

class Notes(logging.Handler):
    def emit(self, record):
        unforeseen.append(str(record.exc_info[1]))

run.log.addHandler(Notes())
run.log.setLevel(logging.DEBUG)
run.log.propagate = False
(folder / "samples").mkdir()
counts = {}
for kind, (name, data) in samples(folder / "samples").items():
    assert all(result.error is None for result in intake.add(intake.file(name, data))), kind
    for n in range(times):
        changed = bytearray(data)
        for _ in range(chance.choice([1, 1, 2, 5, 20])):
            at, how = chance.randrange(len(changed) or 1), chance.random()
            if how < 0.5:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            elif how < 0.6:
                changed = changed[:at]
            elif how < 0.7:
                del changed[at : at + chance.randrange(1, 30)]
            elif how < 0.85:
                changed[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
            else:
                source = chance.randrange(len(changed) or 1)
                changed[at:at] = changed[source : source + chance.randrange(1, 200)]
        (folder / "last").write_text(f"{kind}, seed {seed}, change {n}")
        path = intake.file(f"{n}-{name}", bytes(changed))
        for result in intake.add(path):
            assert result.error is None or (result.error.zh and result.error.en), kind
            counts[result.status] = counts.get(result.status, 0) + 1
        path.unlink()
        for other in intake.files.glob(f"{n}-*"):
            raise AssertionError(f"{kind} left {other.name}")
print(counts, unforeseen)
"""


def _try(folder: Path, seed: int, times: int) -> str:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(ROOT), str(folder), str(seed), str(times)], capture_output=True, text=True, check=False)
    last = (folder / "last").read_text() if (folder / "last").exists() else "nothing"
    assert done.returncode == 0, f"{last}: {done.returncode}\n{done.stderr[-3_000:]}"
    return done.stdout


def test_changed_files_of_every_kind_are_one_error_or_enter(tmp_path):
    said = _try(tmp_path, 7, 6)
    assert "'refused'" in said and "'draft'" in said


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("seed", range(5))
def test_many_changed_files_of_every_kind(tmp_path, seed):
    print(_try(tmp_path, seed, 400))
