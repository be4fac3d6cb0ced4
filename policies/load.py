"""Loads a set of policy files: all problems at once, or a set that is whole.

The steps are those of `_Loader.load`: read the files and what they include, give each file the names that it may use, read its rules and cases, then check what
only the whole set can show (identities, `leave out`, `was`). Invariants:

* The order of files and rules never matters, and a file that is included twice is there once.
* The built-in terms of a record are in every set and cannot be left out (LANGUAGE 18).
* Nothing is loaded by half: with one problem anywhere there is no set. What is mended on the way is a warning.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from policies.caselines import CaseReader
from policies.conditions import ConditionReader, Definition, Scope
from policies.errors import PolicyErrors
from policies.expressions import Condition, Given, Sentence
from policies.model import Case, Place, Policy, PolicySet, Rule, World
from policies.nearest import did_you_mean
from policies.reading import Notes
from policies.rules import NAME, RuleReader
from policies.sources import CASES, TERMS, Files, Sources, is_shipped
from policies.values import Values
from policies.vocabulary import COMPARISONS, INDEXED_FIELDS, Attribute, with_codes
from policies.yamltree import Mapping as Tree
from policies.yamltree import Node, Scalar, read_tree

POLICY_KEYS = ("policy", "title", "language", "zone", "include", "leave out", "define", "rules", "cases")
#: The version of the language that this program reads.
LANGUAGE = "1"


def load_policies(files: Files, *, code_lists: Mapping[str, Iterable[str]] | None = None, searched: frozenset[str] = INDEXED_FIELDS) -> PolicySet:
    """Loads policies.

    Args:
        files: Paths of files, or of folders whose `*.yaml` are meant; or name → content, where names that begin with `defaults/` are shipped files.
        code_lists: Attribute → its closed list of words, where the site has one: `{"record.theme": […], "actor.sector": […]}`.
        searched: Fields that search matches for everyone who may see a record; hiding or masking them is refused (LANGUAGE 22).

    Raises:
        PolicyErrors: Everything that is wrong, in the order of file, line and column.
    """
    return _Loader(Sources(files), with_codes(code_lists or {}), searched).load()


@dataclass
class _File:
    """One file on its way to being a policy."""

    name: str
    tree: Tree
    policy: str = ""
    includes: list[str] = field(default_factory=list)
    zones: tuple[str, ...] = ()
    scope: Scope = field(default_factory=Scope)
    rules: list[Rule] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)

    @property
    def shipped(self) -> bool:
        return is_shipped(self.name)


class _Loader:
    def __init__(self, sources: Sources, vocabulary: Mapping[str, Attribute], searched: frozenset[str]) -> None:
        self.sources = sources
        self.vocabulary = vocabulary
        self.searched = searched
        self.notes = Notes()
        self.conditions = ConditionReader(vocabulary, self.notes)
        self.cases = CaseReader(vocabulary, self.notes)
        self.texts: dict[str, str] = {}
        self._definitions: dict[str, dict[str, Definition]] = {}
        self.worlds: dict[str, World] = {}

    def load(self) -> PolicySet:
        files = self._read_all()
        for file in files.values():
            self._head(file)
        self._unique_names(files)
        for file in files.values():
            file.scope.names.update(self._visible(file, files))
        for file in files.values():
            self._rules_and_cases(file)
        rules = self._whole(files)
        if self.notes.problems:
            raise PolicyErrors(self.notes.problems)
        return PolicySet(
            policies=tuple(self._policy(file) for file in sorted(files.values(), key=lambda file: file.policy)),
            rules=tuple(sorted(rules, key=lambda rule: rule.id)),
            left_out=tuple(sorted({rule.id for file in files.values() for rule in file.rules} - {rule.id for rule in rules})),
            vocabulary=self.vocabulary,
            warnings=tuple(sorted(set(self.notes.warnings))),
            texts=self.texts,
            worlds=self.worlds,
        )

    # --- files ---------------------------------------------------------------------------------------------------------------------

    def _read_all(self) -> dict[str, _File]:
        """Reads the files and, in turn, what they include."""
        files: dict[str, _File] = {}
        ahead: list[tuple[str, Place | None]] = [(name, None) for name in (TERMS, *self.sources.roots)]
        seen: set[str] = set()
        while ahead:
            name, asked_at = ahead.pop()
            if name in seen:
                continue
            seen.add(name)
            tree = self._tree(name, asked_at or Place(name, 0, 0))
            if tree is None:
                continue
            if not isinstance(tree, Tree):
                self.notes.problem(
                    tree.place, "a policy file is 'key: value' lines and begins with 'policy: NAME'", "策略文件由“键: 值”组成，以“policy: 名称”开头"
                )
                continue
            files[name] = file = _File(name, tree)
            for entry in self.notes.scalars(tree.get("include"), "include"):
                other = self.sources.beside(name, entry.text)
                if other is None:
                    self.notes.problem(entry.place, f"'{entry.text}' is not beside or below this file", f"“{entry.text}”不在本文件的文件夹之内")
                else:
                    file.includes.append(other)
                    ahead.append((other, entry.place))
        return files

    def _tree(self, name: str, place: Place) -> Node | None:
        try:
            content = self.sources.read(name)
        except OSError as error:
            self.notes.problem(place, f"'{name}' cannot be read: {error.strerror}", f"无法读取“{name}”：{error.strerror}")
            return None
        if content is None:
            self.notes.problem(place, f"there is no file '{name}'", f"没有“{name}”这个文件")
            return None
        try:
            tree = read_tree(name, content)
        except PolicyErrors as errors:
            self.notes.problems.extend(errors.problems)
            return None
        self.texts[name] = content if isinstance(content, str) else content.decode("utf-8-sig")
        return tree

    # --- the head of each file -----------------------------------------------------------------------------------------------------

    def _head(self, file: _File) -> None:
        tree = file.tree
        self.notes.mapping(tree, "policy", POLICY_KEYS)
        named = tree.get("policy")
        if named is None:
            self.notes.problem(tree.place, "the file lacks 'policy: NAME'", "文件缺少“policy: 名称”")
        file.policy = self.notes.text(named, "policy") or file.name
        if isinstance(named, Scalar) and named.text.strip() and not NAME.fullmatch(file.policy):
            self.notes.problem(
                named.place, f"'{file.policy}' is no name: small letters, digits and hyphens", f"“{file.policy}”不能作名称：只用小写字母、数字和连字号"
            )
        language = self.notes.text(tree.get("language"), "language")
        if language not in (None, LANGUAGE):
            self.notes.problem(
                tree.entries["language"][1].place,
                f"this program reads language {LANGUAGE}, not '{language}'",
                f"本程序读取的语言版本是 {LANGUAGE}，不是“{language}”",
            )
        if tree.get("title") is not None:
            self.notes.because(tree.get("title"), "title", tree.place)
        file.zones = tuple(self.notes.words(tree.get("zone"), "zone", self.vocabulary["env.zone"].codes or ()))

    def _unique_names(self, files: Mapping[str, _File]) -> None:
        owners: dict[str, _File] = {}
        for file in sorted(files.values(), key=lambda file: (not file.shipped, file.name)):
            first = owners.setdefault(file.policy, file)
            if first is not file:
                node = file.tree.get("policy")
                self.notes.problem(
                    node.place if node else file.tree.place, f"policy '{file.policy}' is also in {first.name}", f"策略“{file.policy}”已见于 {first.name}"
                )

    def _visible(self, file: _File, files: Mapping[str, _File]) -> dict[str, Definition]:
        """Returns the names that a file may use: its own, and those of the files that it includes, in turn."""
        out: dict[str, Definition] = {}
        ahead, seen = [file], {file.name}
        while ahead:
            source = ahead.pop()
            for name, definition in self._defined(source).items():
                other = out.setdefault(name, definition)
                if other is not definition:
                    en = f"'{name}' is also defined in {definition.name.place.file}: give one of them another name"
                    self.notes.problem(other.name.place, en, f"“{name}”也定义于 {definition.name.place.file}：请改名")
            for other_name in source.includes:
                if other_name in files and other_name not in seen:
                    seen.add(other_name)
                    ahead.append(files[other_name])
        return out

    def _defined(self, file: _File) -> dict[str, Definition]:
        if file.name not in self._definitions:
            mapping = self.notes.mapping(file.tree.get("define"), "define")
            entries = [] if mapping is None else list(mapping.entries.values())
            for key, _ in entries:
                if not NAME.fullmatch(key.text) or key.text == "everyone":
                    self.notes.problem(
                        key.place, f"'{key.text}' is no name: small letters, digits and hyphens", f"“{key.text}”不能作名称：只用小写字母、数字和连字号"
                    )
            self._definitions[file.name] = {key.text: Definition(key, value, file.scope) for key, value in entries}
        return self._definitions[file.name]

    # --- rules and cases -----------------------------------------------------------------------------------------------------------

    def _rules_and_cases(self, file: _File) -> None:
        internal = file.name == TERMS
        for definition in file.scope.names.values():  # LANGUAGE: a definition is checked even when nothing uses it
            self.conditions.resolve(definition, frozenset({"actor", "record", "row", "env"}), internal)
        reader = RuleReader(self.conditions, self.notes, file.policy, file.scope, self._zone(file), self.searched, file.shipped, internal)
        for node in self.notes.sequence(file.tree.get("rules"), "rules"):
            if (rule := reader.read(node)) is not None:
                file.rules.append(rule)
        nodes = list(self.notes.sequence(file.tree.get("cases"), "cases"))
        if nodes and (world := self._world(file)) is not None:
            for node in nodes:
                if (case := self.cases.case(node, world, file.shipped)) is not None:
                    file.cases.append(case)

    def _zone(self, file: _File) -> Condition | None:
        """Returns the condition that the file's `zone:` puts on its rules."""
        if not file.zones:
            return None
        is_one_of = next(c for c in COMPARISONS["code"] if c.words == "is one of")
        return Sentence(self.vocabulary["env.zone"], is_one_of, Given(Values(file.zones), ", ".join(file.zones)))

    def _world(self, file: _File) -> World | None:
        name = self.sources.beside(file.name, CASES) or CASES
        if name not in self.worlds:
            tree = self._tree(name, file.tree.entries["cases"][0].place)
            if tree is None:
                return None
            self.worlds[name] = self.cases.world(tree)
        return self.worlds[name]

    def _policy(self, file: _File) -> Policy:
        title = None if file.tree.get("title") is None else Notes().because(file.tree.get("title"), "title", file.tree.place)
        return Policy(file.policy, file.name, title, file.zones, tuple(file.cases), file.shipped)

    # --- the whole set -------------------------------------------------------------------------------------------------------------

    def _whole(self, files: Mapping[str, _File]) -> list[Rule]:
        """Returns the rules that are left when what only the whole set can show is checked."""
        by_id: dict[str, Rule] = {}
        for rule in (rule for file in files.values() for rule in file.rules):
            if (first := by_id.setdefault(rule.id, rule)) is not rule:
                later, earlier = sorted((first, rule), key=lambda r: r.place, reverse=True)
                self.notes.problem(later.place, f"rule '{rule.id}' is also at line {earlier.place.line}", f"规则“{rule.id}”已见于第 {earlier.place.line} 行")
        left_out = {name for file in files.values() for name in self._leave_out(file, by_id)}
        self._history(by_id)
        return [rule for rule in by_id.values() if rule.id not in left_out]

    def _leave_out(self, file: _File, by_id: Mapping[str, Rule]) -> list[str]:
        out = []
        for entry in self.notes.scalars(file.tree.get("leave out"), "leave out"):
            rule = by_id.get(entry.text)
            if rule is None:
                former = next((r.id for r in by_id.values() if entry.text in r.was), None)
                en, zh = (f"; it is now '{former}'", f"；现名“{former}”") if former else did_you_mean(entry.text, by_id)
                self.notes.problem(entry.place, f"there is no rule '{entry.text}'{en}", f"没有“{entry.text}”这条规则{zh}")
            elif rule.locked:
                self.notes.problem(entry.place, f"rule '{entry.text}' is locked: it cannot be left out", f"规则“{entry.text}”已锁定，不能省去")
            else:
                out.append(entry.text)
        return out

    def _history(self, by_id: Mapping[str, Rule]) -> None:
        """Checks `was`: a former name is no present one, and belongs to one rule."""
        owners: dict[str, str] = {}
        for rule in by_id.values():
            for former in rule.was:
                if former in by_id:
                    self.notes.problem(rule.place, f"'was: {former}' is the name of a rule that exists", f"“was: {former}”是现有规则的名称")
                elif owners.setdefault(former, rule.id) != rule.id:
                    self.notes.problem(rule.place, f"'was: {former}' is also claimed by '{owners[former]}'", f"“was: {former}”也见于“{owners[former]}”")
