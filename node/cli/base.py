"""What every command shares: lazy groups, help in two languages, the run's context, and errors turned into messages and exit codes.

Help texts are written in English in the code, marked for the `cli` catalog, and translated when they are shown. click's own words go through the same catalog.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from gettext import bindtextdomain, textdomain
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.errors import NotFoundError
from catalog.visible import visible
from node.cli.printing import echo, one_line, report, system_error
from node.error_table import INTERRUPTED, NOBODY_READS
from node.errors import NotHereError
from node.i18n import LOCALES, N_, TRANSLATIONS, labelled, language, translate
from policies.errors import TerraceError

if TYPE_CHECKING:
    from catalog.drafts import StoredDraft
    from catalog.transaction import WriteTransaction
    from node.settings_model import Settings
    from node.site import Site
    from policies.actor import Actor


class _RollBackError(Exception):
    """Ends a write transaction without a trace."""


@dataclass
class Run:
    """One run of the command line: which site, as whom, and how to answer."""

    folder: Path
    as_login: str = "local"
    json: bool = False
    quiet: bool = False
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @cached_property
    def settings(self) -> "Settings":
        """The site's settings."""
        from node.settings import load_settings

        return load_settings(self.folder)

    @cached_property
    def site(self) -> "Site":
        """The site, opened on first use and closed when the command ends."""
        from node.site import open_site

        site = open_site(self.folder, self.settings)
        self._stack.callback(site.close)
        return site

    @cached_property
    def actor(self) -> "Actor":
        """Whom the command acts as: a user by `--as`, else the local administrator of the folder."""
        from node.actors import cli_actor

        return cli_actor(self.site, self.as_login)

    @property
    def who(self) -> str:
        """The acting person as audit lines name it."""
        from catalog.audit import actor_name

        return actor_name(self.actor)

    @contextlib.contextmanager
    def acting(self) -> "Iterator[Actor]":
        """Sets the acting person for the block (policies deny whoever is not set)."""
        from policies.actor import acting

        with acting(self.actor):
            yield self.actor

    def resolve(self, id: str, *, unseen: bool = False) -> str:
        """The full id of a record named by id, uuid or slug.

        Args:
            unseen: also one that is shown to others and not to the acting person (for what explains why).

        Raises:
            NotFoundError: there is none that the acting person may know of.
        """
        import re

        found = id if id.startswith("urn:terrace:") else None
        if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", id):
            found = f"urn:terrace:{id}"
        if unseen:
            return found or self._named(id)
        if found is None:
            return self.site.reader.record(self.actor, id).id
        if not self.may_know(found):
            raise NotFoundError
        return found

    def _named(self, slug: str) -> str:
        from catalog.drafts import id_of_slug

        with self.site.store.read() as conn:
            found = id_of_slug(conn, slug)
        if found is None:
            raise NotFoundError
        return found

    def may_know(self, id: str) -> bool:
        """Whether the acting person may know of a record or its draft: roles let people write, and do not let them see what the policy hides from them.

        True of what is only a draft, which has no policy yet; and for the folder's local administrator, who has the database in hand. What was withdrawn counts
        as it was.
        """
        from catalog.drafts import is_published
        from catalog.versions import could_discover
        from catalog.withdrawn import withdrawal

        if self.as_login == "local":
            return True
        with self.site.store.read() as conn:
            published, withdrawn = is_published(conn, id), withdrawal(conn, id) is not None
        if withdrawn and not published:
            return could_discover(self.site.reader, self.actor, id)
        try:
            return not published or self.site.reader.record(self.actor, id).id == id
        except NotFoundError:
            return False

    def drafts(self) -> "Iterator[StoredDraft]":
        """Every draft that the acting person may know of, in order of id."""
        from catalog.drafts import drafts_of

        after = ""
        while True:
            with self.site.store.read() as conn:
                page = drafts_of(conn, self.site.identity, after=after)
            if not page:
                return
            yield from (draft for draft in page if self.may_know(draft.id))
            after = page[-1].id

    def content(self, id: str) -> dict[str, Any]:
        """All fields of a record's draft, or of its newest version when it has none, with `secrecy`, `terms` and `profile`.

        Raises:
            NotFoundError: neither is there.
        """
        from catalog.drafts import load_draft

        found = None
        with contextlib.suppress(_RollBackError), self.site.store.write() as tx:
            self.site.writer.edit(tx, id, {}, self.actor)  # makes the draft of a published record; nothing of it stays
            found = load_draft(tx.conn, self.site.identity, id)
            raise _RollBackError
        assert found is not None
        return {**found.fields, "secrecy": found.secrecy, "terms": found.terms, "profile": found.profile}

    def require(self, act: str) -> "Actor":
        """Refuses a person whose roles do not permit an act (`administer`, `audit`, …); returns who it is.

        Raises:
            DeniedError: says so.
        """
        from node.actors import require_act

        return require_act(self.actor, act)

    @contextlib.contextmanager
    def administering(self, event: str, subject: object, act: str = "administer") -> "Iterator[WriteTransaction]":
        """A write transaction of an administrator, with its audit line."""
        self.require(act)
        with self.acting(), self.site.store.write() as tx:
            yield tx
            tx.audit(event, actor=self.who, detail={"subject": subject})

    def done(self, message: str, **facts: object) -> None:
        """Says that something is done: a line for a person, an object under --json."""
        if self.json:
            self.emit(facts)
        else:
            echo(message)

    def close(self) -> None:
        """Closes what was opened."""
        self._stack.close()

    def emit(self, value: Mapping[str, Any]) -> None:
        """Prints one JSON document on one line."""
        click.echo(one_line(value))

    def say(self, message: str = "") -> None:
        """Prints a line for a person; nothing under --json."""
        if not self.json:
            echo(message)

    def progress(self, done: int, total: int, what: str) -> None:
        """Shows `done/total` on a terminal; nothing elsewhere."""
        if not self.json and sys.stderr.isatty():
            end = "\n" if done >= total else ""
            click.echo(f"\r\x1b[K{done}/{total} {visible(what[:60])}{end}", nl=False, err=True)


