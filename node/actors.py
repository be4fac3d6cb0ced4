"""Who acts where no request says so: the folder's local administrator, and the anonymous public as this site sees it."""

import getpass
from dataclasses import replace
from typing import TYPE_CHECKING

from catalog.errors import AccountError, DeniedError, NotFoundError
from catalog.site import SiteIdentity
from node.errors import NotHereError
from policies import acts
from policies.actor import PUBLIC, Actor

if TYPE_CHECKING:
    from node.site import Site

#: Roles of whoever may write to the site's folder: with the files in hand they could do all of this anyway, so it is said openly and audited.
LOCAL_ROLES = frozenset({"clerk", "officer", "supervisor", "administrator", "auditor"})
LOCAL = "local"


def local_actor(identity: SiteIdentity) -> Actor:
    """The person at the command line of the site's own machine."""
    return Actor(
        kind="person",
        node=identity.node,
        person=LOCAL,
        sector=identity.sector,
        division=identity.division,
        level=identity.level,
        clearance=identity.secrecy_cap,
        roles=LOCAL_ROLES,
        name=f"{getpass.getuser()} (local)",
    )


def cli_actor(site: "Site", login: str) -> Actor:
    """The local administrator, or a user of the site by login.

    Raises:
        NotFoundError: no such user.
        AccountError: the account is closed.
    """
    if login == LOCAL:
        return local_actor(site.identity)
    with site.store.read() as conn:
        try:
            account = site.accounts.get(conn, login)
        except NotFoundError as error:
            raise NotHereError("account", login) from error
    if account.state != "active":
        raise AccountError(zh=f"账号 {login} 已关闭", en=f"the account {login} is closed")
    return account.actor(site.identity)


def public_actor(_identity: SiteIdentity) -> Actor:
    """Whoever asks without a credential. The public is the same at each site: what the site is, policies read from `env`."""
    return replace(PUBLIC)


def require_act(actor: Actor, act: str) -> Actor:
    """Refuses an actor whose roles do not permit an act.

    Raises:
        DeniedError: says which act.
    """
    if not acts.may(actor, act):
        raise DeniedError(
            action=act, zh=f"{actor.name or actor.kind} 的角色不允许此操作：{act}", en=f"the roles of {actor.name or actor.kind} do not permit this act: {act}"
        )
    return actor
