"""Reads conditions: sentences, defined names, `everyone`, lists, `all`, `any`, `not`.

A name that a file may use is its own or comes from a file that it includes. Names are resolved here, so that nothing later knows them; circles are refused,
and so are conditions that grow without measure by names that use names.
"""

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

from policies.expressions import FALSE, TRUE, Condition, attributes, join_all, join_any, negate
from policies.nearest import did_you_mean
from policies.reading import Notes
from policies.sentences import SentenceError, parse_sentence
from policies.vocabulary import Attribute
from policies.yamltree import Node, Scalar, Sequence

#: Names that may use names, one inside another; sentences that one condition may come to.
MAX_CHAIN = 12
MAX_SENTENCES = 2_000

_SIDES = {"actor": ("the actor", "操作者"), "record": ("the record", "记录"), "row": ("rows", "行"), "env": ("the site", "站点")}


@dataclass
class Definition:
    """One entry under `define`, resolved when it is first used.

    Attributes:
        scope: Names that its own condition may use.
    """

    name: Scalar
    node: Node
    scope: "Scope"
    condition: Condition | None = None
    size: int = 0
    open: bool = False


@dataclass
class Scope:
    """Names that one file may use."""

    names: dict[str, Definition] = field(default_factory=dict)


class ConditionReader:
    """Reads conditions of one set of files.

    Args:
        vocabulary: Attributes by name.
        notes: Where problems and warnings go.
    """

    def __init__(self, vocabulary: MappingOf[str, Attribute], notes: Notes) -> None:
        self.vocabulary = vocabulary
        self.notes = notes
        self._chain = 0
        self._size = 0

    def read(self, node: Node | None, scope: Scope, what: str, sides: frozenset[str], *, internal: bool = False, bare_list: bool = True) -> Condition | None:
        """Reads a condition.

        Args:
            node: What stands under the key; None when nothing does.
            scope: Names that may be used.
            what: The key, for messages.
            sides: Sides of the vocabulary that may be mentioned.
            internal: Whether attributes of the built-in terms may be.
            bare_list: Whether a list of several means all of them; under `unless` it must say so.

        Returns:
            The condition; None when nothing was written. What cannot be read is noted, and stands as a condition that is never used.
        """
        if node is None:
            return None
        if isinstance(node, Sequence) and len(node.items) > 1 and not bare_list:
            self.notes.problem(node.place, f"say 'any:' or 'all:' under '{what}'", f"“{what}”之下请写明 any: 或 all:")
        return self._read(node, scope, what, sides, internal)

    def resolve(self, definition: Definition, sides: frozenset[str], internal: bool) -> Condition:
        """Returns the condition of a defined name."""
        name = definition.name.text
        if definition.open or self._chain > MAX_CHAIN:
            self.notes.problem(
                definition.name.place, f"'{name}' is defined by itself, or by too long a chain of names", f"“{name}”的定义绕回了自己，或名称链过长"
            )
            definition.condition = FALSE
        if definition.condition is None:
            before = self._size
            definition.open, self._chain = True, self._chain + 1
            condition = self._read(definition.node, definition.scope, name, sides, internal)
            definition.open, self._chain = False, self._chain - 1
            definition.size = self._size - before
            if definition.size > MAX_SENTENCES and definition.condition is None:
                self.notes.problem(definition.name.place, f"'{name}' comes to more than {MAX_SENTENCES} sentences", f"“{name}”展开后超过 {MAX_SENTENCES} 句")
                condition = FALSE
            definition.condition = definition.condition or condition
        else:
            self._size += definition.size
        return definition.condition

    def _read(self, node: Node, scope: Scope, what: str, sides: frozenset[str], internal: bool) -> Condition:
        if isinstance(node, Scalar):
            return self._leaf(node, scope, what, sides, internal)
        if isinstance(node, Sequence):
            return self._parts(node, scope, what, sides, internal, True)
        if len(node.entries) != 1 or next(iter(node.entries)) not in ("all", "any", "not"):
            keys = ", ".join(node.entries)
            self.notes.problem(
                node.place,
                f"a condition is a sentence, a list, or one of all:, any:, not: — not '{keys}'",
                f"条件应为句子、清单，或 all:、any:、not: 之一，而非“{keys}”",
            )
            return FALSE
        key, inner = next(iter(node.entries.values()))
        if key.text == "not":
            return negate(self._read(inner, scope, what, sides, internal))
        if not isinstance(inner, Sequence):
            self.notes.problem(inner.place, f"'{key.text}:' takes a list: [one, two]", f"“{key.text}:”之后应为清单：[甲, 乙]")
            return FALSE
        return self._parts(inner, scope, what, sides, internal, key.text == "all")

    def _parts(self, node: Sequence, scope: Scope, what: str, sides: frozenset[str], internal: bool, every: bool) -> Condition:
        if not node.items:
            self.notes.problem(node.place, f"the list under '{what}' is empty", f"“{what}”之下的清单是空的")
            return FALSE
        parts = [self._read(item, scope, what, sides, internal) for item in node.items]
        return join_all(parts) if every else join_any(parts)

    def _leaf(self, node: Scalar, scope: Scope, what: str, sides: frozenset[str], internal: bool) -> Condition:
        text = " ".join(node.text.split())
        if text == "everyone":
            return TRUE
        if not text:
            self.notes.problem(node.place, f"'{what}' says nothing", f"“{what}”没有内容")
            return FALSE
        if " " not in text and "." not in text:
            definition = scope.names.get(text)
            if definition is None:
                en, zh = did_you_mean(text, (*scope.names, "everyone"))
                self.notes.problem(node.place, f"'{text}' is no sentence and no defined name{en}", f"“{text}”不是句子，也不是已定义的名称{zh}")
                return FALSE
            condition = self.resolve(definition, frozenset(_SIDES), internal)
        else:
            self._size += 1
            try:
                condition = parse_sentence(text, self.vocabulary, lambda en, zh: self.notes.warning(node.place, en, zh), internal=internal)
            except SentenceError as error:
                self.notes.problem(node.place, error.en, error.zh)
                return FALSE
        return condition if self._sides_fit(node, text, condition, what, sides) else FALSE

    def _sides_fit(self, node: Scalar, text: str, condition: Condition, what: str, sides: frozenset[str]) -> bool:
        wrong = next((a for a in attributes(condition) if a.side not in sides), None)
        if wrong is None:
            return True
        allowed = [_SIDES[side] for side in _SIDES if side in sides]
        en, zh = ", ".join(a[0] for a in allowed), "、".join(a[1] for a in allowed)
        about = wrong.name if wrong.name in text else f"'{text}' mentions {wrong.name}"
        self.notes.problem(node.place, f"'{what}' may mention only {en}; {about} does not belong here", f"“{what}”只能涉及{zh}；{wrong.name} 不属于此处")
        return False
