"""YAML that remembers where each value stood, for errors that say `file:line:column`.

Every scalar is read as text, so that neither `510100` nor `000000` nor `no` is ever retyped (a bare `null`, `~` or nothing is None);
whoever takes the data gives it its type. Duplicate keys, anchors and aliases are refused. `{path: mark}` is kept beside the data; a path
is the tuple of keys and indices that leads to a value.
"""

from dataclasses import dataclass, field

import yaml

from policies.plain_yaml import NotPlainError, check_plain, yaml_place, yaml_words

type Path = tuple[str | int, ...]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Mark:
    """A place in a text; line and column count from 1."""

    line: int
    column: int


class MarkedYamlError(ValueError):
    """The text is no YAML, or uses what is refused here."""

    def __init__(self, zh: str, en: str, mark: Mark) -> None:
        super().__init__(en)
        self.zh, self.en, self.mark = zh, en, mark


@dataclass
class Marked:
    """Data and the place of every value in it."""

    data: object
    marks: dict[Path, Mark] = field(default_factory=dict)

    def at(self, path: Path) -> Mark:
        """The mark of a value, or of the nearest container that the text has."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, Mark(1, 1))


def load_marked(text: str) -> Marked:
    """Parses one YAML document.

    Raises:
        MarkedYamlError: for bad syntax, a key given twice, an anchor or an alias.
    """
    try:
        check_plain(text)
    except NotPlainError as error:
        raise MarkedYamlError(error.zh, error.en, Mark(error.line or 1, error.column or 1)) from error
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:  # a second document
        line, column = yaml_place(error)
        raise MarkedYamlError(*yaml_words(error), Mark(line or 1, column or 1)) from error
    result = Marked(None)
    if root is not None:
        result.data = _value(root, (), result.marks)
    return result


def _mark(thing: yaml.Node) -> Mark:
    start = thing.start_mark
    return Mark(start.line + 1, start.column + 1) if start else Mark(1, 1)


def _value(node: yaml.Node, path: Path, marks: dict[Path, Mark]) -> object:
    marks[path] = _mark(node)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            key, mark = str(key_node.value), _mark(key_node)
            if key in found:
                raise MarkedYamlError(f"“{key}”出现两次", f"'{key}' is given twice", mark)
            found[key] = _value(value_node, (*path, key), marks)
            marks[(*path, key)] = mark
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, index), marks) for index, child in enumerate(node.value)]
    text = str(node.value)
    plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return None if plain and text in ("", "~", "null") else text
