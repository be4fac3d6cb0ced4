"""The manifest and its disclosures: what is built is accepted; every alteration is refused (PROTOCOL 2)."""

import hashlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.canonical import b64, dumps
from catalog.errors import CanonicalError, ManifestError
from catalog.manifest import check_disclosures, field_digest, parse
from catalog.manifest_making import build, disclosures, tombstone

NODE = "n-" + "a" * 32
COMMON = {
    "id": "urn:terrace:01234567-89ab-8def-8123-456789abcdef",
    "birth": (NODE, b"\x01" * 16),
    "time": "2026-11-24T06:26:41Z",
    "version": 7,
    "zone": "government",
    "authority": NODE,
}
RECORD = {
    **COMMON,
    "profile": "core/1",
    "secrecy": "internal",
    "terms": {"audience": {"nodes": [NODE], "divisions": ["510000"]}, "lease": 86400, "obligations": [], "onward": True, "purposes": ["survey"], "until": None},
}
NAMES = ("title", "summary", "keywords", "sharing")
FIELDS = {"title": {"zh": "地下水", "en": "groundwater"}, "sharing": {"type": "unconditional"}, "resources.a1": {"sha256": "00" * 32}}


def _made(**changes):
    return build(FIELDS, names=NAMES, **{**RECORD, **changes})


def test_what_is_built_is_read_and_proves_its_disclosures():
    built = _made()
    manifest = parse(built.manifest)
    assert manifest.hash == built.hash == hashlib.sha256(built.manifest).digest()
    assert check_disclosures(manifest, built.disclosures.values()) == {
        "title": FIELDS["title"],
        "summary": None,
        "keywords": None,
        "sharing": FIELDS["sharing"],
        "resources.a1": FIELDS["resources.a1"],
    }
    assert (manifest.version, manifest.secrecy, manifest.profile, manifest.is_tombstone) == (7, "internal", "core/1", False)


def test_a_part_of_the_disclosures_proves_that_part():
    built = _made()
    assert check_disclosures(parse(built.manifest), [built.disclosures["title"]]) == {"title": FIELDS["title"]}
    assert check_disclosures(parse(built.manifest), []) == {}


def test_absent_profile_fields_are_disclosed_as_null_and_the_number_of_fields_shows_only_in_steps_of_eight():
    built = _made()
    assert json.loads(built.disclosures["summary"])[2] is None
    for count in range(1, 20):
        made = build({f"x.f{i}": i for i in range(count)}, names=(), **RECORD)
        assert len(parse(made.manifest).digests) == -(-count // 8) * 8


def test_two_versions_of_the_same_content_share_nothing():
    first, second = parse(_made().manifest), parse(_made().manifest)
    assert not first.digests & second.digests
    assert first.hash != second.hash


def test_a_changed_disclosure_is_refused():
    built = _made()
    manifest = parse(built.manifest)
    salt, name, value = json.loads(built.disclosures["title"])
    for forged in (dumps([salt, name, {"zh": "别的"}]), dumps([salt, "summary", value]), dumps([b64(os.urandom(16)), name, value])):
        with pytest.raises(ManifestError, match="no digest"):
            check_disclosures(manifest, [forged.decode()])


def disclosure(name, value, salt=b"s" * 16):
    return disclosures({name: dumps(value).decode()}, [], [salt])[name]


def test_a_field_disclosed_twice_is_refused():
    built = _made()
    with pytest.raises(ManifestError, match="twice"):
        check_disclosures(parse(built.manifest), [built.disclosures["title"]] * 2)


def test_two_disclosures_cut_at_another_place_are_refused():
    one, two = disclosure("title", 1), disclosure("summary", 2)
    joined = f"{one},{two}"
    cut = joined.index(",", len(one) + 1)
    parts = [joined[:cut], joined[cut + 1 :]]
    manifest = parse(_made().manifest)
    with pytest.raises(ManifestError):
        check_disclosures(manifest, parts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '["AAAAAAAAAAAAAAAAAAAAAA","title"]',
        '["AAAA","title",1]',
        '["AAAAAAAAAAAAAAAAAAAAAA","Title",1]',
        '["AAAAAAAAAAAAAAAAAAAAAA", "title",1]',
        '["AAAAAAAAAAAAAAAAAAAAAA","title",1.5]',
        "[" * 3000,
    ],
)
def test_what_is_no_disclosure_is_refused(text):
    with pytest.raises(ManifestError):
        check_disclosures(parse(_made().manifest), [text])


