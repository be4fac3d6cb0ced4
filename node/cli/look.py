"""`terrace search` and `terrace show`."""

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from node.cli.base import Command, Run, argument, option, pass_run
from node.cli.printing import Styled, echo, show_table
from node.errors import NotHereError
from node.i18n import N_, choose, counted, labelled, language, local_text, translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from catalog.drafts import StoredDraft
    from catalog.views import RecordView

#: How far a record's place in its log is proved.
PROOFS = {"signed": N_("signed"), "cosigned": N_("cosigned")}
FILTERS = ("kind", "theme", "org", "authority", "division", "territory", "sharing", "opening", "format", "level", "license", "keyword", "year")


@click.command(
    cls=Command,
    help=N_("""Search the catalog, as the acting person sees it. Without TEXT it lists the newest records.

Filters: kind, theme, org, authority, division, territory, sharing, opening, format, level, license, keyword, year."""),
    example="terrace -C wuhou search 地质灾害 --filter sharing=unconditional --limit 5",
)
@argument("text", nargs=-1)
@option("--filter", "filters", metavar="NAME=VALUE", multiple=True, help=N_("Only records with this value; may be repeated."))
@option("--bbox", metavar="W,S,E,N", help=N_("Only records whose extent touches this box, in degrees."))
@option("--sort", help=N_("relevance, modified, issued, title; a hyphen before it turns it round."))
@option("--limit", type=click.IntRange(0, 1000), default=20, show_default=True, help=N_("At most so many records."))
@option("--offset", type=click.IntRange(min=0), default=0, help=N_("Leave out so many first."))
@option("--drafts", is_flag=True, help=N_("List drafts instead of published records."))
@pass_run
def search(run: Run, text: tuple[str, ...], filters: tuple[str, ...], bbox: str | None, sort: str | None, limit: int, offset: int, drafts: bool) -> None:
    if drafts:
        _drafts(run, limit)
        return
    from catalog.queries import RecordQuery

    words = " ".join(text)
    query = RecordQuery(
        text=words, filters=_filters(filters), bbox=_bbox(bbox), sort=sort or ("relevance" if words else "-modified"), offset=offset, limit=limit
    )
    with run.acting() as actor:
        page = run.site.reader.records(actor, query)
    if run.json:
        run.emit({"total": page.total, "next": page.next, "items": [summary(view) for view in page.items]})
        return
    rows = [[view.id, choose(view.fields.get("title"), view.slug), _label("kinds", view.kind, ""), _provider(view), _day(view.modified)] for view in page.items]
    show_table([N_("id"), N_("title"), N_("kind"), N_("provider"), N_("modified")], rows)
    echo(counted("{total} record", "{total} records", page.total).format(total=page.total), err=True)


@click.command(
    cls=Command,
    help=N_("""Show one record as the acting person sees it, by id, uuid or slug. A draft is shown to those who may write.

Of a record of this node's own, --versions lists what it was before, and --version shows one: what the policy permits of that version and of the present."""),
    example="""terrace -C wuhou show wuhou-parcels --json
terrace -C wuhou show wuhou-parcels --versions
terrace -C wuhou show wuhou-parcels --version 1""",
)
@argument("id")
@option("--draft", is_flag=True, help=N_("The draft, and what keeps it from being published."))
@option("--versions", is_flag=True, help=N_("List its versions, with their times and what changed."))
@option("--version", "number", type=click.IntRange(1), metavar="N", help=N_("Show it as it was in version N."))
@pass_run
def show(run: Run, id: str, draft: bool, versions: bool, number: int | None) -> None:
    from catalog.errors import NotFoundError

    with run.acting() as actor:
        try:
            view = None if draft else run.site.reader.record(actor, id)
        except NotFoundError:
            view = None
        if view is None and not versions and number is None:
            _show_draft(run, id)
            return
        if view is None:
            raise NotFoundError
        if versions or number is not None:
            _show_versions(run, view, number)
            return
        rows = _row_count(run, view)
    if run.json:
        run.emit({**full(view), "rows": rows})
        return
    _print_record(view)
    if rows is not None:
        echo(translate("Rows: {rows}").format(rows=f"{rows:,}"))


def _row_count(run: Run, view: "RecordView") -> int | None:
    """How many rows the acting person may see, or at least count (LANGUAGE 19)."""
    from catalog.counting import row_count
    from catalog.errors import DeniedError, NotFoundError

    if "data" not in view.may:
        return row_count(run.site.reader, run.actor, view)
    try:
        return run.site.reader.count(run.actor, view.id)
    except (DeniedError, NotFoundError):
        return None


def _show_versions(run: Run, view: "RecordView", number: int | None) -> None:
    """Lists the versions, or shows one."""
    from catalog.errors import NotFoundError
    from catalog.versions import past_version, past_versions

    if number is None:
        found = past_versions(run.site.reader, run.actor, view)
        if run.json:
            for each in found:
                changed = None if each.changed is None else list(each.changed)
                run.emit({"version": each.n, "time": _day(each.time), "changed": changed, "current": each.current})
            return
        rows = [[str(each.n), _day(each.time), "-" if each.changed is None else ", ".join(each.changed)] for each in found]
        show_table([N_("version"), N_("time"), N_("changed")], rows)
        return
    try:
        past = past_version(run.site.reader, run.actor, view, number)
    except NotFoundError as error:
        raise NotHereError("version", str(number)) from error
    if run.json:
        run.emit({"id": view.id, "version": past.n, "time": _day(past.time), "fields": past.fields, "current": past.current})
        return
    echo(Styled(choose(past.fields.get("title"), view.slug), bold=True))
    echo(f"{view.id}\n{translate('version')} {past.n} · {_day(past.time)}\n")
    _show_fields(past.fields)


