"""The wheel holds everything that the tree does: built offline, from a copy of what git keeps."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("node", "catalog", "ogc", "sync", "policies", "deploy")
#: Of no use to an installed program: pictures of the README, and what sets up a working tree.
LEFT_OUT = ("deploy/pictures/", "deploy/setup/")
VENDOR = "node/portal/static/vendor"


def _kept(tree: Path) -> list[str]:
    """Files that git keeps, or would: what is new in the working tree counts."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=tree, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (tree / name).is_file()]


def _build(tree: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-build-isolation", "--no-deps", "--no-index", "-q", "-w", str(out)]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_wheel_has_every_file_of_the_packages_and_what_set_up_makes(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no working tree of git to compare with")
    tree, kept = tmp_path / "tree", _kept(ROOT)
    for name in kept:
        if name.partition("/")[0] in PACKAGES or "/" not in name:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    editable = "import sys; from setuptools.build_meta import build_editable; build_editable(sys.argv[1])"
    (tmp_path / "editable").mkdir()
    installed = subprocess.run([sys.executable, "-c", editable, str(tmp_path / "editable")], cwd=tree, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr  # as `make setup` does, before it has brought anything
    refused = _build(tree, tmp_path / "out")
    assert refused.returncode and "make setup" in refused.stdout + refused.stderr  # no front-end libraries, no wheel
    shutil.copytree(ROOT / VENDOR, tree / VENDOR)
    built = _build(tree, tmp_path / "out")
    assert built.returncode == 0, built.stderr
    (wheel,) = (tmp_path / "out").glob("terrace-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert [name for name in kept if name.partition("/")[0] in PACKAGES and not name.startswith(LEFT_OUT) and name not in names] == []
    made = {f"node/translations/{po.parts[-3]}/LC_MESSAGES/{po.stem}.mo" for po in tree.glob("node/translations/*/LC_MESSAGES/*.po")}
    made |= {f"{VENDOR}/{file.name}" for file in (ROOT / VENDOR).iterdir()}
    assert len(made) > 5 and made - names == set()
    assert not [name for name in names if name.startswith("tests/") or "__pycache__" in name]
