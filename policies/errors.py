"""The root of every error in Terrace, and the errors of this package.

    TerraceError
    ├── ActorError              an actor that cannot be: a field of the wrong kind
    │   └── ActorUnsetError     nobody said who asks: denied
    ├── DivisionError           text that is no division code
    ├── PolicyErrors            everything wrong in a set of policy files, all at once
    └── VocabularyError         a caller named an attribute, action or list that the language does not have

An error has a `kind` (a stable word that the edge maps to an HTTP status or a protocol's own code, in one table), and says in Chinese and in English
what is wrong, where, and how to mend it.
"""

from collections.abc import Iterable
from dataclasses import dataclass


class TerraceError(Exception):
    """Base of all errors that Terrace raises on purpose.

    Attributes:
        kind: Stable word of the class, by which the edge maps it to a protocol's form.
        zh: What is wrong, where, and how to mend it, in Chinese.
        en: The same in English; also what `str()` gives.
    """

    kind: str = "error"

    def __init__(self, *, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en

    def __str__(self) -> str:
        return self.en

    def text(self, language: str) -> str:
        """Returns the message in `language` (`zh…` or anything else for English)."""
        return self.zh if language.lower().startswith("zh") else self.en


class ActorError(TerraceError):
    """An actor's attribute has a value that it cannot have."""

    kind = "actor"


class ActorUnsetError(ActorError):
    """No actor was set for this piece of work, so nothing may be read (the context variable that is unset denies)."""

    kind = "actor-unset"

    def __init__(self) -> None:
        super().__init__(
            zh="未指定操作者，一律拒绝；请在 acting(actor) 之内读取",
            en="no actor is set, so everything is denied; read inside `with acting(actor):`",
        )


class DivisionError(TerraceError):
    """Text that is not a division code of 6, 9 or 12 digits."""

    kind = "division"

    def __init__(self, code: object) -> None:
        super().__init__(
            zh=f"“{code}”不是行政区划代码：应为 6、9 或 12 位数字，例如 510107",
            en=f"{str(code)!r} is no division code: write 6, 9 or 12 digits, for example 510107",
        )
        self.code = code


class VocabularyError(TerraceError):
    """A program (not a policy file) used a word that the language does not have."""

    kind = "vocabulary"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in one place of a policy file.

    Attributes:
        file: Name of the file as it was given.
        line: Line, from 1; 0 when the file as a whole is meant.
        column: Column in characters, from 1; 0 when the file as a whole is meant.
    """

    file: str
    line: int
    column: int
    en: str
    zh: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def text(self, language: str = "en") -> str:
        """Returns `file:line:column: message`."""
        return f"{self.place}: {self.zh if language.lower().startswith('zh') else self.en}"


class PolicyErrors(TerraceError):
    """All problems of a set of policy files, in the order of file, line and column."""

    kind = "policy"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__(zh="\n".join(p.text("zh") for p in self.problems), en="\n".join(p.text("en") for p in self.problems))
