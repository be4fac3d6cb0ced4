"""Every kind of error has an exit code and a status."""

import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

from node.error_table import ERRORS, form
from policies.errors import TerraceError

PACKAGES = ("policies", "catalog", "ogc", "sync", "node")
ROOT = Path(__file__).parents[2]


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


#: Where PROTOCOL 7 fixes another status for peers than the one for people.
PEERS_OWN = {"not-a-peer", "busy", "store"}


def test_peers_are_answered_by_kinds_that_exist_with_the_same_status() -> None:
    from sync.endpoints import STATUSES

    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "sync").glob("*.py"))
    raised = set(re.findall(r'\bkind(?:: str)? ?= ?"([a-z-]+)"', source)) | set(ERRORS)
    assert STATUSES.keys() - raised == {"version"}, "no error has these kinds"  # fixed by PROTOCOL 7.3; there is one version so far
    differing = {kind for kind, status in STATUSES.items() if kind in ERRORS and ERRORS[kind].status != status}
    assert differing == PEERS_OWN


def test_ckan_tells_what_the_caller_did_wrong_from_what_failed() -> None:
    from catalog.ckan.errors import CkanError
    from catalog.ckan.routes import as_ckan
    from catalog.errors import DeniedError, FilterError, NotFoundError, QueryError, StoreError, UnknownColumnError

    told = [NotFoundError(), DeniedError(action="data"), FilterError(zh="…", en="…"), UnknownColumnError("x"), QueryError(zh="…", en="…")]
    for error in told:
        status = as_ckan(error, "en").status
        assert status == ERRORS[error.kind].status or (400 <= status < 500 and ERRORS[error.kind].status == 400), error.kind
    assert as_ckan(StoreError(zh="…", en="…"), "en").status == ERRORS["store"].status
    assert {each.kind for each in _classes(CkanError)} == {"ckan"}  # CKAN's classes carry their own status
