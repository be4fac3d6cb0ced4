"""Every clause of PROTOCOL.md has code and a test that name it, and says where it stands."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "sync/PROTOCOL.md").read_text(encoding="utf-8")
CLAUSES = re.findall(r"^\*\*(\d\.\d+)", TEXT, re.MULTILINE)
#: Clauses that only reserve or state something, or whose code and tests carry another name for a reason.
RESERVED = {"4.10"}
_NAMED = re.compile(r"PROTOCOL[ :]+((?:\d+(?:\.\d+)?(?:–\d+\.\d+)?(?:, | and )?)+)")


def _named_in(*folders: str) -> dict[str, set[str]]:
    """Clause → files that name it; ranges such as 4.1–4.4 count for each clause in them."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name == "test_protocol.py":
                continue
            for match in _NAMED.finditer(path.read_text(encoding="utf-8")):
                for first, last in re.findall(r"(\d+(?:\.\d+)?)(?:–(\d+\.\d+))?", match[1]):
                    for clause in _between(first, last or first):
                        found.setdefault(clause, set()).add(path.name)
    return found


def _between(first: str, last: str) -> list[str]:
    if first == last or first not in CLAUSES or last not in CLAUSES:
        return [first]
    return CLAUSES[CLAUSES.index(first) : CLAUSES.index(last) + 1]


CODE, TESTS = _named_in("sync", "catalog"), _named_in("tests/sync", "tests/catalog")


def test_clauses_are_numbered_in_order_and_once() -> None:
    numbers = [tuple(map(int, clause.split("."))) for clause in CLAUSES]
    assert len(CLAUSES) > 35
    assert len(set(numbers)) == len(numbers)
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("clause", CLAUSES)
def test_clause_has_code_and_a_test_that_name_it(clause: str) -> None:
    if clause in RESERVED:
        return
    assert CODE.get(clause), f"no code says # PROTOCOL {clause}"
    assert TESTS.get(clause), f"no test says # PROTOCOL {clause}"


def test_code_names_no_clause_that_is_not_there() -> None:
    known = {*CLAUSES, *(clause.split(".")[0] for clause in CLAUSES), "8", "9", "10"}
    assert {clause: files for clause, files in {**CODE, **TESTS}.items() if clause not in known} == {}


@pytest.mark.parametrize("clause", CLAUSES)
def test_clause_stands_in_the_status_table(clause: str) -> None:
    table = TEXT.split("## Status")[1]
    covered: set[str] = set()
    for line in table.splitlines():
        for first, last in re.findall(r"(\d+(?:\.\d+)?)(?:–(\d+\.\d+))?", line.split("|")[1] if line.count("|") > 2 else ""):
            covered.update(_between(first, last or first))
    assert clause in covered or clause.split(".")[0] in covered


def test_files_of_the_status_table_exist() -> None:
    folder = ""
    for line in TEXT.split("## Status")[1].splitlines():
        for name in re.findall(r"[\w/]+\.py|catalog/\w+/", line.split("|")[2] if line.count("|") > 2 else ""):
            folder = name.rpartition("/")[0] or folder
            path = ROOT / name if "/" in name else ROOT / folder / name
            assert path.exists() or (ROOT / "sync" / name).exists(), name
