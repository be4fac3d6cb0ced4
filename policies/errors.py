"""The base of every error in the project.

    TerraceError
    └── (one errors.py in each package; names end in Error)

Each error has a `kind` (the key of the tables that map errors to a protocol's form) and says what, where and how to mend it in Chinese and English.
"""


class TerraceError(Exception):
    """Base of all errors of Terrace.

    Attributes:
        kind: stable identifier, one for each class.
        zh: message in Chinese.
        en: message in English.
    """

    kind = "error"

    def __init__(self, *, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en

    def __str__(self) -> str:
        return self.en
