"""Reads policy YAML into a small tree with places: scalars are text and nothing else (`no` and `510100` are never retyped).

Refused, each with its place: files over the size limit or not in UTF-8, tabs, anchors and aliases, tags, duplicate keys, keys that are not text, a second
document, nesting deeper or trees larger than the limits. The events come from libyaml where PyYAML has it (ten times faster), else from pure Python; both give
line and column, and the file's name is added here. Nothing here knows what a policy is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from policies.errors import PolicyErrors, Problem
from policies.model import Place
from policies.plain_yaml import yaml_place, yaml_words

MAX_BYTES = 1 << 20
MAX_DEPTH = 16
MAX_NODES = 100_000
#: As many tabs as are worth naming one by one.
_TABS_NAMED = 20

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    text: str
    place: Place


@dataclass(slots=True)
class Sequence:
    place: Place
    items: list["Node"] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    place: Place
    entries: dict[str, tuple[Scalar, "Node"]] = field(default_factory=dict)

    def get(self, key: str) -> "Node | None":
        """Returns the value under a key, or None."""
        found = self.entries.get(key)
        return None if found is None else found[1]


type Node = Scalar | Sequence | Mapping


class _Refused(Exception):
    """Reading cannot go on: the problems so far are all there is to say."""


def read_tree(name: str, content: bytes | str) -> Node:
    """Returns the tree of one file.

    Args:
        name: Name of the file, for messages.
        content: The file's bytes, or text.

    Raises:
        PolicyErrors: Everything that is wrong with it as YAML.
    """
    return _TreeReader(name).read(content)


class _TreeReader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.nodes = 0

    def read(self, content: bytes | str) -> Node:
        root: Node | None = None
        try:
            text = self._text(content)
            self._refuse_tabs(text)
            root = self._build(yaml.parse(text, Loader=_LOADER))
        except yaml.YAMLError as error:
            zh, en = yaml_words(error)
            self._say(Place(self.name, *yaml_place(error)), f"not YAML: {en}", f"不是合法的 YAML：{zh}")
        except _Refused:
            pass
        if self.problems or root is None:
            empty = Problem(self.name, 0, 0, "the file is empty: begin with 'policy: NAME'", "文件是空的：请以“policy: 名称”开头")
            raise PolicyErrors(self.problems or [empty])
        return root

    def _say(self, place: Place, en: str, zh: str) -> None:
        self.problems.append(Problem(*place, en, zh))

    def _text(self, content: bytes | str) -> str:
        size = len(content)
        if size > MAX_BYTES:
            limit = f"{MAX_BYTES >> 20} MiB"
            self._say(Place(self.name, 0, 0), f"the file is larger than {limit}: split it with 'include'", f"文件超过 {limit}：请用 include 拆分")
            raise _Refused
        if isinstance(content, str):
            return content.removeprefix("\ufeff")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = content[: error.start]
            column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
            self._say(
                Place(self.name, before.count(b"\n") + 1, column),
                "not UTF-8 (perhaps GBK or UTF-16): save the file as UTF-8",
                "不是 UTF-8（可能是 GBK 或 UTF-16）：请另存为 UTF-8",
            )
            raise _Refused from None

    def _refuse_tabs(self, text: str) -> None:
        if "\t" not in text:
            return
        for number, line in enumerate(text.split("\n"), 1):
            if (at := line.find("\t")) >= 0:
                self._say(Place(self.name, number, at + 1), "a tab: use spaces", "有制表符（Tab）：请改用空格")
                if len(self.problems) == _TABS_NAMED:
                    break
        raise _Refused

    def _build(self, events: Iterator[yaml.Event]) -> Node | None:
        """Makes the tree from events, with a stack of its own, so that depth is bounded before anything recurses."""
        root: Node | None = None
        stack: list[Sequence | Mapping] = []
        keys: list[Scalar | None] = []
        documents = 0
        for event in events:
            mark = event.start_mark
            place = Place(self.name, mark.line + 1, mark.column + 1) if mark else Place(self.name, 0, 0)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._say(place, "a second document ('---'): keep one policy to a file", "有第二份文件（---）：一个文件只放一份策略")
                    raise _Refused
            elif isinstance(event, yaml.CollectionEndEvent):
                stack.pop()
                keys.pop()
            elif isinstance(event, yaml.NodeEvent):
                node = self._node(event, place, len(stack))
                if not stack:
                    root = node
                else:
                    keys[-1] = self._attach(stack[-1], keys[-1], node)
                if not isinstance(node, Scalar):
                    stack.append(node)
                    keys.append(None)
        return root

    def _node(self, event: yaml.NodeEvent, place: Place, depth: int) -> Node:
        self.nodes += 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            sign = f"*{event.anchor}" if isinstance(event, yaml.AliasEvent) else f"&{event.anchor}"
            self._say(place, f"an anchor or alias ('{sign}'): write it out, or name it under 'define'", f"有锚点或别名（{sign}）：请写全，或在 define 中命名")
            raise _Refused
        if (tag := getattr(event, "tag", None)) is not None:
            self._say(place, f"a tag ('{tag}'): every value is text", f"有标签（{tag}）：所有的值都是文字")
            raise _Refused
        if depth >= MAX_DEPTH or self.nodes > MAX_NODES:
            en = f"nested deeper than {MAX_DEPTH} levels" if depth >= MAX_DEPTH else f"more than {MAX_NODES} values"
            zh = f"嵌套超过 {MAX_DEPTH} 层" if depth >= MAX_DEPTH else f"值超过 {MAX_NODES} 个"
            self._say(place, f"{en}: name parts under 'define', or split the file", f"{zh}：请用 define 命名或拆分文件")
            raise _Refused
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event.value, place)
        return Sequence(place) if isinstance(event, yaml.SequenceStartEvent) else Mapping(place)

    def _scalar(self, text: str, place: Place) -> Scalar:
        if any((ch < " " and ch != "\n") or ch == "\x7f" for ch in text):
            self._say(place, "a control character", "有控制字符")
        return Scalar(text, place)

    def _attach(self, parent: Sequence | Mapping, key: Scalar | None, node: Node) -> Scalar | None:
        """Adds a node to its parent; returns the key that now waits for its value."""
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return None
        if key is not None:
            parent.entries[key.text] = (key, node)
            return None
        if not isinstance(node, Scalar):
            self._say(node.place, "a key must be text", "键必须是文字")
            return Scalar("", node.place)
        if node.text in parent.entries:
            self._say(node.place, f"'{node.text}' is written twice here: keep one", f"“{node.text}”在此重复：请只留一个")
        return node
