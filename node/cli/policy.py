"""`terrace policy`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from node.cli.base import Command, Group, Run, argument, option, pass_run
from node.cli.printing import echo, show_table
from node.error_table import REFUSED
from node.errors import UsageError
from node.i18n import N_, local_text, translate
from policies.errors import TerraceError

if TYPE_CHECKING:
    from policies.actor import Actor


@click.group(cls=Group, help=N_("Check, explain, edit and reload the policy."))
def policy() -> None:
    pass


def _texts(run: Run, files: tuple[Path, ...]) -> dict[str, str]:
    """The policy texts to look at: those named, else the site's own files."""
    if not files:
        return run.site.policies.files()
    found: dict[str, str] = {}
    for path in files:
        for each in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
            found[each.name] = each.read_text(encoding="utf-8-sig")
    return found


@policy.command(
    cls=Command,
    help=N_("""Check policy files: every error with file, line and column, and every case that does not come out. Changes nothing."""),
    example="""terrace -C wuhou policy check
terrace -C wuhou policy check draft.yaml""",
)
@argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.pass_context
def check(ctx: click.Context, files: tuple[Path, ...]) -> None:
    from policies.cases import run_cases

    run = ctx.ensure_object(Run)
    loaded = run.site.policies.check(_texts(run, files))
    failed = [result for result in run_cases(loaded) if not result.passed]
    facts = {"rules": len(loaded.rules), "cases": len(loaded.cases), "failed": [result.text("en") for result in failed]}
    if run.json:
        run.emit({**facts, "warnings": [each.text("en") for each in loaded.warnings]})
    else:
        for warning in loaded.warnings:
            echo(f"· {warning.text(local_text('zh', 'en'))}", err=True)
        for result in failed:
            echo(f"✗ {result.text(local_text('zh', 'en'))}", err=True)
        echo(translate("Rules: {rules}. Cases: {cases}; not coming out: {failed}.").format(**{**facts, "failed": len(failed)}))
    ctx.exit(REFUSED if failed else 0)


@policy.command(
    cls=Command,
    help=N_("""Say who may do what with a record, and which rules decide it.

The actor is a login of this site, `public`, or attributes: kind=agency,sector=environment,division=510107."""),
    example="""terrace -C wuhou policy explain wuhou-parcels
terrace -C wuhou policy explain wuhou-parcels --actor li --action data""",
)
@argument("id")
@option("--actor", "who", default="public", show_default=True, help=N_("Whom to explain it for."))
@option("--action", type=click.Choice(["discover", "read", "data", "hold", "verify", "count", "release"]), help=N_("Only this action."))
@option("--all", "everything", is_flag=True, help=N_("Also the rules that do not apply, each with what stops it."))
@pass_run
def explain(run: Run, id: str, who: str, action: str | None, everything: bool) -> None:
    from node.explaining import explain_record

    run.require("administer")
    with run.acting():
        explained = explain_record(run.site, run.resolve(id, unseen=True), _actor(run, who), [action] if action else None)
    if run.json:
        run.emit(explained.as_dict())
    else:
        echo(explained.text(local_text("zh", "en"), everything=everything))


@policy.command(
    "list",
    cls=Command,
    help=N_("List the rules in force."),
    example="terrace -C wuhou policy list",
)
@pass_run
def list_(run: Run) -> None:
    run.require("write")
    with run.site.store.read() as conn:
        active, problem = run.site.policies.current(conn), run.site.policies.problem(conn)
    rules: list[dict[str, Any]] = [
        {
            "rule": rule.id,
            "effect": rule.effect,
            "actions": sorted(rule.actions),
            "because": {"zh": rule.because.zh, "en": rule.because.en},
            "law": rule.law,
        }
        for rule in active.policy_set.rules
    ]
    if run.json:
        run.emit({"epoch": active.epoch, "digest": active.digest, "rules": rules, "problem": problem.lines if problem else None})
        return
    rows = [[rule["rule"], rule["effect"], ", ".join(rule["actions"]), local_text(**rule["because"])] for rule in rules]
    show_table([N_("rule"), N_("effect"), N_("actions"), N_("because")], rows)
    if problem is not None:
        echo(translate("The newest files are not in force:"), err=True)
        for line in problem.lines:
            echo(f"  {line['place']}: {line[local_text('zh', 'en')]}", err=True)


