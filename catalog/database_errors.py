"""What the database's drivers say, as errors of ours in both languages: once, for every statement, commit and connection of a site.

| driver says | becomes |
|---|---|
| full disc, quota, I/O error; PostgreSQL 53100, 58030 | `DiskError`: nothing of the transaction was written |
| locked; PostgreSQL 55P03, 53300 | `BusyError` |
| not a database, malformed; PostgreSQL XX001, XX002 | `DamagedError` |
| no connection, shut down, starting up, read-only file | `DatabaseAwayError` |

Everything else stays what it is: a mistake of this program.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from catalog.errors import BusyError, DamagedError, DatabaseAwayError, DiskError, StoreError

__all__ = ["speaking", "translate_errors"]

_FULL = ("disk is full", "disk i/o error", "no space left")
_LOCKED = ("database is locked", "database table is locked", "lock timeout")
_DAMAGED = ("not a database", "malformed", "database corruption")
_AWAY = ("unable to open database file", "readonly database", "attempt to write a readonly")
_STATES = {"53100": DiskError, "58030": DiskError, "55P03": BusyError, "53300": BusyError, "XX001": DamagedError, "XX002": DamagedError}
#: PostgreSQL's classes: connection exception, operator intervention (shut down, crashed, starting).
_AWAY_CLASSES = ("08", "57P")


def translate_errors(*engines: Engine) -> None:
    """Has the engines raise errors of ours for what the module lists."""
    for engine in engines:
        event.listen(engine, "handle_error", _handle)


@contextmanager
def speaking() -> Iterator[None]:
    """The same for what is done on a driver's own connection."""
    try:
        yield
    except Exception as error:
        said = translated(error, lost=False)
        if said is None:
            raise
        raise said from error


def _handle(context: Any) -> StoreError | None:
    return translated(context.original_exception, lost=bool(context.is_disconnect) or context.connection is None)


def translated(error: BaseException, *, lost: bool) -> StoreError | None:
    """The error of ours for a driver's error, or None.

    Args:
        error: as the driver raised it.
        lost: it came while connecting, or ended the connection.
    """
    text, state = str(error).strip().split("\n")[0], str(getattr(error, "sqlstate", None) or "")
    lower = text.lower()
    if isinstance(error, sqlite3.Error):
        found = next((kind for words, kind in _BY_WORDS if any(word in lower for word in words)), None)
    elif type(error).__module__.partition(".")[0] == "psycopg":
        by_state = _STATES.get(state) or (DatabaseAwayError if state.startswith(_AWAY_CLASSES) else None)
        found = by_state or (DatabaseAwayError if lost and type(error).__name__ in ("OperationalError", "InterfaceError", "AdminShutdown") else None)
    else:
        return None
    return None if found is None else _say(found, text)


_BY_WORDS: tuple[tuple[tuple[str, ...], type[StoreError]], ...] = (
    (_FULL, DiskError),
    (_LOCKED, BusyError),
    (_DAMAGED, DamagedError),
    (_AWAY, DatabaseAwayError),
)


def _say(kind: type[StoreError], text: str) -> StoreError:
    zh, en = {
        DiskError: (
            f"磁盘无法写入（已满、超出配额或有故障）：{text}。本次操作没有写入任何内容；请清理或扩容后重试。",
            f"the disk cannot be written to (full, over its quota, or failing): {text}. Nothing of this was written; clear or enlarge it and try again.",
        ),
        BusyError: ("数据库正被另一个写入者占用，请稍后再试", "the database is held by another writer; try again later"),
        DamagedError: (
            f"数据库文件已损坏：{text}。请停止站点，从备份恢复：terrace restore。",
            f"the database file is damaged: {text}. Stop the site and restore a backup: terrace restore.",
        ),
        DatabaseAwayError: (
            f"无法使用数据库：{text}。请检查 terrace.yaml 的 database、文件权限，以及数据库服务器是否在运行。",
            f"the database cannot be reached: {text}. Check database in terrace.yaml, the file's permissions, and whether the database server runs.",
        ),
    }[kind]
    return kind(zh=zh, en=en)
