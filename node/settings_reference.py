"""The reference page of all settings, made from the models: what `terrace settings --reference` prints and `node/SETTINGS.md` holds."""

from collections.abc import Iterator, Mapping

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from node.settings import sections
from node.settings_model import ChannelSettings, Settings, ZoneSettings

_HEAD = """# Settings

Every setting of a site: `DIR/terrace.yaml`. This page is made by `terrace settings --reference`; a test fails when it is stale.

An environment variable overrides the file: `TERRACE_` and the name in capitals, two underscores for each dot, the value as YAML
(`TERRACE_LISTEN__PORT=9000`). `TERRACE_DIR` names the site's folder where `-C` does not, `TERRACE_LANG` (`zh`, `en`) the language of the command line.
All errors are reported at once, with line and column. A served site reads the file again on SIGHUP (`kill -HUP` and the pid in `run/serve.json`) and says what
it took over; `site`, `database`, and of `listen` hosts, ports and `workers` wait for a restart.

The smallest file:

```yaml
site:
  name: {zh: 武侯区规划和自然资源局, en: Wuhou Bureau of Planning and Natural Resources}
  division: 510107
  zone: business
```
"""


def reference() -> str:
    """The page as Markdown."""
    return _HEAD + "".join(_section("", Settings))


def _section(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    inner = dict(sections(model))
    properties = model.model_json_schema()["properties"]
    plain = [name for name in model.model_fields if inner[name] is None]
    title = f"`{prefix.rstrip('.')}`" if prefix else "Top level"
    note = " ".join((model.__doc__ or "").split("\n")[0].split()) if prefix else ""
    yield f"\n## {title}\n" + (f"\n{note}\n" if note else "") + "\n| setting | takes | default | meaning |\n|---|---|---|---|\n"
    for name in plain:
        info = model.model_fields[name]
        yield f"| `{prefix}{name}` | {_takes(properties[name])} | {_default(info)} | {info.description or ''} |\n"
    for name, section in inner.items():
        if section is not None:
            yield from _section(f"{prefix}{name}.", section)
    if model is Settings:
        yield from _section("zones.<name>.", ZoneSettings)
        yield from _section("channels[].", ChannelSettings)


def _takes(schema: Mapping[str, object]) -> str:
    """What a value may be, by the JSON schema of its field."""
    options = schema.get("anyOf")
    if isinstance(options, list):
        return next(_takes(each) for each in options if each.get("type") != "null")
    values = schema.get("enum")
    if isinstance(values, list):
        return ", ".join(f"`{each}`" for each in values)
    low, high = schema.get("minimum"), schema.get("maximum")
    match schema.get("type"):
        case "boolean":
            return "yes, no"
        case "integer":
            return "number" + (f" {low}–{high}" if high is not None else f" from {low}")
        case "object" if "propertyNames" in schema:
            return "`{zh: …, en: …}`"
        case "array" if isinstance(items := schema.get("items"), Mapping) and items.get("type") == "string":
            return "list of texts"
        case "object" | "array":
            return "see below"
        case _:
            return "text"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "`yes`" if value else "`no`"
    if isinstance(value, dict):
        plain = {key: each.model_dump() if isinstance(each, BaseModel) else each for key, each in value.items()}
        return f"`{yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, sort_keys=False, width=100000).strip()}`" if plain else "`{}`"
    return f"`{value}`"
