"""Loads a site's settings: `DIR/terrace.yaml`, overridden by `TERRACE_*` environment variables.

* `TERRACE_LISTEN__PORT=9000` overrides `listen.port`: two underscores between levels, the value read as YAML. `TERRACE_LANG`,
  `TERRACE_DIR`, `TERRACE_FAULT` and `TERRACE_TEST_*` are no settings; one that nearly names a setting is an error, so that a typing error is seen.
* All errors are reported at once, `file:line:column: where: what — mend`.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from node.errors import Problem, SettingsError, SiteFolderError
from node.marked_yaml import Mark, Marked, MarkedYamlError, load_marked
from node.settings_model import Settings

FILE_NAME = "terrace.yaml"
_NO_SETTINGS = ("TERRACE_LANG", "TERRACE_DIR", "TERRACE_FAULT")
_TEST_PREFIX = "TERRACE_TEST_"


def load_settings(folder: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings of the site in `folder`.

    Args:
        folder: the site's folder.
        environment: variables to take overrides from; the process's own by default.

    Raises:
        SiteFolderError: the folder has no terrace.yaml.
        SettingsError: anything in it cannot be used; names every error.
    """
    file = folder / FILE_NAME
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise SiteFolderError(
            zh=f"{folder} 不是梯田站点（缺少 {FILE_NAME}）。请以 -C 指定站点文件夹，或以 terrace init 建立。",
            en=f"{folder} is not a Terrace site (it has no {FILE_NAME}). Name the site's folder with -C, or make one with terrace init.",
        ) from error
    except UnicodeDecodeError as error:
        zh, en = f"文件不是 UTF-8（第 {error.start} 字节），请另存为 UTF-8", f"the file is not UTF-8 (at byte {error.start}); save it as UTF-8"
        raise SettingsError([Problem(f"{file}:1:1", zh, en)]) from error
    return parse_settings(text, str(file), os.environ if environment is None else environment)


def parse_settings(text: str, name: str, environment: Mapping[str, str]) -> Settings:
    """The same from text; `name` is what errors call the file."""
    try:
        marked = load_marked(text)
    except MarkedYamlError as error:
        place = f"{name}:{error.mark.line}:{error.mark.column}"
        raise SettingsError([_not_yaml(place, error)]) from error
    if not isinstance(marked.data, dict):
        zh, en = "文件应由“site:”等设置项组成", "the file must hold settings such as 'site:'"
        raise SettingsError([Problem(f"{name}:1:1", f"{zh}（见 terrace settings --reference）", f"{en} (see terrace settings --reference)")])
    overridden, problems = _override(marked.data, environment)
    try:
        settings = Settings.model_validate(marked.data)
    except ValidationError as error:
        problems += [_describe(detail, name, marked, overridden) for detail in error.errors()]
        raise SettingsError(problems) from error
    if problems:
        raise SettingsError(problems)
    return settings


def _not_yaml(place: str, error: MarkedYamlError) -> Problem:
    return Problem(place, f"不是可用的 YAML：{error.zh}", f"not usable YAML: {error.en}")


def _override(data: dict[str, object], environment: Mapping[str, str]) -> tuple[dict[tuple[str, ...], str], list[Problem]]:
    """Puts the variables' values into `data`; returns which paths came from which variable, and what was wrong."""
    done: dict[tuple[str, ...], str] = {}
    problems: list[Problem] = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith("TERRACE_") or variable in _NO_SETTINGS or variable.startswith(_TEST_PREFIX):
            continue
        path = tuple(part.lower() for part in variable.removeprefix("TERRACE_").split("__"))
        if not names_a_setting(path):
            if path[0] not in Settings.model_fields and not difflib.get_close_matches(path[0], list(Settings.model_fields), 1, 0.7):
                continue  # another program's: nothing here is called like that
            near = difflib.get_close_matches(".".join(path), list(setting_names()), 1)
            guess = f"TERRACE_{near[0].upper().replace('.', '__')}" if near else ""
            zh, en = (f"，是否为 {guess}？", f"; did you mean {guess}?") if guess else ("", "")
            problems.append(Problem(f"${variable}", f"没有这个设置{zh}", f"names no setting{en}"))
            continue
        try:
            value = load_marked(text).data
        except MarkedYamlError as error:
            problems.append(_not_yaml(f"${variable}", error))
            continue
        place: dict[str, object] = data
        for part in path[:-1]:
            inner = place.get(part)
            if not isinstance(inner, dict):
                inner = {}
                place[part] = inner
            place = inner
        place[path[-1]] = value
        done[path] = variable
    return done, problems


