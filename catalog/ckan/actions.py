"""Every action by its name. One that is not here does not exist, except those that write, which are refused until they do."""

from typing import Any

from catalog.ckan import datastore, lists, params
from catalog.ckan.errors import CkanDeniedError, CkanNotFoundError
from catalog.ckan.face import Action, Call
from catalog.ckan.search import package_search
from catalog.ckan.settings import CKAN_VERSION


def status_show(call: Call) -> Any:
    """What this site is."""
    return {
        "site_title": call.around.choose(call.site_title), "site_description": "", "site_url": call.around.base, "error_emails_to": "",
        "locale_default": "zh_Hans_CN", "extensions": ["datastore", "terrace"], "ckan_version": CKAN_VERSION,
    }  # fmt: skip


def site_read(call: Call) -> Any:
    """True: whoever gets here may read."""
    return True


def help_show(call: Call) -> Any:
    """What an action does. name."""
    action = READING.get(params.required(call.data, "name"))
    if action is None:
        raise CkanNotFoundError("Action function not found")
    return action.__doc__


READING: dict[str, Action] = {
    action.__name__: action
    for action in (
        status_show, site_read, help_show, package_search, lists.package_show, lists.package_list, lists.current_package_list_with_resources,
        lists.package_autocomplete, lists.resource_show, lists.resource_search, lists.organization_list, lists.organization_show,
        lists.organization_autocomplete, lists.group_list, lists.group_show, lists.group_package_show, lists.tag_list, lists.tag_show, lists.tag_search,
        lists.tag_autocomplete, lists.format_autocomplete, lists.license_list, datastore.datastore_search, datastore.datastore_info,
        datastore.datastore_search_sql,
    )
}  # fmt: skip

WRITING = frozenset(
    f"{noun}_{verb}"
    for noun in ("package", "resource", "organization", "group", "tag", "vocabulary", "resource_view", "package_relationship", "user", "api_token")
    for verb in ("create", "update", "patch", "delete")
) | {
    "bulk_update_public", "bulk_update_private", "bulk_update_delete", "dataset_purge", "organization_purge", "group_purge", "package_revise",
    "package_resource_reorder", "package_owner_org_update", "member_create", "member_delete", "datastore_create", "datastore_upsert", "datastore_delete",
    "datastore_records_delete", "follow_dataset", "unfollow_dataset", "config_option_update", "term_translation_update",
}  # fmt: skip


def refuse_writing(call: Call) -> Any:
    """Records are changed by the writer, not through this interface yet."""
    raise CkanDeniedError("this site does not take changes through the CKAN API yet")


def find(name: str) -> tuple[Action, bool] | None:
    """An action and whether it only reads; None when there is none of that name."""
    action = READING.get(name)
    if action is not None:
        return action, True
    return (refuse_writing, False) if name in WRITING else None
