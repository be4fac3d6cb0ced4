"""What `/healthz` and `/metrics` say: whether the site can answer, and how far its work has come."""

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from catalog.tables import job, record

if TYPE_CHECKING:
    from node.site import Site


def healthz(site: "Site") -> tuple[dict[str, Any], int]:
    """Body and status of `/healthz`: 200 while the database answers. Not the position: it would count changes that the public may not know of."""
    try:
        site.store.position()
    except Exception:
        return {"status": "unavailable", "database": "does not answer"}, 503
    return {"status": "ok", "node": site.identity.node, "zone": site.identity.zone, "time": int(time.time())}, 200


def gauges(site: "Site") -> dict[str, float]:
    """Values for `/metrics` that are read when asked for."""
    now = int(time.time())
    with site.store.read() as conn:
        values: dict[str, float] = {"terrace_records": conn.scalar(select(func.count()).select_from(record)) or 0}
        states = conn.execute(select(job.c.state, func.count()).where(job.c.state.in_(("ready", "running", "dead"))).group_by(job.c.state)).tuples()
        found: dict[str, int] = dict(states.all())
        from sync.tables import inlet, peer

        for node, contact in conn.execute(select(peer.c.node, peer.c.contact)).tuples():
            values[f'terrace_peer_silent_seconds{{peer="{node}"}}'] = now - (contact or 0)
        for node, applied in conn.execute(select(inlet.c.peer, inlet.c.applied)).tuples():
            values[f'terrace_peer_applied_seconds_ago{{peer="{node}"}}'] = now - (applied or 0)
    for state in ("ready", "running", "dead"):
        values[f'terrace_jobs{{state="{state}"}}'] = found.get(state, 0)
    values["terrace_position"] = site.store.position()
    return values
