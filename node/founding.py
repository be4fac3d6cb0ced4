"""Founding a site: what `terrace init` writes.

Everything is made in a folder beside the target and renamed at the end, so that an interrupted init leaves no half of a site.
The site's node id is the fingerprint of its root statement, which is made here once and never again.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from node.errors import SiteFolderError
from node.making import is_free, made_beside
from node.settings import FILE_NAME, parse_settings
from node.settings_model import Settings
from policies.sources import defaults_for

_SETTINGS = """# Settings of this site. All of them, with defaults: terrace settings --reference
site:
  name: {name}
{place}  zone: {zone}
  sector: {sector}
listen:
  host: 127.0.0.1
  port: {port}          # portal, CKAN, OGC, CSW
  peer_port: {peer_port}     # peers
"""

_POLICY = """# The policy of this site. Rules of files in this folder are in force as soon as they are saved; a bad file changes nothing and is said.
#   terrace policy check      finds errors          terrace policy explain ID    says who may do what with a record, and why
policy: site
title: {{zh: 本站策略, en: Policy of this site}}
include:
{include}
"""

_FOLDERS = ("policies", "objects", "logs", "run")


@dataclass(frozen=True)
class Founding:
    """What a new site is to be."""

    name: dict[str, str]
    division: str | None
    unit: str | None
    level: str | None
    zone: str
    sector: str = "land"
    port: int = 8080
    peer_port: int = 8081
    database: str | None = None


@dataclass(frozen=True)
class Founded:
    """What was made."""

    folder: Path
    node: str
    fingerprint: str
    settings: Settings


def name_of(names: tuple[str, ...]) -> dict[str, str]:
    """Sorts names given on the command line into languages: one with Chinese characters is zh."""
    return {("zh" if re.search(r"[\u3400-\u9fff]", name) else "en"): name for name in names}


def settings_text(wanted: Founding) -> str:
    """The text of terrace.yaml."""
    flow = yaml.safe_dump(wanted.name, allow_unicode=True, default_flow_style=True, width=1000).strip()
    place = (f"  division: '{wanted.division}'\n" if wanted.division else "") + (f"  unit: {wanted.unit}\n" if wanted.unit else "")
    place += f"  level: {wanted.level}\n" if wanted.level else ""
    text = _SETTINGS.format(name=flow, place=place, zone=wanted.zone, sector=wanted.sector, port=wanted.port, peer_port=wanted.peer_port)
    return text + (f"database: {wanted.database}\n" if wanted.database else "")


def found(target: Path, wanted: Founding) -> Founded:
    """Makes a new site.

    Args:
        target: a folder that does not exist yet, or is empty.
        wanted: what it is to be.

    Raises:
        SiteFolderError: the folder holds something.
        SettingsError: a name, code or zone cannot be.
    """
    target = target.absolute()
    if not is_free(target):
        raise SiteFolderError(
            zh=f"{target} 已存在且不是空文件夹；请换一个文件夹，init 不会覆盖任何东西。",
            en=f"{target} exists and is no empty folder; name another one, init overwrites nothing.",
        )
    text = settings_text(wanted)
    settings = parse_settings(text, FILE_NAME, {})
    with made_beside(target) as making:
        node, fingerprint = _fill(making, text, settings)
    return Founded(target, node, fingerprint, settings)


def _fill(folder: Path, text: str, settings: Settings) -> tuple[str, str]:
    folder.chmod(0o750)
    for name in _FOLDERS:
        (folder / name).mkdir(mode=0o750)
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    (folder / FILE_NAME).chmod(0o640)
    includes = "\n".join(f"- defaults/{path.name}" for path in defaults_for(settings.site.zone))
    (folder / "policies" / "site.yaml").write_text(_POLICY.format(include=includes), encoding="utf-8")
    from node.identity import make_identity

    return make_identity(folder, settings)
