"""Pages of the face: pygeoapi's data in templates of our own, with no script, no inline style and no outside host (the portal's CSP holds)."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

from ogc.features.formatter import tidy
from ogc.features.texts import translate

_FOLDER = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    """Built once: building it for each page is what made pygeoapi's pages slow."""
    return Environment(loader=FileSystemLoader(_FOLDER), autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True)


def render(config: dict[str, Any], tpl_config: dict[str, Any] | None, template: str, data: dict[str, Any], locale_: Any = None) -> str:
    """In place of pygeoapi's `render_j2_template`: the same arguments, our templates."""
    language = "zh" if str(locale_).startswith("zh") else "en"

    def tr(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    name = "openapi.html" if template.startswith("openapi/") else template
    root = config["server"]["url"]
    if "links" in data:
        data["links"] = tidy(data["links"])
    return _environment().get_template(name).render(
        data=data, language=language, tr=tr, translate=lambda text: translate(text, language), root=root,
        site=config["metadata"]["identification"]["title"][language], static=config["server"]["static"], document=config.get("document"),
    )  # fmt: skip
