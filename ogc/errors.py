"""Errors of the OGC faces, and the one table that turns any of the project's kinds into an OGC answer.

TerraceError
└── OgcError
    ├── ParameterError      a request parameter that cannot be read (400)
    └── FilterSyntaxError   a CQL2 or FES filter that cannot be read (400)
"""

from policies.errors import TerraceError


class OgcError(TerraceError):
    """Base of the OGC faces' errors."""

    kind = "ogc"


class ParameterError(OgcError):
    """A request parameter that cannot be read; `parameter` names it."""

    kind = "parameter"

    def __init__(self, parameter: str, *, zh: str, en: str) -> None:
        super().__init__(zh=f"参数 {parameter}：{zh}", en=f"parameter {parameter}: {en}")
        self.parameter = parameter


class FilterSyntaxError(OgcError):
    """A filter that cannot be read; says at which character (counted from 1) when it is text."""

    kind = "filter-syntax"

    def __init__(self, *, zh: str, en: str, at: int | None = None) -> None:
        super().__init__(zh=zh if at is None else f"第 {at} 个字符处：{zh}", en=en if at is None else f"at character {at}: {en}")
        self.at = at


#: kind → HTTP status, OGC API exception code, OWS exception code (CSW). What is not here is a fault of ours: 500.
ANSWERS: dict[str, tuple[int, str, str]] = {
    "parameter": (400, "InvalidParameterValue", "InvalidParameterValue"),
    "filter-syntax": (400, "InvalidParameterValue", "InvalidParameterValue"),
    "filter": (400, "InvalidParameterValue", "InvalidParameterValue"),
    "unknown-column": (400, "InvalidParameterValue", "InvalidParameterValue"),
    "query": (400, "InvalidParameterValue", "InvalidParameterValue"),
    "not-found": (404, "NotFound", "InvalidParameterValue"),
    "denied": (403, "NotAuthorized", "NoApplicableCode"),
    "busy": (503, "NoApplicableCode", "NoApplicableCode"),
}
FAULT = (500, "NoApplicableCode", "NoApplicableCode")


def answer(error: TerraceError) -> tuple[int, str, str]:
    """HTTP status, OGC API code and OWS code for an error of any package."""
    return ANSWERS.get(error.kind, FAULT)