pass_run = click.make_pass_decorator(Run)


class Option(click.Option):
    """An option whose help is translated when shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The help line, in the present language."""
        source = self.help
        self.help = translate(source) if source else None
        try:
            return super().get_help_record(ctx)
        finally:
            self.help = source


option = partial(click.option, cls=Option)
argument = click.argument


def _set_language(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value:
        os.environ["TERRACE_LANG"] = value
    use_language()


def use_language() -> None:
    """Lets click's own words (Usage, Options, its errors) come from our catalog in the process's language."""
    os.environ["LANGUAGE"] = LOCALES[language()]
    bindtextdomain("cli", str(TRANSLATIONS))
    textdomain("cli")


class _Formatter(click.HelpFormatter):
    """Headings with the colon of the present language."""

    def write_heading(self, heading: str) -> None:
        """A heading of a section."""
        self.write(" " * self.current_indent + labelled(heading, "").rstrip() + "\n")


class _Context(click.Context):
    formatter_class = _Formatter


class _Translated(click.Command):
    """Help in the present language, then an example as written."""

    context_class = _Context

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example."""
        if self.example:
            with formatter.section(translate("Example")):
                for line in self.example.strip().splitlines():
                    formatter.write(" " * formatter.current_indent + line + "\n")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's description."""
        source = self.help
        self.help = translate(source) if source else None
        try:
            super().format_help_text(ctx, formatter)
        finally:
            self.help = source

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first sentence of the description."""
        text = (translate(self.help) if self.help else "").strip().split("\n\n")[0]
        return " ".join(text.split())

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """`--help`, explained in the present language."""
        found = super().get_help_option(ctx)
        if found is not None:
            found.help = translate("Show this message and exit.")
        return found


#: Group of commands → what its arguments name; those of the others name records.
_NAMES = {"user": "account", "token": "account", "quarantine": "entry"}


class Command(_Translated):
    """A command; `--json` is added to each."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(Option(["--json", "as_json"], is_flag=True, expose_value=False, callback=_json_wanted, help=N_("Answer in JSON.")))

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; what is not found is said with what was typed, the same whether it is hidden or missing."""
        try:
            return super().invoke(ctx)
        except NotFoundError as error:
            typed = [ctx.params[each.name] for each in self.params if isinstance(each, click.Argument) and each.name and ctx.params.get(each.name)]
            kind = _NAMES.get(str(ctx.parent.info_name) if ctx.parent is not None else "", "record")
            names = typed[0] if typed and isinstance(typed[0], tuple) else typed[:1]
            if isinstance(error, NotHereError) or not names or isinstance(names[0], int) is not (kind == "entry"):
                raise
            raise NotHereError(kind, ", ".join(map(str, names))) from error


def _json_wanted(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    run = ctx.find_object(Run)
    if run is not None and value:
        run.json = True


class Group(_Translated, click.Group):
    """A group whose members may be named as `module:attribute` and are imported when they run."""

    command_class = Command

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order that the code gives them."""
        return [*self.lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now if it is lazy."""
        if cmd_name in self.lazy and cmd_name not in self.commands:
            module, _, attribute = self.lazy[cmd_name][0].partition(":")
            found = getattr(import_module(module), attribute)
            assert isinstance(found, click.Command)
            return found
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands; lazy ones are described without importing them."""
        rows = [(name, translate(self.lazy[name][1]) if name in self.lazy else self.commands[name].get_short_help_str()) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section(translate("Commands")):
                formatter.write_dl(rows)


class MainGroup(Group):
    """The outermost group: every error of ours ends here."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; a TerraceError becomes a message and an exit code."""
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # a reader who has gone (`| head`) is noticed here, not when the interpreter ends
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere
            ctx.exit(NOBODY_READS)
        except TerraceError as error:
            ctx.exit(report(error, bool(ctx.obj and ctx.obj.json)))
        except OSError as error:
            ctx.exit(report(system_error(error), bool(ctx.obj and ctx.obj.json)))
        except KeyboardInterrupt:
            click.echo("\n" + translate("Interrupted. What was finished stays; nothing is half-done."), err=True)
            ctx.exit(INTERRUPTED)
        finally:
            if ctx.obj is not None:
                ctx.obj.close()
