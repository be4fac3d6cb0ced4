"""Node ids, sites and the names of logs and streams (PROTOCOL 1.2–1.4, 4.6)."""

import base64
import re
from dataclasses import dataclass

from catalog.ids import check_birth, is_node_id, is_record_id, mint_id
from sync.errors import SyncError
from sync.suite import DEFAULT, Suite

__all__ = [
    "Origin",
    "check_birth",
    "fingerprint",
    "is_node_id",
    "is_record_id",
    "is_zone",
    "log_origin",
    "mint_id",
    "node_id",
    "parse_fingerprint",
    "parse_origin",
    "stream_origin",
    "witness_name",
]

_ZONE = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_ORIGIN = re.compile(r"terrace/1/(n-[a-z2-7]{32})/([a-z][a-z0-9-]{0,40})/([1-9][0-9]{0,8})\Z")


@dataclass(frozen=True)
class Origin:
    """The name of a log, taken apart.

    Attributes:
        node: whose log it is.
        zone: zone of the site.
        epoch: 1 at first; one more after each closing.
    """

    node: str
    zone: str
    epoch: int

    def __str__(self) -> str:
        return f"terrace/1/{self.node}/{self.zone}/{self.epoch}"


def node_id(root_statement: bytes, suite: Suite = DEFAULT) -> str:
    """The id of a node: the fingerprint of its first root statement.

    Args:
        root_statement: payload bytes of the `node` statement with version 1.
        suite: the suite that the statement names.
    """
    # PROTOCOL 1.2
    digest = suite.hash(b"terrace/1 node\n" + root_statement)[:20]
    return "n-" + base64.b32encode(digest).decode("ascii").lower()


def fingerprint(node: str) -> str:
    """A node id for people to compare: 8 groups of 4 characters."""
    # PROTOCOL 1.2
    if not is_node_id(node):
        raise SyncError(zh=f"不是节点号：{node!r:.60}", en=f"not a node id: {node!r:.60}", clause="1.2", kind="node-id")
    body = node[2:]
    return " ".join(body[at : at + 4] for at in range(0, 32, 4))


def parse_fingerprint(text: str) -> str:
    """Reads a node id as people type it: with or without `n-`, blanks, hyphens, in any case.

    Raises:
        SyncError: not 32 characters of base32.
    """
    # PROTOCOL 1.2
    body = re.sub(r"[\s-]", "", text[:200].strip().lower().removeprefix("n-"))
    if not is_node_id("n-" + body):
        raise SyncError(
            zh=f"不是节点号：{text!r:.60}（应为 8 组、每组 4 字符）",
            en=f"not a node id: {text!r:.60} (8 groups of 4 characters expected)",
            clause="1.2",
            kind="node-id",
        )
    return "n-" + body


def is_zone(value: object) -> bool:
    """Tells whether a value is written like a zone's name."""
    return isinstance(value, str) and _ZONE.match(value) is not None


def log_origin(node: str, zone: str, epoch: int) -> str:
    """The name of a site's log (PROTOCOL 1.4)."""
    return str(Origin(node, zone, epoch))


def parse_origin(text: object) -> Origin:
    """Takes the name of a log apart.

    Raises:
        SyncError: not the name of a log of this version.
    """
    # PROTOCOL 1.4
    match = _ORIGIN.match(text) if isinstance(text, str) else None
    if match is None:
        raise SyncError(zh=f"不是日志名：{text!r:.100}", en=f"not the name of a log: {text!r:.100}", clause="1.4", kind="origin")
    return Origin(match[1], match[2], int(match[3]))


def stream_origin(sender: str, receiver: str, gen: str) -> str:
    """First line of a stream's head note (PROTOCOL 4.6)."""
    return f"terrace/1/stream/{sender}/{receiver}/{gen}"


def witness_name(node: str, zone: str) -> str:
    """Key name under which a node's witness key cosigns (PROTOCOL 3.3)."""
    return f"terrace/1/witness/{node}/{zone}"