def summary(view: "RecordView") -> dict[str, Any]:
    """A record in a line."""
    return {
        "id": view.id,
        "slug": view.slug,
        "title": view.fields.get("title"),
        "kind": view.kind,
        "authority": view.authority,
        "origin": view.origin,
        "version": view.version,
        "modified": _day(view.modified),
        "may": sorted(view.may),
    }


def full(view: "RecordView") -> dict[str, Any]:
    """A record with everything that is shown of it."""
    proof = view.provenance
    return {
        **summary(view),
        "fields": view.fields,
        "withheld": list(view.withheld),
        "reasons": view.reasons,
        "secrecy": view.manifest.get("secrecy"),
        "terms": view.manifest.get("terms"),
        "division": view.division,
        "proof": {"source": proof.source, "path": list(proof.path), "log": proof.log, "epoch": proof.epoch, "index": proof.index, "state": proof.proof},
    }


def _provider(view: "RecordView") -> str:
    found = view.fields.get("provider")
    return choose(found.get("name")) if isinstance(found, dict) else ""


def _print_record(view: "RecordView") -> None:
    echo(Styled(choose(view.fields.get("title"), view.slug), bold=True))
    kind, secrecy = _label("kinds", view.kind), _label("secrecy", view.manifest.get("secrecy"))
    echo(f"{view.id}\n{view.slug} · {kind} · {translate('version')} {view.version} · {_day(view.modified)} · {secrecy}")
    proof = view.provenance
    proved = translate(PROOFS.get(proof.proof or "", proof.proof or "-"))
    where = translate("not yet in the log") if proof.log is None else f"{proof.log} #{proof.index} ({proved})"
    echo(translate("Authority: {node}").format(node=view.authority) + f" · {where}" + (f" · {' → '.join(proof.path)}" if proof.path else ""))
    echo("")
    _show_fields(view.fields)
    if view.withheld:
        echo(translate("Withheld: {fields}").format(fields=", ".join(view.withheld)))
    for reason in view.reasons:
        echo(f"{labelled(reason['action'], reason['rule'])} — {local_text(reason['because']['zh'], reason['because']['en'])}")


def _label(codes: str, code: object, missing: str = "-") -> str:
    """A code: in Chinese its name."""
    from catalog.codes import label

    return missing if not code else label(codes, str(code), "zh") if language() == "zh" else str(code)


def _show_fields(fields: "Mapping[str, Any]") -> None:
    """All fields; in Chinese with their titles beside the names that `edit` takes."""
    from node.portal.words import FIELDS

    def name_of(name: str) -> str:
        titled = language() == "zh" and name in FIELDS
        return f"{name} {translate(FIELDS[name][0], 'portal')}" if titled else name

    show_table([N_("field"), N_("value")], [[name_of(name), _shown(value)] for name, value in sorted(fields.items())])


def _shown(value: Any) -> str:
    if isinstance(value, dict) and set(value) <= {"zh", "en"}:
        chosen: object = choose(value)
        return "; ".join(map(str, chosen)) if isinstance(chosen, list) else str(chosen)  # keywords are lists of a language
    if isinstance(value, str):
        return value
    from catalog.canonical import dumps

    return dumps(value).decode()


def _drafts(run: Run, limit: int) -> None:
    run.require("write")
    found = list(islice(run.drafts(), limit))
    if run.json:
        for each in found:
            run.emit({"id": each.id, "title": each.fields.get("title"), "profile": each.profile, "problems": run.site.writer.problems(each)})
        return
    headings = [N_("id"), N_("title"), N_("profile"), N_("missing")]
    show_table(headings, [[d.id, choose(d.fields.get("title")), d.profile, str(len(run.site.writer.problems(d)))] for d in found])


def _show_draft(run: Run, id: str) -> None:
    from catalog.drafts import load_draft
    from catalog.errors import NotFoundError
    from policies import acts

    found: StoredDraft | None = None
    if acts.may(run.actor, "write"):
        with run.site.store.read() as conn:
            found = load_draft(conn, run.site.identity, id)
    if found is None or not run.may_know(id):
        raise NotFoundError
    problems = run.site.writer.problems(found)
    if run.json:
        facts = {name: getattr(found, name) for name in ("id", "profile", "secrecy", "terms", "fields")}
        run.emit({**facts, "status": "draft", "problems": problems})
        return
    echo(Styled(choose(found.fields.get("title"), found.id), bold=True), f"  ({translate('draft')})")
    echo(f"{found.id} · {found.profile} · {_label('secrecy', found.secrecy)}\n")
    _show_fields(found.fields)
    for problem in problems:
        echo("✗ " + labelled(problem["field"], local_text(problem["zh"], problem["en"])))


def _filters(given: tuple[str, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or name not in FILTERS:
            raise click.BadParameter(translate("write NAME=VALUE; names: {names}").format(names=", ".join(FILTERS)), param_hint="--filter")
        found.setdefault(name, []).append(value)
    return found


def _bbox(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(translate("write four numbers: W,S,E,N"), param_hint="--bbox") from None
    return west, south, east, north


def _day(seconds: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
