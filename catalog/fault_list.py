"""All fault points of the program, found in its own source: `python -m catalog.fault_list`.

What is a boundary is decided by how it is written, so that a new one is listed, or found to have no point, which fails a test:

* a transaction: `with ….store.write()`, `context.step(…)` of a job, `run.administering(…)` of the command line (these have their points in `Store.write`), and
  any other `.begin()` or `.commit()` on an engine or connection, which must have points of its own;
* a file that becomes visible: `Path.replace`, `.rename`, `os.replace`, `os.link`;
* a request that leaves: calls of a session, an object store's client, `urlopen`.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

__all__ = ["Boundary", "list_boundaries", "points"]

PACKAGES = ("policies", "catalog", "ogc", "sync", "node")
#: Methods that open a transaction whose points are those of `Store.write`, and of what.
_OPENERS = {"write": "store", "step": "context", "administering": "run"}
#: Where transactions are opened for others: the callers are listed instead.
_WITHIN = {"catalog.jobs.JobContext.step", "node.cli.base.Run.administering"}
_RENAMES = {"rename", "link", "replace", "move"}
_CLIENT_SENDS = {"request", "get", "post", "put", "fput_object", "get_object", "stat_object", "remove_object", "list_objects"}
#: Boundaries without points, and why.
EXCEPTED = {
    "catalog.store.Store._begin": "opens the transaction whose points are in Store.write",
    "catalog.store._postgresql_read_only": "sets up a connection; nothing is written",
    "catalog.store._postgresql_writer": "sets up a connection; nothing is written",
    "node.cli.policy.edit": "calls a method of its own named replace, which has the points",
    "node.doctor._listeners": "asks this machine's own /healthz; nothing follows from the answer",
}


@dataclass(frozen=True, order=True)
class Boundary:
    """One boundary in the source.

    Attributes:
        function: dotted name of the function that it stands in.
        kind: `commit`, `rename`, `send`, `read` or `write`.
        place: `file:line`.
        interrupts: what the function does: the first line of its docstring, or of what it belongs to.
        moments: at which it has a point: `before`, `after`.
    """

    function: str
    kind: str
    place: str
    interrupts: str
    moments: tuple[str, ...]


def list_boundaries(root: Path | None = None) -> list[Boundary]:
    """All boundaries of the program, in order of their names.

    Args:
        root: folder of the packages; where this one lies by default.
    """
    base = root or Path(__file__).parents[1]
    found: list[Boundary] = []
    for package in PACKAGES:
        for path in sorted((base / package).rglob("*.py")):
            found += _in_file(path, base)
    return sorted(found)


def points(root: Path | None = None) -> list[str]:
    """Names of all fault points, as `TERRACE_FAULT` takes them; where a function has several boundaries of a kind, `#n` tells them apart."""
    return sorted({f"{item.function}/{item.kind}/{moment}" for item in list_boundaries(root) for moment in item.moments})


def _in_file(path: Path, base: Path) -> list[Boundary]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = ".".join(path.relative_to(base).with_suffix("").parts)
    return list(_walk(tree, module, [ast.get_docstring(tree) or ""], partial(_place, path.relative_to(base))))


def _place(path: Path, node: ast.expr) -> str:
    return f"{path}:{node.lineno}"


def _walk(node: ast.AST, name: str, docs: list[str], place: partial[str], function: ast.AST | None = None) -> Iterator[Boundary]:
    """Goes down; functions within functions count as the outer one, as at run time."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef) and function is None:
            yield from _walk(child, f"{name}.{child.name}", [*docs, ast.get_docstring(child) or ""], place)
        elif isinstance(child, ast.FunctionDef) and function is None:
            inner = f"{name}.{child.name}"
            yield from _of_function(child, inner, [*docs, ast.get_docstring(child) or ""], place)
        elif function is None:
            yield from _walk(child, name, docs, place)


def _of_function(function: ast.FunctionDef, name: str, docs: list[str], place: partial[str]) -> Iterator[Boundary]:
    said = next((text for text in reversed(docs) if text), "").split("\n")[0]
    if not docs[-1]:
        said = f"{function.name.strip('_').replace('_', ' ')}: {said}"
    hooks = _hooks(function)
    listed: set[str] = set()
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or (kind := _boundary(node)) is None:
            continue
        opener = kind == "opener"
        kind = "commit" if opener else kind
        if (opener and name in _WITHIN) or name in EXCEPTED:
            continue
        listed.add(kind)
        yield Boundary(name, kind, place(node), said, ("before", "after") if opener else tuple(sorted(hooks.get(kind, {}), reverse=True)))
    for kind, calls in hooks.items():  # points that mark no call of their own: bytes read and written
        if kind not in listed and name != "catalog.store.Store.write":
            yield Boundary(name, kind, place(next(iter(calls.values()))), said, tuple(sorted(calls, reverse=True)))


def _hooks(function: ast.FunctionDef) -> dict[str, dict[str, ast.Call]]:
    """The points in a function's text: kind → moment → call."""
    found: dict[str, dict[str, ast.Call]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="faults"), attr="before" | "after" as moment), args=[ast.Constant(value=str(kind))]):
                found.setdefault(kind, {})[moment] = node
    return found


def _boundary(call: ast.Call) -> str | None:
    """What kind of boundary a call is, if it is one; `opener` for a transaction through `Store.write`."""
    if isinstance(call.func, ast.Name):
        return "send" if call.func.id == "urlopen" else None
    if not isinstance(call.func, ast.Attribute):
        return None
    method, owner = call.func.attr, _last_name(call.func.value)
    if _OPENERS.get(method) == owner.strip("_") and (method != "write" or not call.args):
        return "opener"
    if (method == "commit" and not call.args) or (method == "begin" and owner.strip("_") in ("writers", "readers", "engine", "conn", "connection")):
        return "commit"
    if method in _RENAMES and _renames(call, owner):
        return "rename"
    if method == "urlopen" or (method in _CLIENT_SENDS and owner.strip("_") in ("session", "requests", "client", "driver")):
        return "send"
    return None


def _renames(call: ast.Call, owner: str) -> bool:
    if owner in ("os", "shutil"):
        return True
    return call.func.attr == "rename" or (call.func.attr == "replace" and len(call.args) == 1 and not call.keywords)  # type: ignore[attr-defined]


def _last_name(node: ast.expr) -> str:
    """The last name in `a.b.c` (c), `a` or `a(…)`."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.Call(func=inner):
            return _last_name(inner)
    return ""


def main() -> None:
    """Prints the list: point, place, what it interrupts."""
    for item in list_boundaries():
        for moment in item.moments:
            print(f"{item.function}/{item.kind}/{moment}\t{item.place}\t{item.interrupts}")


if __name__ == "__main__":
    main()
