"""Removing what withdrawn records leave behind: `catalog.withdrawn`, told what the exchange with peers still needs."""

from typing import TYPE_CHECKING

from catalog.withdrawn import DAY, Clearing
from sync.holdings import texts_held
from sync.objects import forget_fetched
from sync.streams import given_out

if TYPE_CHECKING:
    from node.site import Site


def clearing(site: "Site") -> Clearing:
    """The job `clear` of a site."""
    return Clearing(
        site.store,
        lambda: site.objects,
        keep=site.settings.upkeep.withdrawn_days * DAY,
        in_streams=given_out,
        elsewhere=[texts_held()],
        on_delete=forget_fetched,
    )
