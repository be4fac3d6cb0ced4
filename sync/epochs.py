"""Which epochs are closed, and who took over from whom (PROTOCOL 6.2, 6.3). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sync.certify import MAX_AHEAD, Certifier, Refusal, Signed
from sync.claims import EpochClose, Succession
from sync.statements import Statement

__all__ = ["Closings", "Successions", "accept_closings", "find_successions"]

#: old authority → record id, or None for all its records → the succession.
type Successions = Mapping[str, Mapping[str | None, Succession]]


@dataclass(frozen=True)
class Closings:
    """The closed epochs.

    Attributes:
        by_node: node → epoch closed → the statement that counts.
        statements: node → all that are genuine.
    """

    by_node: Mapping[str, Mapping[int, EpochClose]]
    statements: Mapping[str, list[Statement]]


def accept_closings(certifier: Certifier, statements: Iterable[Statement], signed: Signed) -> Closings:
    """Finds the closings that count: by a direct superior, or by the own root of a node that has none. Of two sizes for one epoch the smaller counts.

    Args:
        certifier: who is certified; learns the refusals.
        statements: all that are known.
        signed: verifies signatures.
    """
    # PROTOCOL 6.2
    by_node: dict[str, dict[int, EpochClose]] = {}
    genuine: dict[str, list[Statement]] = {}
    closings = [(statement, statement.body) for statement in statements if isinstance(statement.body, EpochClose) and statement.body.zone == certifier.zone]
    for statement, body in sorted(closings, key=lambda pair: (pair[1].sub, pair[1].closes, -pair[1].size, pair[0].digest)):
        superiors = certifier.parents.get(body.sub, set())
        by_superior = body.iss in superiors and _signed_by(certifier, body.iss, statement, signed)
        by_itself = body.iss == body.sub and not superiors and certifier.signed_by_root(body.sub, statement)
        if (by_superior or by_itself) and _in_time(body, certifier.now):
            by_node.setdefault(body.sub, {})[body.closes] = body  # ascending order of trust: the smallest size comes last and stays
            genuine.setdefault(body.sub, []).append(statement)
        else:
            certifier.refusals[statement.digest] = Refusal(
                statement.digest,
                body.iss,
                body.sub,
                "6.2",
                "epoch",
                "关闭纪元者不是其现任直接上级，或签名不成立",
                "an epoch is closed by a direct superior; this issuer is none, or did not sign",
            )
    return Closings(by_node, genuine)


def find_successions(certifier: Certifier, statements: Iterable[Statement], signed: Signed) -> Successions:
    """Finds the successions that count: the issuer stands above the new authority, and stands or once stood above the old one.

    Two successions for one record of one authority contradict each other, and neither counts. One that names a record goes before one for all.
    """
    # PROTOCOL 6.3
    found: dict[str, dict[str | None, list[tuple[Statement, Succession]]]] = {}
    for statement in statements:
        body = statement.body
        if not isinstance(body, Succession) or body.zone != certifier.zone:
            continue
        above = body.to in certifier.certs and body.iss in certifier.ancestors(body.to) and body.iss in certifier.kindred(body.from_)
        if not above or not _signed_by(certifier, body.iss, statement, signed) or not _in_time(body, certifier.now):
            _refuse(
                certifier, statement, body, "签发者不在新旧两个负责节点之上，或签名不成立", "its issuer does not stand above both authorities, or did not sign"
            )
            continue
        for record_id in [None] if body.ids is None else sorted(body.ids):
            found.setdefault(body.from_, {}).setdefault(record_id, []).append((statement, body))
    result: dict[str, dict[str | None, Succession]] = {}
    for node, named in found.items():
        for key, listed in named.items():
            if len(listed) == 1:
                result.setdefault(node, {})[key] = listed[0][1]
                continue
            for statement, body in listed:
                _refuse(certifier, statement, body, "同一记录有两份接任声明", "two successions for one record", "equivocation")
    return result


def _signed_by(certifier: Certifier, node: str, statement: Statement, signed: Signed) -> bool:
    keys = [key for cert in certifier.certs.get(node, ()) for key in cert.site_keys]
    return signed(statement, keys, 1) or (node in certifier.certs and certifier.signed_by_root(node, statement))


def _in_time(body: EpochClose | Succession, now: int) -> bool:
    return body.iat <= now + MAX_AHEAD and now < body.exp


def _refuse(certifier: Certifier, statement: Statement, body: Succession, zh: str, en: str, kind: str = "succession") -> None:
    certifier.refusals[statement.digest] = Refusal(statement.digest, body.iss, body.from_, "6.3", kind, zh, en)
