"""Signed notes, checkpoints, cosignatures (PROTOCOL 3.3) and stream heads (4.6): C2SP's own examples, and everything that is almost a note."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import NoteError
from sync.notes import Checkpoint, SignatureLine, add_signature, cosign, key_id, parse_checkpoint, parse_note, sign_checkpoint, verify_cosignatures, verify_note
from sync.stream import make_head, verify_head
from sync.suite import ED25519

KEY, OTHER, WITNESS = ED25519.generate(), ED25519.generate(), ED25519.generate()
NAME = "terrace/1/witness/n-x/business"
POINT = Checkpoint("terrace/1/n-x/business/1", 812, bytes(range(32)))
NOTE = sign_checkpoint(POINT, KEY)

# The example of C2SP tlog-checkpoint and tlog-witness.
EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""


def test_example_of_the_standard_is_read() -> None:
    note = parse_note(EXAMPLE)
    assert parse_checkpoint(note) == Checkpoint("example.com/behind-the-sofa", 20852163, base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="))
    assert [line.name for line in note.lines] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert int.from_bytes(note.lines[1].signature[:8]) == 1679315147
    assert "".join(map(str, note.lines)) in EXAMPLE
    assert parse_checkpoint(note).text == note.text


def test_signed_checkpoint_verifies() -> None:
    # PROTOCOL 3.3
    assert verify_note(parse_note(NOTE), [OTHER.public, KEY.public]) == POINT
    assert verify_note(parse_note(NOTE.encode()), [KEY.public]) == POINT


def test_checkpoint_by_another_key_is_unsigned() -> None:
    with pytest.raises(NoteError) as refused:
        verify_note(parse_note(NOTE), [OTHER.public])
    assert refused.value.kind == "unsigned"


def test_key_under_another_name_does_not_count() -> None:
    line = SignatureLine("terrace/1/n-y/business/1", key_id("terrace/1/n-y/business/1", KEY.public), KEY.sign(POINT.text.encode()))
    with pytest.raises(NoteError):
        verify_note(parse_note(f"{POINT.text}\n{line}"), [KEY.public])


def test_wrong_signature_by_a_known_key_rejects_the_note_even_beside_a_good_one() -> None:
    bad = SignatureLine(POINT.origin, key_id(POINT.origin, OTHER.public), bytes(64))
    with pytest.raises(NoteError, match="does not verify"):
        verify_note(parse_note(f"{NOTE}{bad}"), [KEY.public, OTHER.public])
    assert verify_note(parse_note(f"{NOTE}{bad}"), [KEY.public]) == POINT  # unknown: ignored


def test_changed_text_rejects_the_note() -> None:
    with pytest.raises(NoteError):
        verify_note(parse_note(NOTE.replace("\n812\n", "\n813\n")), [KEY.public])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        POINT.text,
        POINT.text + "\n",
        NOTE[:-1],
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—"),
        NOTE + "\n",
        NOTE.replace("\n812", "\r\n812"),
        NOTE + "\0",
        NOTE[:-3] + "\n",
        NOTE[:-1] + "=\n",
        f"{POINT.text}\n— a+b AAAAAAAA\n",
        f"{POINT.text}\n— a b c\n",
        f"{POINT.text}\n— a AAAA\n",
        f"{POINT.text}\n— a AAAAAAA=\n{'— a AAAAAAAA' * 1}",
        f"{POINT.text}\n" + "— a AAAAAAAA\n" * 17,
        "x" * 20_000 + "\n\n— a AAAAAAAA\n",
        "\n\n— a AAAAAAAA\n",
    ],
)
def test_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        parse_note(note)


@pytest.mark.parametrize(
    "text",
    [
        "a\n1\n",
        "a\n1\nAAAA\n",
        "a\n01\n{r}\n",
        "a\n-1\n{r}\n",
        "a\n+1\n{r}\n",
        "a\n1 \n{r}\n",
        "a\n9007199254740992\n{r}\n",
        "a\n1\n{r}\nextension\n",
        "a b\n1\n{r}\n",
        "a\n1\n{r}=\n",
        "a\n１\n{r}\n",
        "a\n\n1\n{r}\n",
    ],
)
def test_text_that_is_no_checkpoint_is_refused(text: str) -> None:
    root = base64.b64encode(bytes(32)).decode()
    with pytest.raises(NoteError):
        parse_checkpoint(parse_note(text.replace("{r}", root) + "\n— a AAAAAAAA\n"))


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_bytes_give_a_note_or_a_note_error(data: bytes | str) -> None:
    try:
        parse_checkpoint(parse_note(data))
    except NoteError as error:
        assert error.zh and error.en and error.clause == "3.3"


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
def test_no_bent_byte_leaves_a_note_valid(place: int, change: int) -> None:
    raw = bytearray(NOTE.encode())
    raw[place] ^= change
    with pytest.raises(NoteError):
        verify_note(parse_note(bytes(raw)), [KEY.public])


def test_cosignature_verifies_and_its_time_is_the_heartbeat() -> None:
    # PROTOCOL 3.3, 3.5
    assert verify_cosignatures(parse_note(NOTE), [(NAME, WITNESS.public)], now=1000) is None
    note = add_signature(NOTE, cosign(parse_note(NOTE), NAME, WITNESS, 1000))
    found = verify_cosignatures(parse_note(note), [(NAME, WITNESS.public)], now=1000)
    assert found is not None and found.time == 1000
    assert verify_note(parse_note(note), [KEY.public]) == POINT
    later = add_signature(note, cosign(parse_note(NOTE), NAME, WITNESS, 1600))
    assert len(parse_note(later).lines) == 2  # the older one by the same key went
    found = verify_cosignatures(parse_note(later), [(NAME, WITNESS.public)], now=1600)
    assert found is not None and found.time == 1600


def test_cosignature_by_the_site_key_itself_does_not_count() -> None:
    note = add_signature(NOTE, cosign(parse_note(NOTE), POINT.origin, KEY, 1000))
    assert verify_cosignatures(parse_note(note), [(NAME, WITNESS.public)], now=1000) is None


def test_cosignature_with_another_time_than_signed_is_refused() -> None:
    line = cosign(parse_note(NOTE), NAME, WITNESS, 1000)
    raw = base64.b64decode(line.split(" ")[2])
    moved = SignatureLine(NAME, raw[:4], (2000).to_bytes(8, "big") + raw[12:])
    with pytest.raises(NoteError, match="does not verify"):
        verify_cosignatures(parse_note(add_signature(NOTE, str(moved))), [(NAME, WITNESS.public)], now=3000)


def test_cosignature_more_than_five_minutes_ahead_is_refused() -> None:
    # PROTOCOL 6.5
    note = parse_note(add_signature(NOTE, cosign(parse_note(NOTE), NAME, WITNESS, 1301)))
    assert verify_cosignatures(note, [(NAME, WITNESS.public)], now=1001) is not None
    with pytest.raises(NoteError, match="five minutes") as refused:
        verify_cosignatures(note, [(NAME, WITNESS.public)], now=1000)
    assert refused.value.clause == "6.5"


def test_signature_line_without_newline_is_not_added() -> None:
    with pytest.raises(NoteError):
        add_signature(NOTE, cosign(parse_note(NOTE), NAME, WITNESS, 1000)[:-1])


def test_stream_head_verifies() -> None:
    # PROTOCOL 4.6
    head = make_head("n-a", "n-b", "gen", 97, 2**256 - 1, KEY)
    assert verify_head(head, sender="n-a", receiver="n-b", gen="gen", keys=[KEY.public]) == (97, 2**256 - 1)


@pytest.mark.parametrize(
    ("sender", "receiver", "gen", "key"), [("n-c", "n-b", "gen", KEY), ("n-a", "n-c", "gen", KEY), ("n-a", "n-b", "old", KEY), ("n-a", "n-b", "gen", OTHER)]
)
def test_head_of_another_stream_or_key_is_refused(sender: str, receiver: str, gen: str, key: object) -> None:
    head = make_head("n-a", "n-b", "gen", 97, 5, KEY)
    with pytest.raises(NoteError) as refused:
        verify_head(head, sender=sender, receiver=receiver, gen=gen, keys=[key.public])  # type: ignore[attr-defined]
    assert refused.value.clause == "4.6"
