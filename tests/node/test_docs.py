"""What exists is documented: commands, modules, audit events."""

import re
from pathlib import Path

from node.cli.reference import commands_page

NODE = Path(__file__).parents[2] / "node"
README = (NODE / "README.md").read_text(encoding="utf-8")


def test_page_of_commands_is_current() -> None:
    assert (NODE / "COMMANDS.md").read_text(encoding="utf-8") == commands_page(), "run: python -m node.cli.reference > node/COMMANDS.md"


def test_every_module_is_in_the_readme() -> None:
    missing = [path.stem for path in NODE.glob("*.py") if path.stem not in ("__init__", "errors") and f"`{path.stem}`" not in README]
    assert not missing


def test_every_audit_event_of_the_package_is_in_the_readme() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in NODE.rglob("*.py"))
    events = set(re.findall(r'(?:tx\.audit|administering)\("([a-z_.]+)"', source))
    assert events
    assert {event for event in events if f"`{event}`" not in README} == set()


def test_links_of_the_readme_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (NODE / link).exists()] == []
