"""What `terrace add` assumes of a new record, from the settings and the site itself."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from node.site import Site


def assumed_fields(site: "Site", given: Mapping[str, Any]) -> dict[str, Any]:
    """Fields for records whose source does not have them.

    Args:
        site: is the provider, and its division the territory, unless something else says so.
        given: what the command line says; goes before the settings.
    """
    own: dict[str, Any] = {"provider": {"name": dict(site.identity.name)}}
    if site.identity.division:
        own["territory"] = [site.identity.division]
    configured = {name: typed(value) for name, value in site.settings.new_records.fields.items()}
    return {**own, **configured, **given}


def typed(value: Any) -> Any:
    """A value of terrace.yaml, where every scalar is text: `true` and `false` become what they say."""
    if isinstance(value, dict):
        return {name: typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
