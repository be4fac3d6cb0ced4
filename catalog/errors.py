"""Errors of the catalog.

TerraceError
└── CatalogError
    ├── CanonicalError     bytes or values outside the one canonical form (PROTOCOL 1.1)
    ├── ManifestError      a manifest or disclosure that breaks PROTOCOL 2
    ├── RecordError        values of a record's fields that are not allowed (has `problems`)
    ├── ProfileError       a profile or code list that cannot be read
    ├── RowsError          rows, columns or batches that break PROTOCOL 5
    ├── ObjectError        a file object that is missing, damaged or too large
    │   └── ObjectComingError   it is not here yet, and is being fetched (has `seconds`)
    ├── FilterError        a user's filter that cannot be applied
    │   └── UnknownColumnError  no such column, or none that this actor may see
    └── IngestError        an input file that cannot be taken in
        └── QuarantineError     nothing more can be set aside
"""

from policies.errors import TerraceError


class CatalogError(TerraceError):
    """Base of the catalog's errors."""

    kind = "catalog"


class CanonicalError(CatalogError):
    """Bytes or values outside the one canonical form (PROTOCOL 1.1)."""

    kind = "canonical"


class ManifestError(CatalogError):
    """A manifest or a disclosure that breaks PROTOCOL 2."""

    kind = "manifest"


class ProfileError(CatalogError):
    """A profile or a code list that cannot be read."""

    kind = "profile"


class RowsError(CatalogError):
    """Rows, columns or batches that break PROTOCOL 5."""

    kind = "rows"


class ObjectError(CatalogError):
    """A file object that is missing, damaged or too large."""

    kind = "object"


class ObjectComingError(ObjectError):
    """A file of a received record that is not here yet: it is being fetched. `seconds`: when to ask again."""

    kind = "object-coming"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            zh=f"此文件不在本站点，正在向提供者获取；请于 {seconds} 秒后再试",
            en=f"this file is not at this site yet and is being fetched from where the record came from; try again in {seconds} s",
        )
        self.seconds = seconds


class IngestError(CatalogError):
    """An input file that cannot be taken in."""

    kind = "ingest"


class QuarantineError(IngestError):
    """Nothing more can be set aside: the quarantine is full."""

    kind = "quarantine"


class FilterError(CatalogError):
    """A user's filter that cannot be applied: wrong type of value, not supported, too large."""

    kind = "filter"


class UnknownColumnError(FilterError):
    """The column does not exist, or is not shown to this actor: the words are the same."""

    kind = "unknown-column"

    def __init__(self, column: str) -> None:
        super().__init__(zh=f"没有字段 {column!r}", en=f"no such column: {column!r}")
        self.column = column


class NotFoundError(CatalogError):
    """What is not there, or must look as if it were not there: both give this very error, byte for byte (policy-language.md)."""

    kind = "not-found"

    def __init__(self) -> None:
        super().__init__(zh="找不到所请求的内容", en="not found")


class DeniedError(CatalogError):
    """The record may be known, but the action on it is refused.

    Attributes:
        action: the refused action, for example `data`.
        reasons: what the policy says: `{"rule", "effect", "because": {"zh","en"}, "law"}` each.
        request: whether asking for a grant could help.
    """

    kind = "denied"

    def __init__(self, *, action: str, reasons: list[dict[str, object]] | None = None, zh: str | None = None, en: str | None = None) -> None:
        super().__init__(zh=zh or f"策略不允许此操作：{action}", en=en or f"the policy does not permit this action: {action}")
        self.action = action
        self.reasons = reasons or []


class QueryError(CatalogError):
    """A query that cannot be answered: an unknown column, a value of the wrong type, a limit out of range."""

    kind = "query"


class ConflictError(CatalogError):
    """The change clashes with what is there: a name that is taken, a record that somebody else answers for."""

    kind = "conflict"


class WithdrawnError(ConflictError):
    """The record was withdrawn; says what can be done (PROTOCOL 6.4)."""

    kind = "withdrawn"

    def __init__(self, id: str, day: str, reason: str, *, cleared: bool) -> None:
        if cleared:
            what_zh = "其数据行与文件已按期清除，不能原样恢复。请用 terrace add 重新入库，成为一条新记录。"
            what_en = (
                "Its rows and files have been removed since, and it cannot be shown again as it was. Take the file in again with terrace add: a new record."
            )
        else:
            what_zh = f"如需恢复，请用 terrace edit {id} 编辑（草稿取自撤回前的内容），再用 terrace publish {id} 发布。只有本节点可以恢复（PROTOCOL 6.4）。"
            what_en = (
                f"To show it again, edit it with terrace edit {id} (the draft begins with what was withdrawn) and publish it with terrace publish {id}. "
                "Only this node can (PROTOCOL 6.4)."
            )
        super().__init__(
            zh=f"此记录已于 {day} 撤回（{reason or '未注明原因'}）。{what_zh}",
            en=f"This record was withdrawn on {day} ({reason or 'no reason given'}). {what_en}",
        )


class PublishError(CatalogError):
    """A record that cannot be published yet.

    Attributes:
        problems: everything that is missing or wrong, each with `field`, `zh` and `en`.
    """

    kind = "publish"

    def __init__(self, problems: list[dict[str, str]]) -> None:
        self.problems = problems
        zh = "；".join(f"{problem['field']}：{problem['zh']}" for problem in problems)
        en = "; ".join(f"{problem['field']}: {problem['en']}" for problem in problems)
        super().__init__(zh=f"不能发布：{zh}", en=f"cannot be published: {en}")


class StoreError(CatalogError):
    """The database cannot be used as asked."""

    kind = "store"


class SchemaError(StoreError):
    """The database's schema is newer or older than this program."""

    kind = "schema"


class BusyError(StoreError):
    """Another writer has held the database for too long."""

    kind = "busy"


class DiskError(StoreError):
    """The disc is full, over its quota, or failing; nothing was written."""

    kind = "disk"


class DamagedError(StoreError):
    """The database file is damaged."""

    kind = "damaged"


class DatabaseAwayError(StoreError):
    """The database cannot be reached: server down or restarting, file not to be opened."""

    kind = "database-away"


class AccountError(CatalogError):
    """An account, password, token or session that cannot be made or changed as asked."""

    kind = "account"


class SignInError(AccountError):
    """Sign-in refused. Never says whether the name or the password was wrong."""

    kind = "sign-in"


class JobError(CatalogError):
    """A job that cannot be enqueued, or a worker that has lost its lease."""

    kind = "job"
