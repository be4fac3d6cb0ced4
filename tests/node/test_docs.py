"""What exists is documented: commands, modules, audit events."""

import re
from functools import cache
from pathlib import Path

import pytest

from node.cli.reference import commands_page

ROOT = Path(__file__).parents[2]
NODE = ROOT / "node"
PACKAGES = ("policies", "catalog", "ogc", "sync", "node")
README = (NODE / "README.md").read_text(encoding="utf-8")


def test_page_of_commands_is_current() -> None:
    assert (NODE / "COMMANDS.md").read_text(encoding="utf-8") == commands_page(), "run: python -m node.cli.reference > node/COMMANDS.md"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_is_in_a_readme(package: str) -> None:
    missing = []
    for path in sorted((ROOT / package).rglob("*.py")):
        if path.stem != "__init__" and path.parent.name != "versions":
            readme = next(folder / "README.md" for folder in path.parents if (folder / "README.md").is_file())
            if path.stem not in _named(readme):
                missing.append(f"{path.relative_to(ROOT)} in {readme.relative_to(ROOT)}")
    assert not missing


@cache
def _named(readme: Path) -> set[str]:
    """The modules that a page names: the last part of what stands in backquotes, without the suffix."""
    return {name.strip().rpartition("/")[2].removesuffix(".py") for name in re.findall(r"`([\w/. ]+)`", readme.read_text(encoding="utf-8"))}


def test_every_audit_event_of_the_package_is_in_the_readme() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in NODE.rglob("*.py"))
    events = set(re.findall(r'(?:tx\.audit|administering)\("([a-z_.]+)"', source))
    assert events
    assert {event for event in events if f"`{event}`" not in README} == set()


def test_links_of_the_readme_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (NODE / link).exists()] == []
