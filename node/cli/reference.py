"""The page of all commands, made from their help: `python -m node.cli.reference > node/COMMANDS.md` (a test fails when it is stale)."""

import click

from node.cli.base import Command, Group, Option
from node.cli.main import COMMANDS, EXAMPLE, HELP, cli
from node.error_table import EXIT_CODES
from node.i18n import speaking

_HEAD = """# Commands

Made from the help texts: `python -m node.cli.reference > node/COMMANDS.md`; a test fails when it is stale.
`terrace --lang zh … --help` says the same in Chinese.
Every command takes `--json` (one JSON document a line; an error goes to standard error as `{"error": {"kind", "zh", "en"}}`) and `--help`.
"""


def commands_page() -> str:
    """The page as Markdown."""
    with speaking("en"):
        parts = [_HEAD, _block(EXAMPLE), HELP.split("\n\n", maxsplit=1)[0], "", "| exit code | means |", "|---|---|"]
        parts += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
        parts += ["", "Before the command:", "", *_options(cli), ""]
        context = click.Context(cli)
        for name in COMMANDS:
            command = cli.get_command(context, name)
            assert command is not None
            members = command.commands.items() if isinstance(command, Group) else [(None, command)]
            for member, each in members:
                assert isinstance(each, Command)
                parts += _command(name if member is None else f"{name} {member}", each)
    return "\n".join(parts).rstrip() + "\n"


def _command(path: str, command: Command) -> list[str]:
    arguments = " ".join(each.make_metavar(click.Context(command)) for each in command.params if isinstance(each, click.Argument))
    return [f"## terrace {path} {arguments}".rstrip(), "", (command.help or "").strip(), "", _block(command.example), *_options(command), ""]


def _options(command: click.Command) -> list[str]:
    context = click.Context(command)
    lines = []
    for each in command.params:
        record = each.get_help_record(context) if isinstance(each, Option) else None
        if record is not None and "--json" not in record[0]:
            names, text = (" ".join(part.split()) for part in record)
            lines.append(f"- `{names}`: {text}")
    return lines


def _block(example: str) -> str:
    return f"```sh\n{example.strip()}\n```\n"


if __name__ == "__main__":
    print(commands_page(), end="")
