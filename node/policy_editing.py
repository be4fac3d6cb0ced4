"""What `terrace policy edit` does with a changed file: judges it beside the others, shows what it changes, puts it in their place whole."""

import difflib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import faults
from catalog.errors import ConflictError
from node.errors import UsageError
from policies.cases import run_cases
from policies.diff import Difference, compare

if TYPE_CHECKING:
    from node.site import Site


@dataclass(frozen=True)
class Judged:
    """A changed file that can be put in force.

    Attributes:
        lines: unified difference of the text.
        rules: what changes in the policy in force.
        failed: cases that do not come out, in English and Chinese.
    """

    lines: tuple[str, ...]
    rules: Difference
    failed: tuple[tuple[str, str], ...]


class PolicyFile:
    """One file of a site's policy while it is edited.

    Args:
        site: whose policy.
        name: of the file in `policies/`.

    Raises:
        UsageError: no name of a policy file.
    """

    def __init__(self, site: "Site", name: str) -> None:
        if Path(name).name != name or not name.endswith(".yaml") or name.startswith("."):
            raise UsageError(
                zh=f"“{name}”不是策略文件名：应为 policies 文件夹中的 名称.yaml。", en=f"'{name}' names no policy file: give NAME.yaml of the folder policies."
            )
        self._site = site
        self.path = site.folder / "policies" / name
        self.before = self._read()

    def _read(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            return ""

    def judge(self, text: str) -> Judged:
        """Checks the file's new text together with the other files.

        Raises:
            PolicyErrors: everything that is wrong.
        """
        folder = self.path.parent
        files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml")) if not path.name.startswith(".")}
        loaded = self._site.policies.check({**files, self.path.name: text})
        with self._site.store.read() as conn:
            active = self._site.policies.current(conn).policy_set
        lines = difflib.unified_diff(self.before.splitlines(), text.splitlines(), self.path.name, self.path.name, lineterm="", n=2)
        failed = tuple((each.text("zh"), each.text("en")) for each in run_cases(loaded) if not each.passed)
        return Judged(tuple(lines), compare(active, loaded), failed)

    def keep_aside(self, text: str) -> Path:
        """Keeps a text that is not to be lost where no policy is read from; returns where."""
        aside = self.path.with_name(f".{self.path.name}.edited")
        aside.write_text(text, encoding="utf-8")
        return aside

    def replace(self, text: str) -> None:
        """Puts the text in the file's place, whole or not at all.

        Raises:
            ConflictError: somebody else has changed the file meanwhile.
        """
        if self._read() != self.before:
            raise ConflictError(
                zh=f"{self.path.name} 在编辑期间已被他人修改；未作任何改动，请重新编辑。",
                en=f"somebody else has changed {self.path.name} meanwhile; nothing was changed, edit it again.",
            )
        mode = self.path.stat().st_mode & 0o777 if self.path.exists() else 0o640
        handle, fresh = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            Path(fresh).chmod(mode)
            faults.before("rename")
            Path(fresh).replace(self.path)
            faults.after("rename")
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
