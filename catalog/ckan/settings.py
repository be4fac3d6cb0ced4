"""What the CKAN face is told by whoever mounts it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

#: The version of CKAN whose answers these are.
CKAN_VERSION = "2.12.0"


@dataclass(frozen=True)
class CkanSettings:
    """Settings.

    Attributes:
        title: the site's name by language.
        base_url: absolute address of the site, without a slash at the end; None: as the request has it.
        language: of titles and names in an answer: `zh` or `en`; asked once for each request.
    """

    title: Mapping[str, str] = field(default_factory=dict)
    base_url: str | None = None
    language: Callable[[], str] = lambda: "zh"


@dataclass(frozen=True)
class Around:
    """What one answer is made in: absolute address of the site and the language."""

    base: str
    language: str

    def choose(self, texts: object) -> str:
        """A text of a language map, in the answer's language where there is one."""
        if isinstance(texts, str):
            return texts
        if not isinstance(texts, Mapping):
            return ""
        return str(texts.get(self.language) or texts.get("zh") or texts.get("en") or next((text for text in texts.values() if text), ""))
