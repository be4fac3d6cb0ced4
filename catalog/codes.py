"""Code lists: which values a coded field may take, with their names in Chinese and English.

Each list is one file `codes/<list>.yaml`:

    list: update_cycles
    title: {zh: 更新周期, en: Update cycle}
    closed: true                 # false: values outside the list are allowed
    codes:
      daily: {zh: 每日, en: daily, iso: daily}

The order in the file is the order in which people see the codes. Members besides `zh`, `en` and `note` are how other norms call the code (`iso`, `eu`,
`media_type`, …). Lists are read when first asked for and never change while the program runs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from catalog.errors import ProfileError

__all__ = ["Code", "CodeList", "code_list", "label", "list_names", "read_yaml"]

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FOLDER = Path(__file__).parent / "codes"


@dataclass(frozen=True, slots=True)
class Code:
    """One code. `other` holds how other norms call it."""

    code: str
    zh: str
    en: str
    other: Mapping[str, str] = field(default_factory=dict)

    def name(self, lang: str) -> str:
        """The name in a language: Chinese for any zh tag, else English."""
        return self.zh if lang.startswith("zh") else self.en


@dataclass(frozen=True, slots=True)
class CodeList:
    """A code list. Iterating gives its codes in the file's order."""

    name: str
    zh: str
    en: str
    closed: bool
    codes: Mapping[str, Code]

    def __contains__(self, code: object) -> bool:
        return code in self.codes

    def __iter__(self) -> Iterator[Code]:
        return iter(self.codes.values())

    def label(self, code: str, lang: str) -> str:
        """The name of a code, or the code itself when it is not in the list."""
        found = self.codes.get(code)
        return code if found is None else found.name(lang)

    @property
    def known(self) -> tuple[str, str]:
        """All codes in a sentence's end, in Chinese (with their names) and English."""
        return "、".join(f"{each.code}（{each.zh}）" for each in self), ", ".join(self.codes)

    def find(self, norm: str, value: str) -> Code | None:
        """The code that another norm calls `value` (without case), for example `find("iso", "monthly")`; one that has it as its first name comes first."""
        wanted = value.casefold()
        named = [(code, code.other.get(norm, "").casefold().split()) for code in self]
        return next((code for code, names in named if names[:1] == [wanted]), None) or next((code for code, names in named if wanted in names), None)


def read_yaml(path: Path) -> Any:
    """Reads one packaged or administrator's YAML file safely.

    Raises:
        ProfileError: the file is missing or is not YAML; says where.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader, the one written in C where there is one
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProfileError(zh=f"无法读取 {path.name}：{error}", en=f"cannot read {path.name}: {error}") from error


@cache
def code_list(name: str) -> CodeList:
    """Gives a code list by name (the file's name without `.yaml`).

    Raises:
        ProfileError: there is no such list, or its file is wrong.
    """
    path = _FOLDER / f"{name}.yaml"
    if not name.isidentifier() or not path.is_file():
        raise ProfileError(zh=f"没有代码表 {name}；有：{', '.join(list_names())}", en=f"no code list {name}; there are: {', '.join(list_names())}")
    data = read_yaml(path)
    try:
        codes = {}
        for code, entry in data["codes"].items():
            if not isinstance(code, str):
                raise TypeError(f"code {code!r} is not text: put it in quotes")
            other = {key: str(value) for key, value in entry.items() if key not in ("zh", "en")}
            codes[code] = Code(code, str(entry["zh"]), str(entry["en"]), MappingProxyType(other))
        return CodeList(name, data["title"]["zh"], data["title"]["en"], bool(data["closed"]), MappingProxyType(codes))
    except (KeyError, TypeError, AttributeError) as error:
        raise ProfileError(zh=f"代码表 {path.name} 有误：{error}", en=f"the code list {path.name} is wrong: {error}") from error


@cache
def list_names() -> tuple[str, ...]:
    """The names of all code lists."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def label(list_name: str, code: str, lang: str) -> str:
    """The name of a code of a list in a language (`zh…` or anything else for English)."""
    return code_list(list_name).label(code, lang)
