"""What an action may end with instead of a result, in CKAN's own classes.

CatalogError
└── CkanError          has the body of "error" and the HTTP status, as CKAN 2.12 answers
    ├── CkanValidationError   409 "Validation Error"
    ├── CkanNotFoundError     404 "Not Found Error"
    ├── CkanDeniedError       403 "Authorization Error"
    ├── CkanSearchQueryError  400 "Search Query Error"
    └── CkanSearchError       409 "Search Error"
"""

from typing import Any

from catalog.errors import CatalogError


class CkanError(CatalogError):
    """See the module. `body` is the value of "error"."""

    kind = "ckan"
    status = 500
    type_name = "Internal Server Error"

    def __init__(self, message: str = "Internal Server Error", *, body: dict[str, Any] | None = None) -> None:
        super().__init__(zh=message, en=message)
        self.body: dict[str, Any] = {**body, "__type": self.type_name} if body is not None else {"__type": self.type_name, "message": message}


class CkanValidationError(CkanError):
    """Parameters that are missing or wrong: name of the parameter → messages."""

    status, type_name = 409, "Validation Error"

    def __init__(self, problems: dict[str, Any]) -> None:
        super().__init__(str(problems), body=problems)


class CkanNotFoundError(CkanError):
    """What is not there, or must look so."""

    status, type_name = 404, "Not Found Error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"Not found: {detail}" if detail else "Not found")


class CkanDeniedError(CkanError):
    """What may be known but not had."""

    status, type_name = 403, "Authorization Error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(f"Access denied: {detail}" if detail else "Access denied")


class CkanSearchQueryError(CkanError):
    """A sort that is none."""

    status, type_name = 400, "Search Query Error"

    def __init__(self, detail: str) -> None:
        super().__init__(f"Search Query is invalid: {detail!r}")


class CkanSearchError(CkanError):
    """A query that cannot be read."""

    status, type_name = 409, "Search Error"

    def __init__(self, detail: str) -> None:
        super().__init__(f"Search error: {detail!r}")