def test_a_tombstone_has_no_content():
    built = tombstone(**COMMON)
    manifest = parse(built.manifest)
    assert manifest.is_tombstone and not built.disclosures and not manifest.digests and manifest.secrecy is None
    with pytest.raises(ManifestError):
        check_disclosures(manifest, [disclosure("title", 1)])


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("id", "urn:uuid:x"),
        ("id", "urn:terrace:01234567-89ab-4def-8123-456789abcdef"),
        ("authority", "n-ABC"),
        ("birth", [NODE]),
        ("birth", [NODE, "AAAA"]),
        ("kind", "row"),
        ("nonce", ""),
        ("profile", "core"),
        ("profile", None),
        ("secrecy", "open"),
        ("secrecy", None),
        ("terms", 5),
        ("terms", {"lease": 0}),
        ("terms", {"lease": True}),
        ("terms", {"until": "tomorrow"}),
        ("terms", {"onward": "yes"}),
        ("terms", {"audience": []}),
        ("terms", {"purposes": "survey"}),
        ("time", "2026-13-01T00:00:00Z"),
        ("time", 5),
        ("v", 2),
        ("v", True),
        ("version", 0),
        ("version", True),
        ("zone", "Government"),
        ("digests", []),
        ("digests", ["AAAA"] * 8),
        ("digests", None),
        ("attested", "yes"),
    ],
)
def test_a_member_of_the_wrong_form_is_refused(member, value):
    data = json.loads(_made().manifest)
    data[member] = value
    with pytest.raises(ManifestError) as caught:
        parse(dumps(data))
    assert member.split(".")[0] in caught.value.en and caught.value.zh


def test_a_missing_member_is_refused():
    whole = json.loads(_made().manifest)
    for member in whole:
        with pytest.raises(ManifestError):
            parse(dumps({key: value for key, value in whole.items() if key != member}))


def test_unsorted_repeated_or_unpadded_digests_are_refused():
    data = json.loads(_made().manifest)
    for digests in (data["digests"][::-1], data["digests"][:-1], [data["digests"][0]] * 8):
        with pytest.raises(ManifestError):
            parse(dumps({**data, "digests": digests}))


def test_unknown_members_are_kept():
    data = json.loads(_made().manifest)
    assert parse(dumps({**data, "future": [1]})).data["future"] == [1]


def test_the_digest_is_that_of_the_protocol():
    text = disclosure("title", {"zh": "水"}, b"\0" * 16)
    assert text == '["AAAAAAAAAAAAAAAAAAAAAA","title",{"zh":"水"}]'
    assert field_digest(text) == b64(hashlib.sha256(b"terrace/1 field\n" + text.encode()).digest())


def test_the_attested_mark_is_part_of_the_manifest():
    assert parse(_made(attested={"source": "https://example.org/csw"}).manifest).attested == {"source": "https://example.org/csw"}


def test_bad_values_are_not_built():
    for bad in ({"Title": 1}, {"resources.": 1}, {"x.": 1}):
        with pytest.raises(ManifestError):
            build(bad, names=(), **RECORD)
    with pytest.raises(CanonicalError):
        build({"title": 1.5}, names=(), **RECORD)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.text(max_size=5) | st.integers(-5, 5), lambda v: st.lists(v) | st.dictionaries(st.sampled_from(["id", "v", "birth", "kind"]), v)
    ).map(lambda v: json.dumps(v).encode())
)
def test_arbitrary_bytes_never_do_anything_but_raise_a_manifest_error(data):
    with pytest.raises(ManifestError):
        parse(data)
