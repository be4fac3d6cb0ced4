"""Reads rules: `rule: name`, one of `allow | deny | constrain`, and what belongs to each."""

import re

from policies.conditions import ConditionReader, Scope
from policies.expressions import Condition
from policies.masks import MASKS
from policies.model import Effect, Rule, Then
from policies.nearest import did_you_mean
from policies.reading import Notes
from policies.vocabulary import ACTIONS, FIELD_ACTIONS, INDEXED_FIELDS, RECORD_FIELDS
from policies.yamltree import Mapping, Node, Scalar, Sequence

EFFECTS: tuple[Effect, ...] = ("allow", "deny", "constrain")
RULE_KEYS = ("rule", *EFFECTS, "who", "what", "when", "unless", "only rows", "then", "because", "law", "was", "locked")
THEN_KEYS = ("hide", "show", "mask", "use variant", "only rows", "smallest cell", "no onward sharing", "require grant")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
FIELD = re.compile(r"[a-z][a-z0-9_]{0,59}(\.[A-Za-z0-9_-]{1,80})*")
MAX_CELL = 1_000

_ACTOR = frozenset({"actor"})
_RECORD = frozenset({"actor", "record", "env"})
_ROW = frozenset({"actor", "record", "row", "env"})


class RuleReader:
    """Reads the rules of one file.

    Args:
        conditions: Reader of conditions.
        notes: Where problems and warnings go.
        policy: Name of the file's policy.
        scope: Names that the file may use.
        zone: Condition that the file's `zone:` puts on all of its rules.
        searched: Fields that search matches for everyone who may see a record (LANGUAGE 22).
        shipped: Whether the file comes with the program.
        internal: Whether the file may speak of attributes of the built-in terms.
    """

    def __init__(
        self,
        conditions: ConditionReader,
        notes: Notes,
        policy: str,
        scope: Scope,
        zone: Condition | None,
        searched: frozenset[str],
        shipped: bool,
        internal: bool,
    ) -> None:
        self.conditions = conditions
        self.notes = notes
        self.policy = policy
        self.scope = scope
        self.zone = zone
        self.searched = searched
        self.shipped = shipped
        self.internal = internal

    def read(self, node: Node) -> Rule | None:
        """Reads one rule; what is wrong is noted, and the rule is then None."""
        before = len(self.notes.problems)
        mapping = self.notes.mapping(node, "rules", RULE_KEYS)
        if mapping is None:
            return None
        name = self._name(mapping)
        effect, actions = self._effect(mapping)
        because = self.notes.because(mapping.get("because"), "because", mapping.place)
        who = self._condition(mapping, "who", _ACTOR)
        what = self._condition(mapping, "what", _RECORD)
        when = self._condition(mapping, "when", _RECORD)
        unless = self._condition(mapping, "unless", _RECORD, bare_list=False)
        rows = self._condition(mapping, "only rows", _ROW)
        then = self._then(mapping, actions)
        law = self.notes.text(mapping.get("law"), "law") or ""
        was = tuple(w.text if "/" in w.text else f"{self.policy}/{w.text}" for w in self.notes.scalars(mapping.get("was"), "was"))
        locked = self.notes.yes_no(mapping.get("locked"), "locked") or False
        if effect is not None:
            self._belongs(mapping, effect)
        if len(self.notes.problems) > before or effect is None or because is None:
            return None
        rule_id = f"{self.policy}/{name}"
        return Rule(rule_id, effect, actions, because, mapping.place, who, what, when, unless, self.zone, rows, then, law, was, locked, self.shipped)

    def _name(self, mapping: Mapping) -> str:
        node = mapping.get("rule")
        if node is None:
            self.notes.problem(mapping.place, "a rule begins with 'rule: name'", "规则以“rule: 名称”开头")
        name = self.notes.text(node, "rule") or ""
        if node is not None and name and not NAME.fullmatch(name):
            self.notes.problem(node.place, f"'{name}' is no name: small letters, digits and hyphens", f"“{name}”不能作名称：只用小写字母、数字和连字号")
        return name

    def _effect(self, mapping: Mapping) -> tuple[Effect | None, tuple[str, ...]]:
        written = [effect for effect in EFFECTS if mapping.get(effect) is not None]
        if len(written) != 1:
            en = "a rule says one of allow, deny, constrain" + (f", not {' and '.join(written)}" if written else "")
            self.notes.problem(mapping.place, en, "一条规则只说 allow、deny、constrain 之一")
            return None, ()
        node = mapping.get(written[0])
        actions = self.notes.words(node, "action", ACTIONS)
        if isinstance(node, Sequence) and not node.items:
            self.notes.problem(node.place, f"'{written[0]}' names nothing", f"“{written[0]}”没有写明动作")
        return written[0], tuple(dict.fromkeys(actions))

    def _belongs(self, mapping: Mapping, effect: Effect) -> None:
        """Notes what does not belong to this effect, and what it needs."""
        if effect == "allow" and mapping.get("who") is None:
            self.notes.problem(mapping.place, "an allow says who: for everyone write 'who: everyone'", "allow 必须写明 who：对所有人请写“who: everyone”")
        if effect == "constrain" and mapping.get("then") is None:
            self.notes.problem(mapping.place, "a constrain says what it asks: 'then: {…}'", "constrain 必须写明要求：“then: {…}”")
        for key, owner in (("only rows", "allow"), ("then", "constrain")):
            if mapping.get(key) is not None and effect != owner:
                self.notes.problem(mapping.entries[key][0].place, f"'{key}' of a rule belongs to {owner}", f"规则的“{key}”属于 {owner}")

    def _condition(self, mapping: Mapping, key: str, sides: frozenset[str], *, bare_list: bool = True) -> Condition | None:
        return self.conditions.read(mapping.get(key), self.scope, key, sides, internal=self.internal, bare_list=bare_list)

    def _then(self, mapping: Mapping, actions: tuple[str, ...]) -> Then | None:
        node = self.notes.mapping(mapping.get("then"), "then", THEN_KEYS)
        if node is None:
            return None
        if not node.entries:
            self.notes.problem(node.place, "'then' asks nothing", "“then”没有要求")
        fields = bool(FIELD_ACTIONS.intersection(actions))
        variant = self.notes.text(node.get("use variant"), "use variant")
        return Then(
            hide=frozenset(self._fields(node, "hide", fields, taken_away=True)),
            show=None if node.get("show") is None else frozenset(self._fields(node, "show", fields, taken_away=False)),
            masks=self._masks(node, fields),
            variant=variant,
            rows=self._condition(node, "only rows", _ROW),
            smallest_cell=self._cell(node),
            no_onward=self._only_yes(node, "no onward sharing"),
            require_grant=self._only_yes(node, "require grant"),
        )

    def _only_yes(self, node: Mapping, key: str) -> bool:
        said = self.notes.yes_no(node.get(key), key)
        if said is False:
            self.notes.problem(node.entries[key][0].place, f"'{key}: no' asks nothing: leave the line out", f"“{key}: no”等于没有要求：请删去此行")
        return said is True

    def _cell(self, node: Mapping) -> int | None:
        written = node.get("smallest cell")
        text = self.notes.text(written, "smallest cell")
        if text is None or written is None:
            return None
        if not text.isascii() or not text.isdigit() or not 2 <= int(text[:6]) <= MAX_CELL:
            self.notes.problem(written.place, f"'smallest cell' takes a number from 2 to {MAX_CELL}, not '{text}'", f"“smallest cell”应为 2 至 {MAX_CELL} 的数")
            return None
        return int(text)

    def _fields(self, node: Mapping, key: str, record_fields: bool, *, taken_away: bool) -> list[str]:
        names = self.notes.scalars(node.get(key), key)
        for name in names:
            self._field(name, key, record_fields, taken_away)
        return [name.text for name in names]

    def _masks(self, node: Mapping, record_fields: bool) -> tuple[tuple[str, str], ...]:
        mapping = self.notes.mapping(node.get("mask"), "mask")
        if mapping is None:
            return ()
        out = []
        for key, value in mapping.entries.values():
            self._field(key, "mask", record_fields, taken_away=True)
            mask = self.notes.text(value, key.text)
            if mask is not None and isinstance(value, Scalar) and self.notes.known(value, "mask", MASKS):
                out.append((key.text, mask))
        return tuple(sorted(out))

    def _field(self, name: Scalar, key: str, record_fields: bool, taken_away: bool) -> None:
        if not FIELD.fullmatch(name.text):
            self.notes.problem(name.place, f"'{name.text}' is no name of a field or column", f"“{name.text}”不是字段名称")
        elif record_fields and taken_away and name.text in self.searched:  # LANGUAGE 22
            self.notes.problem(
                name.place,
                f"'{key}' cannot take away '{name.text}': search would still find it; deny the record, or publish it without that content",
                f"“{key}”不能用于“{name.text}”：检索仍会找到它；请拒绝该记录，或发布不含该内容的记录",
            )
        elif record_fields and "." not in name.text and name.text not in RECORD_FIELDS | INDEXED_FIELDS:
            en, zh = did_you_mean(name.text, RECORD_FIELDS)
            self.notes.warning(
                name.place,
                f"records have no field '{name.text}'{en if 'mean' in en else '; columns of rows are named under data'}",
                f"记录没有“{name.text}”字段{zh if 'mean' in en else '；行的字段请写在 data 之下'}",
            )
