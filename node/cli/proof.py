"""`terrace receipt` and `terrace verify`: the offline proof of a record."""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from catalog import faults
from node.cli.base import Command, Run, argument, option, pass_run
from node.cli.printing import Styled, chosen, echo
from node.i18n import N_, counted, translate


@click.command(
    cls=Command,
    help=N_("""Write the receipt of a record: what anyone can check offline, with the root's fingerprint alone.

It holds the fields that the acting person may see; with --public those that the public may see."""),
    example="terrace -C wuhou receipt wuhou-parcels -o parcels.receipt.json",
)
@argument("id")
@option("-o", "--output", "output", type=click.Path(path_type=Path, dir_okay=False), help=N_("File to write; by default standard output."))
@option("--public", is_flag=True, help=N_("Only what the public may see."))
@pass_run
def receipt(run: Run, id: str, output: Path | None, public: bool) -> None:
    from node.actors import public_actor
    from policies.actor import acting

    actor = public_actor(run.site.identity) if public else run.actor
    with acting(actor):
        view = run.site.reader.record(actor, id)
    data = run.site.exchange.receipt(view.id, view.fields)
    if output is None:
        sys.stdout.write(data.decode() + "\n")
        return
    fresh = output.with_name(output.name + ".tmp")
    fresh.write_bytes(data)
    faults.before("rename")
    fresh.replace(output)
    faults.after("rename")
    run.done(translate("{file}: {size} bytes").format(file=output, size=len(data)), file=str(output), size=len(data), id=view.id)


@click.command(
    cls=Command,
    help=N_("""Check a receipt with public keys alone; needs no site and no network.

--root is the fingerprint of the root that you trust, from elsewhere than the receipt."""),
    example='terrace verify parcels.receipt.json --root "hwmo bjuz avo5 7u6x c373 yxq2 72gm xcpo"',
)
@argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@option("--root", required=True, metavar="FINGERPRINT", help=N_("Node id or fingerprint of the root that you trust."))
@option("--uncosigned", is_flag=True, help=N_("Accept a checkpoint that no witness has cosigned."))
@pass_run
def verify(run: Run, file: Path, root: str, uncosigned: bool) -> None:
    from sync.exchange import verify_receipt

    proved = verify_receipt(file.read_bytes(), root, now=int(time.time()), allow_uncosigned=uncosigned)
    cosigned = None if proved.cosigned is None else datetime.fromtimestamp(proved.cosigned, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    manifest = proved.manifest
    if run.json:
        run.emit({
            "valid": True, "id": manifest.id, "authority": proved.origin.node, "log": str(proved.origin), "index": proved.index, "size": proved.size,
            "cosigned": cosigned, "witness": proved.witness, "path": list(proved.path), "fields": dict(proved.values),
            "withheld_at_most": proved.withheld_at_most,
        })  # fmt: skip
        return
    title = proved.values.get("title")
    echo(Styled(translate("The receipt holds."), fg="green", bold=True))
    echo(f"{chosen(title) if isinstance(title, dict) else ''}\n{manifest.id}")
    names = " → ".join(chosen(name, node) for name, node in zip(proved.names, proved.path, strict=True))
    echo(translate("Authority, by the chain from your root: {names}").format(names=names))
    echo(translate("Entry {index} of {log}").format(index=proved.index, log=proved.origin))
    echo(translate("Cosigned by the witness at {time}").format(time=cosigned) if cosigned else translate("Signed by the authority alone"))
    if proved.withheld_at_most:
        withheld = counted("At most {count} field is withheld.", "At most {count} fields are withheld.", proved.withheld_at_most)
        echo(withheld.format(count=proved.withheld_at_most))
    echo(translate("It does not say that the record is still the newest; for that, ask its authority."))