@policy.command(
    cls=Command,
    help=N_("Say what other policy files would change: rules that come, go or differ."),
    example="terrace -C wuhou policy diff draft/",
)
@argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@pass_run
def diff(run: Run, files: tuple[Path, ...]) -> None:
    from policies.diff import compare

    run.require("administer")
    with run.site.store.read() as conn:
        active = run.site.policies.current(conn).policy_set
    found = compare(active, run.site.policies.check(_texts(run, files)))
    if run.json:
        run.emit(found.as_dict())
    else:
        echo(found.text(local_text("zh", "en")))


@policy.command(
    cls=Command,
    help=N_("Put the policy files in force now. A served site does so by itself when they change."),
    example="terrace -C wuhou policy reload",
)
@pass_run
def reload(run: Run) -> None:
    run.require("administer")
    _ = run.site.stamps  # prepares the stamping of records in the same transaction
    with run.acting():
        active = run.site.policies.activate(run.who)
    run.done(translate("Policy epoch {epoch} is in force.").format(epoch=active.epoch), epoch=active.epoch, digest=active.digest)


@policy.command(
    cls=Command,
    help=N_("""Edit a policy file in $EDITOR and put it in force.

You edit a copy. It is checked; then what it changes is shown, and you are asked. What has errors changes nothing."""),
    example="""terrace -C wuhou policy edit
terrace -C wuhou policy edit own.yaml""",
)
@argument("file", default="site.yaml")
@option("--yes", is_flag=True, help=N_("Do not ask before it is put in force."))
@click.pass_context
def edit(ctx: click.Context, file: str, yes: bool) -> None:
    from node.policy_editing import PolicyFile

    run = ctx.ensure_object(Run)
    run.require("administer")
    edited = PolicyFile(run.site, file)
    text: str = edited.before
    while True:
        changed = click.edit(text or f"policy: {Path(file).stem}\nrules:\n", extension=".yaml")
        if changed is None or changed == edited.before:
            run.done(translate("Nothing changed."), changed=False)
            return
        text = changed
        try:
            judged = edited.judge(text)
        except TerraceError as error:
            echo(local_text(error.zh, error.en), err=True)
            if not run.json and sys.stdin.isatty() and click.confirm(translate("Edit it again?"), default=True, err=True):
                continue
            aside = edited.keep_aside(text)
            echo(translate("Nothing was changed; the policy in force stays. Your text is kept in {file}.").format(file=aside), err=True)
            ctx.exit(REFUSED)
        break
    for line in judged.lines:
        echo(line, err=run.json)
    echo(judged.rules.text(local_text("zh", "en")), err=run.json)
    for zh, en in judged.failed:
        echo(f"✗ {local_text(zh, en)}", err=True)
    if not yes and not click.confirm(translate("Put it in force?"), default=not judged.failed, err=run.json):
        aside = edited.keep_aside(text)
        run.done(translate("Nothing was changed; the policy in force stays. Your text is kept in {file}.").format(file=aside), changed=False, kept=str(aside))
        return
    edited.replace(text)
    _ = run.site.stamps
    with run.acting():
        active = run.site.policies.activate(run.who)
    run.done(translate("Policy epoch {epoch} is in force.").format(epoch=active.epoch), changed=True, epoch=active.epoch, digest=active.digest)


def _actor(run: Run, who: str) -> "Actor":
    from node.actors import cli_actor, public_actor
    from policies.actor import Actor

    if who == "public":
        return public_actor(run.site.identity)
    if "=" not in who:
        return cli_actor(run.site, who)
    values: dict[str, object] = {}
    for pair in who.split(","):
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(zh=f"看不懂的操作者：{who}", en=f"cannot read the actor: {who}")
        values[name] = value.split("+") if name in ("roles", "reads") else value
    return Actor.from_dict({"kind": "person", **values})
