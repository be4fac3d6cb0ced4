"""Receipts (PROTOCOL 6.8): believed by a stranger with a root id alone, and by nobody once anything is bent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.canonical import b64, dumps, loads
from sync.errors import ReceiptError
from sync.notes import add_signature
from sync.receipt import Proved, make, verify
from tests.sync.world import NOW, Log, Node, Record, World, trust_of, world

YEARS = 3 * 366 * 86_400


class Made:
    """A record of Wuhou among others, its log cosigned by Chengdu."""

    def __init__(self) -> None:
        self.w: World = world()
        self.records = [self.w.county.publish(f"井 {n}") for n in range(5)]

    def receipt(
        self, record: Record | None = None, *, disclose: tuple[str, ...] = ("title",), note: str | None = None, size: int | None = None, **changes: Any
    ) -> bytes:
        record = record or self.records[2]
        county = self.w.county
        values: dict[str, Any] = {
            "manifest": record.text,
            "disclose": [record.built.disclosures[name] for name in disclose],
            "index": record.index,
            "note": note or county.note(size, witness=self.w.city),
            "proof": county.log.inclusion(record.index, size),
            "statements": [jws for statement in self.w.trust().chain(county.id) for jws in statement.tokens],
        }
        return make(**{**values, **changes})

    def verify(self, data: bytes, root: str | None = None, *, now: int = NOW + 60, **changes: Any) -> Proved:
        return verify(data, root or self.w.nation.id, now=now, **changes)

    def refused(self, data: bytes, root: str | None = None, **changes: Any) -> ReceiptError:
        with pytest.raises(ReceiptError) as error:
            self.verify(data, root, **changes)
        assert error.value.zh and error.value.kind.startswith("receipt")
        return error.value


@pytest.fixture(scope="module")
def made() -> Made:
    return Made()


def test_receipt_proves_the_record_to_a_stranger(made: Made) -> None:
    # PROTOCOL 6.8
    found = made.verify(made.receipt())
    assert found.values == {"title": {"zh": "井 2"}}
    assert found.path == tuple(node.id for node in made.w.nodes)
    assert [name["zh"] for name in found.names] == ["节点 000000", "节点 510000", "节点 510100", "节点 510107"]
    assert (found.cosigned, found.witness, found.index, found.size) == (NOW, made.w.city.id, 2, 5)
    assert found.withheld_at_most == 7


def test_receipt_from_any_root_on_the_way(made: Made) -> None:
    for root in (made.w.province.id, made.w.city.id):
        assert made.verify(made.receipt(), root).values


def test_receipt_still_verifies_when_its_statements_have_expired(made: Made) -> None:
    """A receipt is about the moment of the cosignature."""
    assert made.verify(made.receipt(), now=NOW + YEARS).cosigned == NOW


def test_receipt_shows_nothing_that_was_not_disclosed(made: Made) -> None:
    data = made.receipt(disclose=())
    assert made.verify(data).values == {}
    assert "井".encode() not in data and b"title" not in data


def test_another_root_is_refused(made: Made) -> None:
    assert made.refused(made.receipt(), Node("000000").id).clause == "3.3"
    for root in ("", "n-x", made.w.nation.id.upper()):
        assert made.refused(made.receipt(), root or "?").kind == "receipt"


def test_uncosigned_receipt_is_refused_unless_asked_for(made: Made) -> None:
    data = made.receipt(note=made.w.county.note())
    assert made.refused(data).kind == "receipt-uncosigned"
    assert made.verify(data, allow_uncosigned=True).cosigned is None


def test_cosignature_by_anybody_but_the_witness_does_not_count(made: Made) -> None:
    for other in (made.w.province, made.w.county, Node("510100")):
        assert made.refused(made.receipt(note=made.w.county.note(witness=other))).kind == "receipt-uncosigned"


def test_cosignature_from_the_future_does_not_count(made: Made) -> None:
    assert made.refused(made.receipt(note=made.w.county.note(witness=made.w.city, at=NOW + 1000)), now=NOW).kind == "receipt-uncosigned"


def test_record_of_another_authority_is_refused(made: Made) -> None:
    other = Node("510104")
    made.w.city.certify(other)
    stolen = other.publish()
    county = made.w.county
    data = made.receipt(manifest=stolen.text, disclose=(), index=2)
    assert made.refused(data).clause == "3.2"
    log = Log(county.log.origin)
    forged = county.publish(birth=stolen.birth, log=log)  # the county signs under an id that is not its own
    note = county.note(log=log, witness=made.w.city)
    data = made.receipt(manifest=forged.text, disclose=(), index=0, note=note, proof=[])
    assert made.refused(data).clause == "6.3"


def test_checkpoint_by_another_key_is_refused(made: Made) -> None:
    note = made.w.county.note(key=made.w.city.site)
    assert made.refused(made.receipt(note=add_signature(note, made.w.city.cosign(note)))).clause == "3.3"


def test_missing_statement_is_refused(made: Made) -> None:
    tokens = [jws for statement in made.w.trust().chain(made.w.county.id) for jws in statement.tokens]
    for place in range(len(tokens)):
        made.refused(made.receipt(statements=tokens[:place] + tokens[place + 1 :]))


def test_receipt_with_a_revocation_among_its_statements_is_refused() -> None:
    made = Made()
    data = loads(made.receipt())
    assert isinstance(data, dict) and isinstance(data["statements"], list)
    assert made.verify(dumps(data))
    assert made.refused(dumps({**data, "statements": [*data["statements"], made.w.province.certify(made.w.city, revoked=True)]}))


def test_leaf_of_a_closed_epoch_is_refused() -> None:
    made = Made()
    data = made.receipt()
    closing = made.w.city.close(made.w.county, size=1)
    value = loads(data)
    assert isinstance(value, dict) and isinstance(value["statements"], list)
    assert made.refused(dumps({**value, "statements": [*value["statements"], closing]})).clause == "6.2"


@pytest.mark.parametrize("name", ["disclose", "index", "kind", "manifest", "note", "proof", "statements", "v"])
@pytest.mark.parametrize("value", [None, 5, -1, "x", [], ["x"], {}, [5]])
def test_bent_member_is_refused(made: Made, name: str, value: Any) -> None:
    whole = loads(made.receipt())
    assert isinstance(whole, dict)
    if name == "disclose" and value == []:
        return  # fewer fields: a receipt may be cut by whoever passes it on
    made.refused(dumps({**whole, name: value}))
    made.refused(dumps({key: member for key, member in whole.items() if key != name}))


def test_forged_disclosure_and_wrong_place_are_refused(made: Made) -> None:
    record = made.records[2]
    assert made.refused(made.receipt(disclose=("title",), manifest=made.records[1].text)).clause in ("2.3", "3.4")
    text = record.built.disclosures["title"].replace("井", "矿")
    whole = loads(made.receipt())
    assert isinstance(whole, dict)
    assert made.refused(dumps({**whole, "disclose": [text]})).clause == "2.3"
    assert made.refused(dumps({**whole, "index": 3})).clause == "3.4"
    assert made.refused(dumps({**whole, "proof": [b64(bytes(32))] * 3})).clause == "3.4"


@given(st.data())
def test_no_bent_byte_leaves_a_receipt_valid(data: st.DataObject) -> None:
    made = FIXED
    place = data.draw(st.integers(0, len(FIXED_RECEIPT) - 1))
    raw = bytearray(FIXED_RECEIPT)
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        found = made.verify(bytes(raw))
    except ReceiptError:
        return
    assert found == made.verify(FIXED_RECEIPT)  # only a signature line that nobody needs may differ


FIXED = Made()
FIXED_RECEIPT = FIXED.receipt(disclose=("title", "summary"))


@given(st.binary(max_size=100))
def test_any_bytes_give_a_receipt_error(body: bytes) -> None:
    FIXED.refused(body)


def test_receipt_may_end_in_a_newline(made: Made) -> None:
    assert made.verify(made.receipt() + b"\n").values


def test_witness_of_the_top_node_is_below_it() -> None:
    w = world()
    w.nation.state_self(witnesses=[w.province.id])
    record = w.nation.publish()
    trust = trust_of(*w.nodes)
    data = make(
        manifest=record.text,
        disclose=[],
        index=0,
        note=w.nation.note(witness=w.province),
        proof=[],
        statements=[jws for statement in trust.chain(w.nation.id) for jws in statement.tokens],
    )
    assert verify(data, w.nation.id, now=NOW).witness == w.province.id
