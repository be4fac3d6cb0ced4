"""Who this site is: its keys, the statements that it makes about itself, and the identity that the catalog works with.

`DIR/keys/node.jws` keeps the root statement (public), whose fingerprint is the node id. The self-certification of the site's keys goes into the database beside
what superiors say (PROTOCOL 6.1).
"""

import time
from pathlib import Path

from catalog.policy_store import PolicyHolder
from catalog.site import SiteIdentity
from catalog.store import Store, open_store
from node.errors import SiteFolderError
from node.settings_model import Settings
from policies.divisions import level_of
from sync import keys as key_files
from sync.claims import NodeStatement
from sync.ids import fingerprint
from sync.say import certify_claims, node_claims
from sync.statements import Statement, parse_all, sign
from sync.trusted import keep_statements

STATEMENT = "node.jws"
PACKAGES = ["sync"]


def database_address(folder: Path, settings: Settings) -> str:
    """The database's URL, or the absolute path of its file."""
    return settings.database if "://" in settings.database else str(folder.absolute() / settings.database)


def open_database(folder: Path, settings: Settings) -> Store:
    """Opens the site's database; its schema is not looked at."""
    return open_store(database_address(folder, settings), data_dir=folder)


def make_identity(folder: Path, settings: Settings) -> tuple[str, str]:
    """Makes keys and database of a new site.

    Returns:
        Node id, and its fingerprint for people.
    """
    now = int(time.time())
    keys = key_files.create(folder / "keys")
    assert keys.root is not None
    root = sign(node_claims([keys.root.public], now=now), keys.root)
    (folder / "keys" / STATEMENT).write_text(root + "\n", encoding="ascii")
    statement = parse_all([root])[0]
    assert isinstance(statement.body, NodeStatement)
    node = statement.body.node
    site = settings.site
    own = sign(
        certify_claims(
            iss=node,
            sub=node,
            zone=site.zone,
            serial=1,
            site_keys=[keys.site.public],
            witness_key=keys.witness.public,
            name=_name(settings),
            sector=site.sector,
            level=_level(settings),
            division=site.division,
            unit=site.unit,
            divisions=[site.division] if site.division else [],
            depth=8,
            now=now,
        ),
        keys.root,
    )
    store = open_database(folder, settings)
    try:
        store.upgrade(also=PACKAGES)
        with store.write() as tx:
            keep_statements(tx.conn, parse_all([root, own]), source=node, now=now)
            tx.audit("site.found", detail={"node": node, "zone": site.zone})
        PolicyHolder(store, site_identity(folder, settings), [folder / "policies"]).activate("local")
    finally:
        store.close()
    return node, fingerprint(node)


def own_statement(folder: Path) -> Statement:
    """The root statement of the site in `folder`.

    Raises:
        SiteFolderError: the file is missing or damaged.
    """
    file = folder / "keys" / STATEMENT
    try:
        return parse_all([file.read_text(encoding="ascii").strip()])[0]
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise SiteFolderError(
            zh=f"缺少或损坏：{file}。请从备份恢复 keys 文件夹。", en=f"{file} is missing or damaged; restore the keys folder from a backup."
        ) from error


def site_identity(folder: Path, settings: Settings) -> SiteIdentity:
    """The identity of the site in `folder`, from its keys and settings."""
    body = own_statement(folder).body
    assert isinstance(body, NodeStatement)
    site = settings.site
    return SiteIdentity(
        node=body.node,
        zone=site.zone,
        division=site.division,
        level=_level(settings),
        name=_name(settings),
        sector=site.sector,
        secrecy_cap=settings.highest_secrecy,
    )


def _name(settings: Settings) -> dict[str, str]:
    return {language: text for language, text in settings.site.name.items() if text}


def _level(settings: Settings) -> str:
    level = settings.site.level or (level_of(settings.site.division) if settings.site.division else None)
    assert level is not None  # the settings' own check
    return level
