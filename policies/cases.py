"""Runs the `cases` of policy files: an actor and a record of the folder's cases.yaml, and exactly the actions that are permitted.

A case holds for the whole set of policies, not for its own file alone: so a site's file that breaks what a shipped default promises is found at `policy check`.
Shipped cases are run against the shipped policies alone (`load_defaults`); a site may decide otherwise and then writes cases of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from policies.actor import Actor
from policies.caselines import ANYONE
from policies.evaluate import decide, row_passes
from policies.facts import Env
from policies.model import Case, Policy, PolicySet, World
from policies.vocabulary import ACTIONS

__all__ = ["CaseResult", "run_cases"]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case came out for one actor.

    Attributes:
        case: The line.
        actor: Name of the actor (of each in turn for `anyone`).
        may: What the policies permit.
        rows: Names of the rows that pass; None when the case says nothing of rows.
        files: Whether original files are served; None when the case says nothing of files.
    """

    case: Case
    actor: str
    may: frozenset[str]
    rows: tuple[str, ...] | None
    files: bool | None

    @property
    def passed(self) -> bool:
        """Whether everything came out as written."""
        wanted = None if self.case.rows is None else sorted(self.case.rows)
        return self.may == self.case.may and (wanted is None or wanted == sorted(self.rows or ())) and self.case.files in (None, self.files)

    def text(self, language: str = "en") -> str:
        """One line: where, who, what, and how it differs."""
        place = f"{self.case.place.file}:{self.case.place.line}:{self.case.place.column}"
        zh = language.lower().startswith("zh")
        parts = []
        if extra := self.may - self.case.may:
            parts.append(f"多出 {_words(extra)}" if zh else f"also {_words(extra)}")
        if missing := self.case.may - self.may:
            parts.append(f"缺少 {_words(missing)}" if zh else f"not {_words(missing)}")
        if self.case.rows is not None and sorted(self.case.rows) != sorted(self.rows or ()):
            parts.append(f"通过的行：{_words(self.rows or ())}" if zh else f"rows are {_words(self.rows or ())}")
        if self.case.files not in (None, self.files):
            parts.append(("提供文件" if self.files else "不提供文件") if zh else ("files are served" if self.files else "no files are served"))
        told = ("；" if zh else "; ").join(parts) or ("符合" if zh else "as written")
        return f"{place}: {self.actor} × {self.case.record}: {told}"


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "–"


def run_cases(policy_set: PolicySet, *, shipped: bool = False) -> list[CaseResult]:
    """Runs cases.

    Args:
        policy_set: All policies of a site.
        shipped: Run those of the shipped files instead of the site's own.
    """
    out: list[CaseResult] = []
    for policy in policy_set.policies:
        world = policy_set.worlds.get(_cases_file(policy))
        if policy.shipped == shipped and world is not None:
            out += [result for case in policy.cases for result in _run(policy_set, policy, case, world)]
    return out


def _cases_file(policy: Policy) -> str:
    return str(PurePosixPath(policy.file).with_name("cases.yaml"))


def _run(policy_set: PolicySet, policy: Policy, case: Case, world: World) -> Iterator[CaseResult]:
    names = tuple(world.actors) if case.actor == ANYONE else (case.actor,)
    zone = case.zone or (policy.zones[0] if policy.zones else "business")
    env = Env(zone, world.node, world.at if case.at is None else case.at, case.channel)
    for name in names:
        yield _one(policy_set, case, world, name, env)


def _one(policy_set: PolicySet, case: Case, world: World, name: str, env: Env) -> CaseResult:
    actor: Actor = world.actors[name]
    record = world.records[case.record]
    decisions = {action: decide(policy_set, actor, env, action, record, case.granted) for action in ACTIONS}
    data = decisions["data"]
    rows = files = None
    if case.rows is not None:
        condition = data.obligations.rows
        own = {row: values for row, (of, values) in world.rows.items() if of == case.record}
        rows = tuple(row for row, values in own.items() if data.permitted and row_passes(condition, values, env.now))
    if case.files is not None:
        files = data.permitted and not data.obligations.files_opaque and not data.obligations.data_withheld
    return CaseResult(case, name, frozenset(action for action, decision in decisions.items() if decision.permitted), rows, files)
