"""The one table from kinds of errors to exit codes of the command line and statuses of HTTP.

A kind that is not listed is a failure of ours: exit code 1, status 500. `tests/node/test_error_table.py` walks every error class of the
project and fails when one is missing here. CKAN, CSW and OGC API take the status and put it in their own form.
"""

from dataclasses import dataclass

OK, FAILED, USAGE, REFUSED, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 130

#: What `terrace --help` says about exit codes.
EXIT_CODES = {
    OK: "done", FAILED: "failed", USAGE: "wrong usage", REFUSED: "refused by policy, profile or trust", NOT_FOUND: "no such thing",
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
    "sign-in": Form(REFUSED, 401),
    "csrf": Form(REFUSED, 403),
    "too-many-attempts": Form(REFUSED, 429),
    "usage": Form(USAGE, 400),
    # base
    "error": Form(FAILED, 500),
}


def exit_code(kind: str) -> int:
    """Exit code of the command line for a kind of error."""
    return ERRORS.get(kind, ERRORS["error"]).exit


def status(kind: str) -> int:
    """HTTP status for a kind of error."""
    return ERRORS.get(kind, ERRORS["error"]).status
