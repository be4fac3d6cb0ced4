"""The portal: pages for people, under `/`. `blueprint(site)` is mounted by `node.mounts`."""

from typing import TYPE_CHECKING

from flask import Blueprint, render_template

from catalog.errors import NotFoundError
from node.i18n import local_text

if TYPE_CHECKING:
    from node.site import Site


def blueprint(site: "Site") -> Blueprint:
    """The portal of a site.

    Args:
        site: whose reader, accounts and exchange it uses.
    """
    from node.portal.pages import Pages

    made = Blueprint("portal", __name__, template_folder="templates", static_folder="static", static_url_path="/static")
    Pages(site).register(made)

    @made.errorhandler(NotFoundError)
    def not_found(error: NotFoundError) -> tuple[str, int]:
        return render_template("error.html", heading=local_text("没有找到", "Not found"), message=local_text(error.zh, error.en)), 404

    return made
