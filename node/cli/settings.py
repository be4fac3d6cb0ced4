"""`terrace settings`."""

import click

from node.cli.base import Command, Run, option, pass_run
from node.cli.printing import echo
from node.i18n import N_


@click.command(
    cls=Command,
    help=N_("Show the settings in force, defaults and TERRACE_* variables included."),
    example="""terrace -C wuhou settings
terrace settings --reference""",
)
@option("--reference", is_flag=True, help=N_("Print the reference page of all settings instead."))
@pass_run
def settings(run: Run, reference: bool) -> None:
    if reference:
        from node.settings_reference import reference as page

        echo(page(), nl=False)
        return
    values = run.settings.model_dump(mode="json")
    if values["objects_secret"]:
        values["objects_secret"] = "***"  # noqa: S105 (hides it)
    if "@" in values["database"]:
        from sqlalchemy import make_url

        values["database"] = make_url(values["database"]).render_as_string(hide_password=True)
    if run.json:
        run.emit(values)
        return
    import yaml

    echo(yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=120), nl=False)
