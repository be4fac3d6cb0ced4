"""Every kind of error has an exit code and a status."""

import pkgutil
from importlib import import_module

import pytest

from node.error_table import ERRORS, form
from policies.errors import TerraceError

PACKAGES = ("policies", "catalog", "ogc", "sync", "node")


def _errors_modules() -> list[str]:
    found = []
    for package in PACKAGES:
        module = import_module(package)
        found += [info.name for info in pkgutil.walk_packages(module.__path__, f"{package}.") if info.name.rsplit(".", 1)[-1] == "errors"]
    return found


def _classes(base: type[TerraceError]) -> set[type[TerraceError]]:
    return {base}.union(*(_classes(each) for each in base.__subclasses__()))


@pytest.mark.parametrize("module", _errors_modules())
def test_every_kind_of_error_is_in_the_table(module: str) -> None:
    import_module(module)
    missing = {each.kind for each in _classes(TerraceError) if each.__module__ == module and each.kind not in ERRORS}
    assert not missing, f"add these kinds of {module} to node/error_table.py"


@pytest.mark.parametrize("module", _errors_modules())
def test_kinds_are_written_alike(module: str) -> None:
    for each in _classes(TerraceError):
        if each.__module__ == import_module(module).__name__:
            assert each.kind.replace("-", "").isalnum() and each.kind.islower(), f"{each.__name__}: {each.kind}"
            assert each.__name__.endswith(("Error", "Errors"))


def test_finer_kind_of_an_instance_shows_as_its_class_does() -> None:
    from sync.errors import TrustError

    assert form(TrustError(zh="…", en="…", kind="something-new")) == ERRORS["trust"]
    assert form(TrustError(zh="…", en="…", kind="not-a-peer")) == ERRORS["not-a-peer"]


def test_faces_answer_a_kind_with_the_same_status() -> None:
    from ogc.errors import ANSWERS

    assert {kind: found[0] for kind, found in ANSWERS.items()} == {kind: ERRORS[kind].status for kind in ANSWERS}
