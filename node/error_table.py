"""The one table from kinds of errors to exit codes of the command line and statuses of HTTP.

A kind that is not listed is a failure of ours: exit code 1, status 500. `tests/node/test_error_table.py` walks every error class of the
project and fails when one is missing here. CKAN, CSW and OGC API take the status and put it in their own form.
"""

from dataclasses import dataclass

from policies.errors import TerraceError

OK, FAILED, USAGE, REFUSED, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 130
#: Whoever read the output has gone, as `head` does: what a shell says of SIGPIPE.
NOBODY_READS = 141

#: What `terrace --help` says about exit codes.
EXIT_CODES = {
    OK: "done",
    FAILED: "failed",
    USAGE: "wrong usage",
    REFUSED: "refused by policy, profile or trust",
    NOT_FOUND: "no such thing",
    INTERRUPTED: "interrupted",
}


@dataclass(frozen=True)
class Form:
    """How one kind of error shows: exit code, HTTP status."""

    exit: int
    status: int


ERRORS: dict[str, Form] = {
    # node
    "settings": Form(USAGE, 500),
    "site-folder": Form(USAGE, 500),
    "serve": Form(FAILED, 500),
    "plain-http": Form(REFUSED, 500),
    "port-in-use": Form(FAILED, 500),
    "base-url": Form(REFUSED, 500),
    "csrf": Form(REFUSED, 403),
    "cross-site": Form(REFUSED, 403),
    "foreign-host": Form(REFUSED, 400),
    "not-by-proxy": Form(REFUSED, 403),
    "too-many-attempts": Form(REFUSED, 429),
    "backup": Form(FAILED, 500),
    "usage": Form(USAGE, 400),
    # catalog
    "catalog": Form(FAILED, 500),
    "canonical": Form(REFUSED, 400),
    "manifest": Form(REFUSED, 422),
    "profile": Form(FAILED, 500),
    "record": Form(REFUSED, 400),
    "rows": Form(REFUSED, 400),
    "object": Form(FAILED, 404),
    "object-coming": Form(FAILED, 503),
    "filter": Form(USAGE, 400),
    "unknown-column": Form(USAGE, 400),
    "ingest": Form(REFUSED, 400),
    "quarantine": Form(REFUSED, 409),
    "not-found": Form(NOT_FOUND, 404),
    "denied": Form(REFUSED, 403),
    "query": Form(USAGE, 400),
    "conflict": Form(REFUSED, 409),
    "withdrawn": Form(REFUSED, 409),
    "ckan": Form(FAILED, 400),
    "publish": Form(REFUSED, 409),
    "store": Form(FAILED, 500),
    "schema": Form(FAILED, 500),
    "busy": Form(FAILED, 503),
    "disk": Form(FAILED, 503),
    "damaged": Form(FAILED, 500),
    "database-away": Form(FAILED, 503),
    "account": Form(REFUSED, 400),
    "sign-in": Form(REFUSED, 401),
    "job": Form(NOT_FOUND, 404),
    # policies
    "actor": Form(USAGE, 400),
    "actor-unset": Form(FAILED, 500),
    "division": Form(USAGE, 400),
    "policy": Form(REFUSED, 400),
    "vocabulary": Form(FAILED, 500),
    # ogc
    "ogc": Form(FAILED, 500),
    "parameter": Form(USAGE, 400),
    "filter-syntax": Form(USAGE, 400),
    # sync: what peers get is decided by PROTOCOL 7 in sync.endpoints; these are for the command line and pages
    "sync": Form(FAILED, 500),
    "suite": Form(FAILED, 500),
    "key-file": Form(FAILED, 500),
    "note": Form(REFUSED, 422),
    "proof": Form(REFUSED, 422),
    "cover": Form(REFUSED, 422),
    "fork": Form(REFUSED, 422),
    "missing-hash": Form(FAILED, 500),
    "statement": Form(REFUSED, 422),
    "trust": Form(REFUSED, 403),
    "invite": Form(REFUSED, 410),
    "token": Form(REFUSED, 401),
    "witness": Form(REFUSED, 409),
    "batch": Form(REFUSED, 422),
    "away": Form(FAILED, 503),
    "peer-refused": Form(REFUSED, 502),
    "halt": Form(REFUSED, 422),
    "receipt": Form(REFUSED, 422),
    "node-id": Form(USAGE, 400),
    "address": Form(USAGE, 400),
    "scope": Form(REFUSED, 403),
    "uncertified": Form(REFUSED, 403),
    "no-key": Form(REFUSED, 403),
    "not-a-peer": Form(NOT_FOUND, 404),
    "restored": Form(REFUSED, 503),
    "rolled-back": Form(REFUSED, 503),
    # base
    "error": Form(FAILED, 500),
}


def form(error: TerraceError) -> Form:
    """How an error shows: by its kind; an instance's finer kind that is not listed shows as its class does."""
    kinds = [error.kind, *(vars(each).get("kind") for each in type(error).__mro__)]
    return next(ERRORS[kind] for kind in kinds if kind in ERRORS)


def combined(codes: set[int]) -> int:
    """Exit code of a command that went on after failures: theirs when it is one and the same, else FAILED."""
    return OK if not codes else next(iter(codes)) if len(codes) == 1 else FAILED
