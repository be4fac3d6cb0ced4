"""Acts on the catalog and the site: who may do them goes by role, not by policy (policy-language.md, "Actions on data").

Duties are kept apart (等级保护; GB/T 39477-2020): who administers does not audit, who audits changes nothing, and the roles of security officer and auditor
are given and taken by the security officer alone.

| role | acts |
|---|---|
| clerk 经办 | request, write |
| officer 业务 | request, write, publish |
| supervisor 主管 | request, write, publish, release, decide |
| administrator 系统管理 | administer |
| security_officer 安全管理 | secure |
| auditor 审计 | audit |
"""

from collections.abc import Mapping
from types import MappingProxyType

from policies.actor import Actor

__all__ = ["ACTS", "ROLES", "acts_of", "may"]

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "clerk": frozenset({"request", "write"}),
        "officer": frozenset({"request", "write", "publish"}),
        "supervisor": frozenset({"request", "write", "publish", "release", "decide"}),
        "administrator": frozenset({"administer"}),
        "security_officer": frozenset({"secure"}),
        "auditor": frozenset({"audit"}),
    }
)
#: Every act there is.
ACTS: frozenset[str] = frozenset().union(*ROLES.values())


def acts_of(actor: Actor) -> frozenset[str]:
    """The acts that an actor's roles permit. Only people of this node hold roles; peers, agencies and the public hold none."""
    if actor.kind != "person":
        return frozenset()
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in actor.roles))


def may(actor: Actor, act: str) -> bool:
    """Whether an actor's roles permit an act.

    Args:
        actor: who.
        act: one of `ACTS`.

    Raises:
        ValueError: there is no such act: a mistake in the program, never the user's.
    """
    if act not in ACTS:
        raise ValueError(f"no such act: {act}")
    return act in acts_of(actor)
