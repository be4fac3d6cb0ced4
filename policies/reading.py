"""Reading helpers over a YAML tree: every one notes what is wrong at its place and goes on, so that all problems of a file come out at once."""

from collections.abc import Collection, Iterator

from policies.errors import Problem
from policies.model import Because, Place
from policies.nearest import did_you_mean
from policies.yamltree import Mapping, Node, Scalar, Sequence

#: What a name is called in Chinese.
_IN_CHINESE = {"key": "键", "action": "操作", "zone": "网络域", "mask": "掩码", "row": "行"}


class Notes:
    """Problems and warnings gathered while reading."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def problem(self, place: Place, en: str, zh: str) -> None:
        self.problems.append(Problem(*place, en, zh))

    def warning(self, place: Place, en: str, zh: str) -> None:
        self.warnings.append(Problem(*place, en, zh))

    def text(self, node: Node | None, what: str) -> str | None:
        """Returns the text of a scalar that is not empty."""
        if node is None:
            return None
        if not isinstance(node, Scalar):
            self.problem(node.place, f"'{what}' takes one text", f"“{what}”应为一段文字")
            return None
        if not node.text.strip():
            self.problem(node.place, f"'{what}' is empty", f"“{what}”是空的")
            return None
        return node.text.strip()

    def yes_no(self, node: Node | None, what: str) -> bool | None:
        """Returns whether `yes` or `no` was written; None when nothing was, or something else."""
        text = self.text(node, what)
        if text is None or node is None:
            return None
        if text not in ("yes", "no"):
            self.problem(node.place, f"'{what}' takes yes or no, not '{text}'", f"“{what}”只能写 yes 或 no，不能写“{text}”")
            return None
        return text == "yes"

    def scalars(self, node: Node | None, what: str) -> list[Scalar]:
        """Returns the scalars of a list, or the one scalar written in its place."""
        if node is None:
            return []
        if isinstance(node, Mapping):
            self.problem(node.place, f"'{what}' takes a name or a list of names", f"“{what}”应为一个名称或一列名称")
            return []
        items: list[Node] = [node] if isinstance(node, Scalar) else node.items
        out = []
        for item in items:
            if self.text(item, what) is not None and isinstance(item, Scalar):
                out.append(Scalar(item.text.strip(), item.place))
        return out

    def words(self, node: Node | None, what: str, known: Collection[str]) -> list[str]:
        """Returns the names of a list that are known."""
        return [scalar.text for scalar in self.scalars(node, what) if self.known(scalar, what, known)]

    def known(self, scalar: Scalar, what: str, known: Collection[str], *, under: str = "") -> bool:
        """Returns whether a name is known, and notes the nearest one when it is not; a key says `under` what it stands."""
        if scalar.text in known:
            return True
        en, zh = did_you_mean(scalar.text, known)
        where = (f" of '{under}':", f"“{under}”之下") if under else ("", "")
        self.problem(scalar.place, f"unknown {what}{where[0]} '{scalar.text}'{en}", f"{where[1]}没有“{scalar.text}”这个{_IN_CHINESE.get(what, what)}{zh}")
        return False

    def mapping(self, node: Node | None, what: str, known: Collection[str] | None = None) -> Mapping | None:
        """Returns a mapping whose keys are known."""
        if node is None:
            return None
        if not isinstance(node, Mapping):
            self.problem(node.place, f"'{what}' takes 'name: value' lines", f"“{what}”应为“名称: 值”")
            return None
        if known is not None:
            for key, _ in node.entries.values():
                self.known(key, "key", known, under=what)
        return node

    def sequence(self, node: Node | None, what: str) -> Iterator[Node]:
        """Yields the members of a list."""
        if isinstance(node, Sequence):
            yield from node.items
        elif node is not None and not (isinstance(node, Scalar) and not node.text):
            self.problem(node.place, f"'{what}' takes a list: begin each entry with '- '", f"“{what}”应为清单：每项以“- ”开头")

    def because(self, node: Node | None, what: str, place: Place) -> Because | None:
        """Returns a text in Chinese and in English."""
        if node is None:
            self.problem(place, f"'{what}' is missing: give the reason in zh and en", f"缺少“{what}”：请写明中英文理由")
            return None
        mapping = self.mapping(node, what, ("zh", "en"))
        if mapping is None:
            return None
        zh, en = self.text(mapping.get("zh"), "zh"), self.text(mapping.get("en"), "en")
        for language in ("zh", "en"):
            if mapping.get(language) is None:
                self.problem(mapping.place, f"'{what}' lacks '{language}'", f"“{what}”缺少“{language}”")
        return Because(zh, en) if zh and en else None
