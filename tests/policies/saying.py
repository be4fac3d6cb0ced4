"""Short ways to say a policy, an actor and a record in a test."""

from typing import Any

from policies.actor import Actor
from policies.decision import Decision
from policies.load import load_policies
from policies.model import PolicySet
from policies.plan import Env, Plan

#: 2027-01-15T08:00:00Z.
NOW = 1_800_000_000
SITE = "n-site"
BECAUSE = "because: {zh: 试, en: test}"

#: A record that lacks nothing (LANGUAGE 21).
RECORD: dict[str, Any] = {
    "id": "urn:terrace:1", "kind": "dataset", "profile": "core", "sharing": "unconditional", "opening": "open", "secrecy": "public", "authority": SITE,
    "level": "county", "division": "510107", "territory": ("510107",), "theme": ("land",), "own": True,
}  # fmt: skip
ANYONE = Actor("public")
AGENCY = Actor("agency", node="n-env", sector="environment", division="510107", level="county", clearance="internal")


def rules(*said: str, policy: str = "p", head: str = "", **load: Any) -> PolicySet:
    """The set of one file: rules as YAML flow mappings without `rule` and `because`, named r0, r1, …"""
    lines = [f"policy: {policy}", *([head] if head else []), "rules:"]
    for n, one in enumerate(said):
        lines.append(f"- {{rule: r{n}, {one}, {BECAUSE}}}")
    return load_policies({f"{policy}.yaml": "\n".join(lines)}, **load)


def decide(policies: PolicySet, action: str, actor: Actor = ANYONE, *, now: int = NOW, granted: bool | None = None, row: Any = None, **record: Any) -> Decision:
    """The decision about RECORD with these attributes in place of its own."""
    return Plan(policies, actor, Env("business", SITE, now)).decide(action, {**RECORD, **record}, granted, row)


def permits(policies: PolicySet, action: str, actor: Actor = ANYONE, **more: Any) -> bool:
    return decide(policies, action, actor, **more).permitted


def actions(policies: PolicySet, actor: Actor = ANYONE, **more: Any) -> set[str]:
    """Every action that is permitted."""
    from policies.vocabulary import ACTIONS

    return {action for action in ACTIONS if permits(policies, action, actor, **more)}
