"""Receipts: the offline proof of a record (PROTOCOL 6.8). Made at a site, verified by a stranger with public keys alone. Pure.

A receipt is one canonical JSON object, `NAME.receipt.json`:

    {"disclose":["[…]"],"index":830,"kind":"receipt","manifest":"{…}","note":"<checkpoint, cosigned>","proof":["<32 B>"],"statements":["<JWS>"],"v":1}

It proves: *this record, with these fields, stood in the log of this authority when the witness cosigned it, and the authority was certified then by a chain
from the root that you named.* It does not prove that the record is still the newest, nor that no key was withdrawn later: for that one must ask. Nothing
about withheld fields follows but an upper bound of their number.

The verifier's procedure, numbered here and at the code: 1 form; 2 names: zone, authority, log; 3 the time at which all is judged: the cosignature's;
4 chain of statements from the root; 5 checkpoint signed by a site key, cosigned by the witness that the chain names; 6 inclusion; 7 birth, order, disclosures.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.canonical import JSON, b64, dumps, loads, unb64
from catalog.errors import CatalogError
from catalog.ids import check_birth, is_node_id
from catalog.manifest import Manifest, check_disclosures
from catalog.manifest import parse as parse_manifest
from sync.errors import ReceiptError, SyncError
from sync.ids import Origin, parse_origin
from sync.merkle import entry_leaf, verify_inclusion
from sync.notes import MAX_AHEAD, Cosignature, Note, parse_checkpoint, parse_note, verify_cosignatures, verify_note
from sync.statements import parse_all
from sync.suite import suite_of
from sync.trust import Trust

__all__ = ["MAX_BYTES", "Proved", "make", "verify"]

MAX_BYTES = 8 << 20
_MAX_STATEMENTS = 2000


@dataclass(frozen=True)
class Proved:
    """What a receipt proves.

    Attributes:
        manifest, values: the record and its disclosed fields.
        withheld_at_most: number of fields that may be withheld (digests are padded).
        origin, index, size: its leaf, and the size of the tree that holds it.
        cosigned: UTC seconds of the witness's cosignature; None when the log alone signed.
        witness: node id of the witness.
        path: node ids from the root to the authority.
        names: their names, in the same order.
    """

    manifest: Manifest
    values: Mapping[str, JSON]
    withheld_at_most: int
    origin: Origin
    index: int
    size: int
    cosigned: int | None
    witness: str | None
    path: tuple[str, ...]
    names: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class _Receipt:
    manifest: str
    disclose: list[str]
    index: int
    note: Note
    proof: list[bytes]
    statements: list[str]


def make(*, manifest: str, disclose: Iterable[str], index: int, note: str, proof: Sequence[bytes], statements: Iterable[str]) -> bytes:
    """Writes a receipt.

    Args:
        manifest: canonical text.
        disclose: the disclosure texts that whoever gets the receipt may see.
        index: leaf.
        note: a checkpoint over it, cosigned if there is one.
        proof: RFC 9162 inclusion proof of the leaf in that checkpoint.
        statements: tokens of `Trust.chain(authority)`.
    """
    # PROTOCOL 6.8
    return dumps(
        {
            "disclose": list(disclose),
            "index": index,
            "kind": "receipt",
            "manifest": manifest,
            "note": note,
            "proof": [b64(hash_) for hash_ in proof],
            "statements": list(statements),
            "v": 1,
        }
    )


def verify(data: bytes, root_id: str, *, now: int, allow_uncosigned: bool = False) -> Proved:
    """Verifies a receipt.

    Args:
        data: the file's bytes.
        root_id: the root that the verifier trusts, from elsewhere than the receipt.
        now: UTC seconds.
        allow_uncosigned: accept a checkpoint that no witness cosigned (what the authority alone signed, it could still have shown differently to others).

    Returns:
        What it proves.

    Raises:
        ReceiptError: with the step that failed, and the clause that is broken.
    """
    # PROTOCOL 6.8
    if not is_node_id(root_id):
        raise ReceiptError(zh=f"不是根节点号：{root_id!r:.60}", en=f"not a root id: {root_id!r:.60}")
    try:
        return _verify(_parse(data), root_id, now, allow_uncosigned)
    except ReceiptError:
        raise
    except SyncError as error:
        raise ReceiptError(
            zh=f"凭证不成立：{error.zh}", en=f"the receipt does not hold: {error.en}", clause=error.clause, kind=f"receipt-{error.kind}"
        ) from error
    except CatalogError as error:
        raise ReceiptError(zh=f"凭证不成立：{error.zh}", en=f"the receipt does not hold: {error.en}", clause="2.3", kind=f"receipt-{error.kind}") from error


def _verify(receipt: _Receipt, root_id: str, now: int, allow_uncosigned: bool) -> Proved:
    checkpoint = parse_checkpoint(receipt.note)
    origin = parse_origin(checkpoint.origin)
    manifest = parse_manifest(receipt.manifest)
    if (manifest.authority, manifest.zone) != (origin.node, origin.zone):  # 2
        raise ReceiptError(zh=f"记录的负责节点不是日志 {origin} 的节点", en=f"the record's authority is not the node of log {origin}", clause="3.2")
    trust, cosignature = _judge(receipt, root_id, origin, now, allow_uncosigned)  # 3, 4
    log = trust.log(origin)
    hash_ = suite_of(log.suite).hash
    if log.closed_at is not None:
        raise ReceiptError(zh=f"日志 {origin} 的纪元已关闭", en=f"the epoch of log {origin} is closed: ask for a receipt from the open one", clause="6.2")
    verify_note(receipt.note, log.keys)  # 5
    verify_inclusion(entry_leaf("record", receipt.manifest, hash_), receipt.index, checkpoint.size, receipt.proof, checkpoint.root, hash_)  # 6
    order_birth = check_birth(manifest.id, list(manifest.birth))  # 7
    trust.order(manifest.id, order_birth, origin, receipt.index)
    values = check_disclosures(manifest, receipt.disclose, hash_)
    cert = trust.certified(origin.node)
    names = tuple(trust.certified(node).name for node in cert.path)
    return Proved(
        manifest=manifest,
        values=values,
        withheld_at_most=len(manifest.digests) - len(values),
        origin=origin,
        index=receipt.index,
        size=checkpoint.size,
        cosigned=None if cosignature is None else cosignature.time,
        witness=None if cosignature is None else trust.witness_node(origin.node),
        path=cert.path,
        names=names,
    )


def _judge(receipt: _Receipt, root_id: str, origin: Origin, now: int, allow_uncosigned: bool) -> tuple[Trust, Cosignature | None]:
    """Steps 3 and 4: the moment of the cosignature is found from the keys of that moment; both must agree.

    Keys are first taken as they are at the newest time that any cosignature line claims; if one of them verifies at that time with the keys of that time,
    that is the moment. Statements that had expired by now still count: a receipt is about the past.
    """
    statements = parse_all(receipt.statements, limit=_MAX_STATEMENTS)
    claimed = sorted({int.from_bytes(line.signature[:8], "big") for line in receipt.note.lines if len(line.signature) == 72}, reverse=True)
    for time in claimed:
        if time > now + MAX_AHEAD:
            continue  # PROTOCOL 6.5
        trust = Trust(statements, anchors=[root_id], zone=origin.zone, now=time)
        found = verify_cosignatures(receipt.note, trust.witnesses(origin.node), now=None)
        if found is not None and found.time == time:
            return trust, found
    if not allow_uncosigned:
        raise ReceiptError(
            zh="检查点没有可信见证方的签名（或声明链不通向所指的根）",
            en="no witness that the statements name has cosigned the checkpoint, or the statements do not lead to the root that you named",
            clause="3.3",
            kind="receipt-uncosigned",
        )
    return Trust(statements, anchors=[root_id], zone=origin.zone, now=now), None


def _parse(data: bytes) -> _Receipt:
    """Step 1."""
    if len(data) > MAX_BYTES:
        raise ReceiptError(zh="凭证过大", en=f"a receipt is at most {MAX_BYTES} bytes")
    value = loads(data.strip(b"\n"))
    if not isinstance(value, dict) or value.get("v") != 1 or value.get("kind") != "receipt":
        raise ReceiptError(zh="不是第 1 版凭证", en="not a receipt of version 1")
    manifest, index, note, disclose, proof, statements = (value.get(name) for name in ("manifest", "index", "note", "disclose", "proof", "statements"))
    if not isinstance(manifest, str) or not isinstance(note, str) or type(index) is not int or index < 0:
        raise ReceiptError(zh="凭证缺少内容", en="the receipt lacks a member")
    texts: list[list[str]] = []
    for listed in (disclose, proof, statements):
        if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
            raise ReceiptError(zh="凭证缺少内容", en="the receipt lacks a member")
        texts.append([str(text) for text in listed])
    return _Receipt(manifest, texts[0], index, parse_note(note), [unb64(hash_, 32) for hash_ in texts[1]], texts[2])
