"""`terrace edit`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from node.cli.base import Command, Run, argument, option, pass_run
from node.cli.withdrawn import resolve_to_write, tombstone_of
from node.errors import UsageError
from node.i18n import N_, translate
from policies.plain_yaml import NotPlainError, check_plain, yaml_place, yaml_words

#: Fields whose own names have a dot: the name is the first two parts.
_DOTTED = ("x", "resources", "variants")


@click.command(
    cls=Command,
    help=N_("""Change fields of a draft; of a published record a draft is made, which `publish` shows.

NAME=TEXT sets text, NAME:=JSON any value, NAME= takes the field away; a dot goes into it. Besides fields: secrecy, terms, profile, slug.
With nothing to change, the fields open in $EDITOR."""),
    example="""terrace -C wuhou edit wuhou-parcels title.en="Parcels of Wuhou" sharing.type=unconditional
terrace -C wuhou edit wuhou-parcels opening:='{"open": true}' contact_phone= --publish
terrace -C wuhou edit wuhou-parcels --file changes.yaml
terrace -C wuhou edit wuhou-parcels""",
)
@argument("id")
@argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
@option("--file", "file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help=N_("Take the changes from a YAML or JSON file of fields."))
@option("--publish", "and_publish", is_flag=True, help=N_("Publish at once."))
@pass_run
def edit(run: Run, id: str, changes: tuple[str, ...], file: Path | None, and_publish: bool) -> None:
    if changes and file:
        raise UsageError(zh="NAME=VALUE 与 --file 只能用其一。", en="Use either NAME=VALUE or --file.")
    run.require("write")
    with run.acting() as actor:
        found = resolve_to_write(run, id)
        tombstone = tombstone_of(run, found)
        content = run.content(found)
        wanted = read_fields(file) if file else parse_changes(changes, content) if changes else _from_editor(content)
        wanted = {name: value for name, value in wanted.items() if content.get(name) != value}
        restoring = and_publish and tombstone is not None
        if not wanted and not and_publish:
            run.done(translate("Nothing changed."), id=found, changed=[])
            return
        published = None
        if wanted or restoring:
            with run.site.store.write() as tx:
                run.site.writer.edit(tx, found, wanted, actor)
        if and_publish:  # a transaction of its own: when something is still missing, the changes stay in the draft
            with run.site.store.write() as tx:
                published = run.site.writer.publish(tx, found, actor)
    if published is not None:
        run.done(translate("Published version {version}.").format(version=published.version), id=found, changed=sorted(wanted), version=published.version)
    else:
        message = translate("Changed in the draft: {fields}. Show it with: terrace publish {id}")
        if tombstone is not None:
            message = translate("This record was withdrawn; publishing shows it again, here and at every node that may hold it.") + "\n" + message
        run.done(message.format(fields=", ".join(sorted(wanted)), id=found), id=found, changed=sorted(wanted))


def parse_changes(given: tuple[str, ...], content: Mapping[str, Any]) -> dict[str, Any]:
    """Reads `NAME=TEXT`, `NAME:=JSON`, `NAME=` and dotted names into field → new value.

    Args:
        given: as on the command line.
        content: present fields, into which dotted names go.

    Raises:
        UsageError: one that cannot be read.
    """
    wanted: dict[str, Any] = {}
    for text in given:
        name, value = _split(text)
        parts = name.split(".")
        cut = 2 if parts[0] in _DOTTED and len(parts) > 1 else 1
        field, inner = ".".join(parts[:cut]), parts[cut:]
        if not inner:
            wanted[field] = value
            continue
        start = wanted[field] if field in wanted else content.get(field)
        whole: dict[str, Any] = json.loads(json.dumps(start)) if isinstance(start, dict) else {}
        place = whole
        for part in inner[:-1]:
            below = place.get(part)
            place[part] = below if isinstance(below, dict) else {}
            place = place[part]
        if value is None:
            place.pop(inner[-1], None)
        else:
            place[inner[-1]] = value
        wanted[field] = whole
    return wanted


def _split(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(zh=f"看不懂“{text}”：应写作 名称=文字 或 名称:=JSON。", en=f"'{text}' cannot be read: write NAME=TEXT or NAME:=JSON.")
    if not name.endswith(":"):
        return name, value or None
    try:
        return name[:-1], json.loads(value)
    except ValueError as error:
        raise UsageError(zh=f"“{text}”中 := 之后不是 JSON：{error}", en=f"what follows := in '{text}' is no JSON: {error}") from error


def fields_from_text(text: str, name: str) -> dict[str, Any]:
    """Reads fields from YAML or JSON; numbers with a point and dates stay text, as the record's canonical form has them.

    Raises:
        UsageError: says where.
    """
    import re

    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own attribute)

    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
    try:
        check_plain(text)
        found = yaml.load(text, Loader=Loader)  # noqa: S506 (a safe loader with fewer types)
    except (NotPlainError, yaml.YAMLError, ValueError) as error:
        line = error.line if isinstance(error, NotPlainError) else yaml_place(error)[0]
        zh, en = (error.zh, error.en) if isinstance(error, NotPlainError) else yaml_words(error)
        raise UsageError(zh=f"{name}:{line or 1}: 不是可用的 YAML：{zh}", en=f"{name}:{line or 1}: not usable YAML: {en}") from error
    if not isinstance(found, dict):
        raise UsageError(zh=f"{name}: 应由“字段: 值”组成", en=f"{name}: must hold 'field: value' lines")
    return {str(key): value for key, value in found.items()}


def fields_to_text(fields: Mapping[str, Any]) -> str:
    """Writes fields as YAML that `fields_from_text` reads back to the same."""
    import yaml

    return yaml.safe_dump(dict(sorted(fields.items())), allow_unicode=True, sort_keys=False, width=120)


def read_fields(file: Path) -> dict[str, Any]:
    """Reads the changes that a file holds. Raises UsageError."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(zh=f"{file}: 不是 UTF-8：请另存为 UTF-8", en=f"{file}: not UTF-8: save the file as UTF-8") from error
    return fields_from_text(text, str(file))


def _from_editor(content: dict[str, Any]) -> dict[str, Any]:
    head = translate("# Change the fields and save; a field that is deleted here is taken away. Leave without saving to change nothing.") + "\n"
    text = click.edit(head + fields_to_text(content), extension=".yaml")
    if text is None:
        return {}
    wanted = fields_from_text(text, "editor")
    return {**wanted, **{name: None for name in content if name not in wanted}}
