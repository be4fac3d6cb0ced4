"""Lives by the dozen: one process that has imported everything forks one child for each order, so that a kill costs a fork and not a start of Python.

An order is one line of JSON on standard input: `{"do": "found" | "live" | "check" | "finish", "place": {…}}`, for `live` with `until` (a number of steps) and
`fault` (a point) or `record` (a file for the points that are passed). The answer is one line on standard output: `{"signal": 9 | 0, "error": "…" | null}`.
Before a child is killed it writes what was committed to `killed.json`: that, no more and no less, must be there afterwards.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from catalog import faults
from catalog.tables import job
from tests.faults import checks, scenario


def main() -> None:
    """Takes orders until standard input ends."""
    for line in sys.stdin:
        print(json.dumps(_order(json.loads(line))), flush=True)


def _order(order: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(order, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        error = pipe.read()
    status = os.waitpid(pid, 0)[1]
    return {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "error": error or None}


def _child(order: dict[str, Any], writing: int) -> None:
    code = 1
    try:
        place = scenario.Place(**order["place"])
        if order.get("record"):
            faults.armed = faults.parse(f"record:{order['record']}")
        elif order.get("fault"):
            faults.armed = Dying(order["fault"], place)
        if order["do"] == "live":
            _live(place, order.get("until"))
        else:
            {"found": _found, "check": _check, "finish": _finish}[order["do"]](place)
        code = 0
    except BaseException:
        os.write(writing, traceback.format_exc().encode())
    finally:
        os._exit(code)


class Dying:
    """Kills as `TERRACE_FAULT` does, after writing down what others see as committed."""

    def __init__(self, fault: str, place: scenario.Place) -> None:
        self._point, _, n = fault.partition("#")
        self._left = int(n or 1)
        self._place = place
        kill = faults.parse(self._point)
        assert kill is not None
        self._kill = kill

    def __call__(self, point: str) -> None:
        """Passes a point."""
        if point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            (Path(self._place.folder) / "killed.json").write_text(json.dumps(committed(self._place)))
            self._kill(point)


def committed(place: scenario.Place) -> dict[str, dict[str, str]]:
    """What both sites have committed."""
    return {name: checks.committed(place.databases[name], Path(place.folder) / division) for name, division in scenario.DIVISIONS.items()}


def _found(place: scenario.Place) -> None:
    """Two sites that have not met."""
    scenario.Life(place).close()


def _live(place: scenario.Place, until: int | None) -> None:
    """The life, or the next steps of it."""
    life = scenario.Life(place)
    life.live(until)
    life.close()


def _check(place: scenario.Place) -> None:
    """Right after a kill: exactly what was committed is there, and it is whole."""
    said = json.loads((Path(place.folder) / "killed.json").read_text())
    found = committed(place)
    for name in scenario.DIVISIONS:
        different = {table for table in found[name].keys() | said[name].keys() if found[name].get(table) != said[name].get(table)}
        assert not different, f"{name}: not what was committed: {sorted(different)}"
    life = scenario.Life(place)
    for site in (life.county, life.city):
        checks.check(site)
    life.close()


def _finish(place: scenario.Place) -> None:
    """Takes the life up again, a minute later, and looks at its end."""
    life = scenario.Life(place)
    for site in (life.county, life.city):
        with site.store.write() as tx:
            tx.conn.execute(job.update().where(job.c.state.in_(["running", "ready"])).values(lease_until=0, due=0))
    life.live()
    county, city = scenario.expected()
    assert set(life.shown(life.county)) == county, f"the county shows {sorted(life.shown(life.county))}"
    assert set(life.shown(life.city)) == city, f"the city shows {sorted(life.shown(life.city))}"
    for site in (life.county, life.city):
        checks.check(site)
    checks.check_agreement(life)
    life.close()


if __name__ == "__main__":
    main()
