"""Settings read again on SIGHUP: what can change while the site is served, and what waits for a restart.

Safe is what a serving process reads when it starts: `base_url`, `tls`, `peers`, `limits`, `new_records`, `upkeep`, `language`, `zones`, `channels`, `objects`,
and of `listen` all but what the supervisor holds itself. A file that cannot be used changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from node.listeners import require_base_url, require_certificate, require_https
from node.settings_model import Settings
from policies.errors import TerraceError

#: What the supervisor bound or counted when it started, and who the site is.
NEED_RESTART = (
    "site", "database", "listen.host", "listen.port", "listen.peer_host", "listen.peer_port", "listen.metrics_host", "listen.metrics_port", "listen.workers",
)  # fmt: skip


@dataclass(frozen=True)
class Reread:
    """Result of reading the settings again.

    Attributes:
        settings: to go on with; the old ones where the file cannot be used.
        changed: names of settings that are other now.
        waiting: names of settings that are other in the file and wait for a restart.
        error: why the file cannot be used.
    """

    settings: Settings
    changed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    error: TerraceError | None = None

    def texts(self) -> Iterator[tuple[str, str]]:
        """What to say, in Chinese and English."""
        if self.error is not None:
            yield f"新设置有误，继续使用旧设置。{self.error.zh}", f"The new settings cannot be used, and the old ones stay. {self.error.en}"
        elif self.changed:
            yield f"已采用新设置：{'、'.join(self.changed)}。", f"New settings are in use: {', '.join(self.changed)}."
        else:
            yield "设置没有可即时采用的变化。", "No setting that can change while the site is served has changed."
        if self.waiting:
            yield f"重启 terrace serve 后才生效：{'、'.join(self.waiting)}。", f"These wait for a restart of terrace serve: {', '.join(self.waiting)}."


def reread(old: Settings, load: Callable[[], Settings], folder: Path) -> Reread:
    """Reads the settings again.

    Args:
        old: in use now.
        load: reads them, with what the command line overrides.
        folder: of the site.
    """
    try:
        new = load()
        different = tuple(_different(old, new))
        waiting = tuple(name for name in different if _needs_restart(name))
        merged = _with(new, old, waiting)
        require_https(merged)
        require_base_url(merged)
        require_certificate(merged, folder)
    except TerraceError as error:
        return Reread(old, error=error)
    return Reread(merged, tuple(name for name in different if name not in waiting), waiting)


def _needs_restart(name: str) -> bool:
    return any(name == each or name.startswith(each + ".") for each in NEED_RESTART)


def _different(old: BaseModel, new: BaseModel, prefix: str = "") -> Iterator[str]:
    for name in type(new).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, BaseModel) and isinstance(after, BaseModel):
            yield from _different(before, after, f"{prefix}{name}.")
        elif before != after:
            yield prefix + name


def _with(new: Settings, old: Settings, names: tuple[str, ...]) -> Settings:
    """The new settings with the old values of some."""
    merged = new
    for name in names:
        section, dot, inner = ("site", "", "") if name.startswith("site.") else name.partition(".")
        value = getattr(merged, section).model_copy(update={inner: getattr(getattr(old, section), inner)}) if dot else getattr(old, section)
        merged = merged.model_copy(update={section: value})
    return merged
