"""`terrace add`."""

from pathlib import Path

import click

from node.cli.base import Command, Run, argument
from node.cli.intake import how, intake_context, take_in
from node.errors import UsageError
from node.i18n import N_


@click.command(
    cls=Command,
    help=N_("""Take in metadata or data files; folders and zips are opened up. Each becomes a draft record with its rows and the file itself.

The kind is told by content: ISO 19139, FGDC, DCAT, CKAN, STAC; CSV, XLSX, GeoJSON, GeoPackage, Shapefile, FlatGeobuf, KML, GML; GeoTIFF.
With --publish each is checked and published at once; one that lacks something stays a draft, and everything that is missing is named.
Taking in the same file again changes nothing; a changed file becomes a new draft of the same record. A run that was killed goes on where it was.
Of many records or rows in a file the bad ones are set aside (terrace quarantine list) and the others enter; the exit code is then 3.

--set gives fields that the files do not have: NAME=TEXT, NAME:=JSON. What is always the same belongs into new_records of terrace.yaml."""),
    example="""terrace -C wuhou add parcels.geojson --publish
terrace -C wuhou add metadata/ --secrecy public --set theme:='["land"]' --set grade=general
terrace -C wuhou add wells.csv --publish --json""",
)
@argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@how
@click.pass_context
def add(ctx: click.Context, files: tuple[Path, ...], publish: bool, profile: str | None, secrecy: str | None, given: tuple[str, ...]) -> None:
    run = ctx.ensure_object(Run)
    for file in files:
        if not file.exists():
            raise UsageError(zh=f"没有这个文件：{file}", en=f"there is no such file: {file}")
    ctx.exit(take_in(run, intake_context(run, publish=publish, profile=profile, secrecy=secrecy, given=given), files))
