"""YAML that people write (policies, settings, sidecars, edits): what its reader says of a text that is none, in both languages, and what is not read.

A few anchors and aliases unfold to more than any memory, and deep nesting ends whatever recurses: neither is read (`check_plain`). The reader's usual words
are put into ours, any other is quoted (`yaml_words`).
"""

import re
from collections.abc import Sequence

import yaml

from policies.errors import TerraceError

__all__ = ["NotPlainError", "check_plain", "yaml_place", "yaml_words"]

MAX_DEPTH = 100
_MOST = 160
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Words of PyYAML and libyaml (a pattern) → Chinese, English.
_KNOWN: Sequence[tuple[str, str, str]] = (
    (
        r"mapping values are not allowed.*",
        "此处不能再有“: ”；含“: ”或“ #”的文字请加引号",
        "mapping values are not allowed here; put text that holds ': ' or ' #' into quotes",
    ),
    (r"could not find expected ':'", "缺少“:”", "a ':' is missing"),
    (r"found character (?:'.*' )?that cannot start any token", "此处的字符不能开头，请加引号", "a text cannot begin with this character: put it into quotes"),
    (r"found unexpected end of stream|found unexpected document separator", "引号没有结束", "a quotation mark does not end"),
    (r"found unknown escape character.*|did not find expected hexdecimal number|expected escape sequence.*", "转义有误", "an escape is wrong"),
    (r"block sequence entries are not allowed.*|sequence entries are not allowed.*", "此处不能有“- ”", "'- ' is not allowed here"),
    (r"(?:did not find expected|expected) ',' or '([\]}])'.*", "缺少逗号或“{0}”", "a comma or '{0}' is missing"),
    (
        r"did not find expected (?:key|'-' indicator)|expected <block end>, but found .*|mapping keys are not allowed.*",
        "缩进或列表有误",
        "the indentation or a list is wrong",
    ),
    (r"(?:did not find expected|expected the) node content.*", "此处应有一个值", "a value is missing"),
    (
        r"(?:did not find expected|expected '?)<document start>.*|expected a single document.*|but found another document",
        "结尾之后还有内容",
        "there is more behind its end",
    ),
    (
        r"did not find expected alphabetic or numeric character|expected alphabetic or numeric character.*",
        "“&”或“*”开头的文字请加引号",
        "put text that begins with '&' or '*' into quotes",
    ),
    (r"found undefined tag handle|could not determine a constructor for the tag.*", "标签（!）不支持", "tags (!) are not supported"),
    (r"found undefined alias.*|found duplicate anchor.*", "不支持锚点与别名", "anchors and aliases are not supported"),
    (
        r".*(?:control characters are not allowed|special characters are not allowed).*|.*unacceptable character.*",
        "有不允许的控制字符",
        "it holds control characters, which are not allowed",
    ),
    (r"found unhashable key|found unacceptable key.*", "键须为文字", "a key must be text"),
    (r"found a tab character.*", "有制表符（Tab）：请改用空格", "a tab: use spaces"),
    (r"(?:invalid|incomplete|could not|'utf-8' codec).*(?:UTF-8|utf-8|octet|decode).*", "不是 UTF-8：请另存为 UTF-8", "not UTF-8: save the file as UTF-8"),
    (r"(?:month|day|hour|minute|second|year) .*(?:must be in|is out of range).*", "没有这个日期或时间", "there is no such day or time"),
    (r"maximum recursion depth.*", "嵌套过深", "it nests too deep"),
)
_TABLE = tuple((re.compile(pattern, re.DOTALL), zh, en) for pattern, zh, en in _KNOWN)


def yaml_place(error: BaseException) -> tuple[int, int]:
    """Line and column, from 1; zeros where the reader does not say them."""
    mark = (error.problem_mark or error.context_mark) if isinstance(error, yaml.MarkedYAMLError) else None
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def yaml_words(error: BaseException) -> tuple[str, str]:
    """The words of the reader of YAML, in Chinese and English: half sentences, to stand behind a colon."""
    whole = error.problem if isinstance(error, yaml.MarkedYAMLError) and error.problem else str(error)
    words = " ".join(whole.split()) or type(error).__name__
    for pattern, zh, en in _TABLE:
        if found := pattern.fullmatch(words):
            return zh.format(*found.groups("?")), en.format(*found.groups("?"))
    return f"读取程序称“{words[:_MOST]}”", f"its reader says “{words[:_MOST]}”"


class NotPlainError(TerraceError):
    """A text that is no YAML, or uses what is not read.

    Attributes:
        line, column: from 1; zeros where they are not known.
    """

    kind = "usage"

    def __init__(self, zh: str, en: str, place: tuple[int, int]) -> None:
        super().__init__(zh=zh, en=en)
        self.line, self.column = place


def check_plain(text: str, *, depth: int = MAX_DEPTH) -> None:
    """Looks through a text before it is read.

    Raises:
        NotPlainError: it is no YAML, has an anchor or alias, or nests deeper than `depth`.
    """
    level = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if (anchor := getattr(event, "anchor", None)) is not None:
                zh, en = f"有锚点或别名（{anchor:.40}）：请写全", f"it has an anchor or alias ({anchor:.40}): write it out"
                raise NotPlainError(zh, en, _start(event))
            level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if level > depth:
                raise NotPlainError(f"嵌套超过 {depth} 层", f"it nests deeper than {depth} levels", _start(event))
    except yaml.YAMLError as error:
        line, column = yaml_place(error)
        if line and text.splitlines()[line - 1 :][:1] and "\t" in text.splitlines()[line - 1][:column]:  # its reader does not say which character it met
            raise NotPlainError("有制表符（Tab）：请改用空格", "a tab: use spaces", (line, column)) from error
        raise NotPlainError(*yaml_words(error), (line, column)) from error


def _start(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
