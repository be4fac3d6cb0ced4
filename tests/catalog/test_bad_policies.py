"""Every kind of bad policy file: one clear error in both languages, an audit line, and the policy in force stays in force."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from catalog.store import Store
from catalog.tables import audit, policy_version
from policies.actor import PUBLIC
from policies.errors import PolicyErrors
from tests.bad import in_both_languages
from tests.bad.policies import POLICIES
from tests.catalog.worlds import OPEN, World


@pytest.mark.engine("sqlite")  # nothing here depends on the engine
def test_each_is_refused_and_the_old_policy_stays(store: Store, tmp_path: Path) -> None:
    world = World(store, tmp_path / "policies")
    world.rule(OPEN)
    done = world.publish()
    wrong = {}
    for name, (content, words) in POLICIES.items():
        (world.folder / "site.yaml").write_bytes(content)
        try:
            world.policies.activate("test")
        except PolicyErrors as error:
            count = len(error.problems)
        else:
            wrong[name] = "it came into force"
            continue
        with store.read() as conn:
            epochs = conn.execute(select(policy_version.c.epoch)).scalars().all()
            lines = conn.scalar(select(func.count()).select_from(audit).where(audit.c.event == "policy.refused"))
            problem = world.policies.problem(conn)
        if epochs != [1] or problem is None:
            wrong[name] = f"{epochs} {problem}"
        elif not any(word in problem.lines[0]["en"] or word in problem.lines[0]["place"] for word in words.split("|")):
            wrong[name] = problem.lines[0]["en"]
        elif not all(in_both_languages(line["zh"], line["en"]) and len(line["en"]) < 1_000 for line in problem.lines):
            wrong[name] = str(problem.lines)[:600]
        elif count > 200:
            wrong[name] = f"{count} problems"
        assert lines, name
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
    assert world.ids(PUBLIC) == {done.id}
    (world.folder / "site.yaml").write_text(OPEN, encoding="utf-8")
    world.policies.activate("test")
    with store.read() as conn:
        assert world.policies.problem(conn) is None and conn.execute(select(policy_version.c.epoch)).scalars().all() == [1]
