"""Any bytes whatever, into every reader of bytes from outside: a value, or an error of the package; in little time and little memory.

`parsers.py` has the table; `make soak` runs the same under atheris (tests/fuzz.py), which looks for new paths instead of at random.
"""

import inspect
import pkgutil
import resource
import time
from importlib import import_module

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import sync
from policies.errors import TerraceError
from tests.sync.parsers import EXEMPT, Parser, parsers

TABLE = parsers()
#: Pieces that formats are made of, and what breaks careless readers.
PIECES = [
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"true", b"0", b"-0", b"-1", b"1e9", b"1.5", b"9007199254740991", b"9007199254740992", b"9" * 400,
    b"\\ud800", b"\\u0000", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\n", b"\n\n", b"\r", b" ", b".", b"=", b"/", b"%00",
    b"\xe2\x80\x94 ", b"n-", b"urn:terrace:", b'"v":2', b'"kind":"record"', b'"op":"put"', b"AAAA", b"[[" * 40, b"old 0\n\n",
]  # fmt: skip
#: Large and hostile for one format or another.
HEAVY = {
    "deep lists": b"[" * (1 << 20),
    "deep objects": b'{"a":' * (1 << 18),
    "digits": b"9" * (1 << 20),
    "quotes": b'"' * (1 << 20),
    "escapes": b'"' + b"\\u0041" * (1 << 17) + b'"',
    "many zeros": b"[" + b"0," * (1 << 19) + b"0]",
    "many keys": b"{" + b",".join(b'"%07d":0' % n for n in range(60_000)) + b"}",
    "dots": b"." * (1 << 20),
    "letters": b"A" * (1 << 20),
    "lines": b"\n" * (1 << 20),
    "dashes": b"x\n\n" + "— a AAAA\n".encode() * (1 << 15),
    "proof lines": b"old 1\n" + b"A" * 43 + b"=\n" * (1 << 18),
    "three segments": b"A" * (1 << 19) + b"." + b"A" * (1 << 18) + b"." + b"A" * 86,
    "invite": b"terrace-invite-1." + b"A" * (1 << 20),
    "blanks": b" " * (1 << 20),
    "not UTF-8": b"\xff" * (1 << 20),
}


@st.composite
def bent(draw: st.DrawFn, samples: tuple[bytes, ...]) -> bytes:
    """An honest sample with a few changes, or anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([0, 0, 1, 2, 10, 1000]))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=4) | st.just(bytes(data[at : at + length])))
        if draw(st.booleans()):
            data[at : at + length] = piece
        else:
            data[at:at] = piece
    return bytes(data)


def _fine(parser: Parser, data: bytes) -> None:
    try:
        parser.run(data)
    except TerraceError as error:
        assert error.zh and error.en and error.kind


@pytest.mark.parametrize("parser", TABLE, ids=lambda parser: parser.name)
def test_honest_samples_are_read(parser: Parser) -> None:
    for sample in parser.samples[:1]:
        parser.run(sample)
    for sample in parser.samples[1:]:
        _fine(parser, sample)


def _tried(parser: Parser, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(bent(parser.samples))
    @example(b"")
    def try_it(data: bytes) -> None:
        _fine(parser, data)

    try_it()


@pytest.mark.parametrize("parser", TABLE, ids=lambda parser: parser.name)
def test_any_bytes_give_a_value_or_an_error_of_the_package(parser: Parser) -> None:
    _tried(parser, 60)


@pytest.mark.soak
@pytest.mark.parametrize("parser", TABLE, ids=lambda parser: parser.name)
def test_very_many_bytes_give_a_value_or_an_error_of_the_package(parser: Parser) -> None:
    _tried(parser, 20_000)


@pytest.mark.parametrize("parser", TABLE, ids=lambda parser: parser.name)
def test_heavy_inputs_take_little_time_and_memory(parser: Parser) -> None:
    _fine(parser, parser.samples[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, data in HEAVY.items():
        began = time.process_time()
        _fine(parser, data)
        assert time.process_time() - began < 3, name
        # Of resident memory: orjson reserves, and does not touch, 250 bytes for each number of a list.
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10, name


def test_every_reader_of_bytes_stands_in_the_table() -> None:
    """A new `parse…`, `verify…`, `read…` of the package must be tried too, or say why not."""
    covered = {f"{function.__module__}.{function.__name__}" for parser in TABLE for function in parser.covers}
    found = set()
    for info in pkgutil.iter_modules(sync.__path__):
        module = import_module(f"sync.{info.name}")
        for name, value in vars(module).items():
            reads = name.startswith(("parse", "verify", "read_", "split_", "peek_", "check_", "origin_of", "record_id_of", "decide"))
            if reads and inspect.isfunction(value) and value.__module__ == module.__name__:
                found.add(f"{module.__name__}.{name}")
    assert found - covered - set(EXEMPT) == set()