#: What pydantic reports, in both languages; `{…}` are the members of its context.
_MESSAGES: Mapping[str, tuple[str, str]] = {
    "missing": ("必须填写", "is required"),
    "int_parsing": ("应为整数", "must be a whole number"),
    "int_parsing_size": ("应为位数不多的整数", "must be a whole number of few digits"),
    "bool_parsing": ("应为 yes 或 no", "must be yes or no"),
    "string_type": ("应为文字", "must be text"),
    "dict_type": ("应为若干“名称: 值”", "must be a group of 'name: value' lines"),
    "model_type": ("应为若干“名称: 值”", "must be a group of 'name: value' lines"),
    "list_type": ("应为列表", "must be a list"),
    "too_short": ("不得为空", "must not be empty"),
    "literal_error": ("应为 {expected} 之一", "must be one of {expected}"),
    "string_pattern_mismatch": ("格式应符合 {pattern}", "must have the form {pattern}"),
    "greater_than_equal": ("不得小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不得大于 {le}", "must be at most {le}"),
}


def _describe(detail: ErrorDetails, name: str, marked: Marked, overridden: Mapping[tuple[str, ...], str]) -> Problem:
    path = tuple(part for part in detail["loc"] if part != "[key]")
    names = tuple(map(str, path))
    variable = next((overridden[names[:n]] for n in range(len(names), 0, -1) if names[:n] in overridden), None)
    mark: Mark = marked.at(path)
    place = f"${variable}" if variable else f"{name}:{mark.line}:{mark.column}"
    if detail["type"] == "extra_forbidden":
        siblings = [known.split(".")[-1] for known in setting_names() if known.rpartition(".")[0] == ".".join(names[:-1])]
        near = difflib.get_close_matches(names[-1], siblings, 1)
        zh, en = (
            (f"没有这个设置，是否为“{near[0]}”？", f"unknown setting; did you mean '{near[0]}'?")
            if near
            else (f"没有这个设置，此处可用：{'、'.join(siblings)}", f"unknown setting; known here: {', '.join(siblings)}")
        )
    elif detail["type"] in _MESSAGES:
        zh, en = (text.format_map(detail.get("ctx", {})) for text in _MESSAGES[detail["type"]])
    else:
        zh, _, en = detail["msg"].removeprefix("Value error, ").partition(" | ")
        en = en or zh
    where = ".".join(names)
    return Problem(place, f"{where}：{zh}" if where else zh, f"{where}: {en}" if where else en)


def sections(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel] | None]]:
    """The settings of a model: name, and the section behind it or None for a value."""
    for name, info in model.model_fields.items():
        annotation = info.annotation
        candidates = [annotation, *get_args(annotation)]
        section = next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)
        yield name, section if annotation is section else None


def setting_names(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """Dotted names of all settings and sections."""
    for name, section in sections(model):
        yield prefix + name
        if section is not None:
            yield from setting_names(section, f"{prefix}{name}.")


def names_a_setting(path: tuple[str, ...]) -> bool:
    """Whether the path names a setting or section (below a free-form mapping, anything does)."""
    model: type[BaseModel] | None = Settings
    for index, part in enumerate(path):
        if model is None:
            return path[0] == "zones" or path[:2] == ("new_records", "fields") or (path[:2] == ("site", "name") and index == 2)
        fields = dict(sections(model))
        if part not in fields:
            return False
        model = fields[part]
    return True
