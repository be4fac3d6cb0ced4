"""The settings of a site, as pydantic models: `DIR/terrace.yaml`, each value with its default and what it means.

`node/SETTINGS.md` is made from these descriptions (`terrace settings --reference`). Loading, environment
and errors are `node.settings`. The messages of checks are `zh | en`.
"""

import re
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

SECRECY = ("public", "internal", "confidential", "secret", "top_secret")
type Secrecy = Literal["public", "internal", "confidential", "secret", "top_secret"]

#: What each of the plan's zones may hold at most (law.md: Decree 809 article 3; only a classified zone goes above `internal`).
ZONE_CAPS: dict[str, Secrecy] = {"internet": "public", "government": "internal", "business": "internal", "classified": "top_secret"}


def _division(value: object) -> object:
    text = None if value is None else str(value)
    if text is not None and not re.fullmatch(r"\d{6}|\d{9}|\d{12}", text):
        raise ValueError("行政区划代码为 6、9 或 12 位数字，例如 510107 | a division code has 6, 9 or 12 digits, for example 510107")
    return text


def _network(value: object) -> object:
    try:
        ip_network(str(value), strict=False)
    except ValueError:
        raise ValueError("须为 IP 地址或网段，例如 10.1.2.3 或 10.1.0.0/16 | give an IP address or a network, for example 10.1.2.3 or 10.1.0.0/16") from None
    return str(value)


Network = Annotated[str, BeforeValidator(_network)]


class Section(BaseModel):
    """A group of settings; unknown names are errors, with the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteSettings(Section):
    """Who this site is."""

    name: dict[Literal["zh", "en"], str] = Field(min_length=1, description="The organisation's name, zh and en; one of them is enough.")
    division: Annotated[str | None, BeforeValidator(_division)] = Field(
        default=None,
        description="Division code of 6, 9 or 12 digits (行政区划代码); none for a unit that is no division.",
    )
    unit: str | None = Field(
        default=None,
        pattern=r"^[0-9]{6,12}(/[a-z0-9][a-z0-9-]{0,39}){1,4}$",
        description="Unit code of an organisation that is no division: its place, a slash, its own name, for example `510000/geo-survey`.",
    )
    level: Literal["nation", "province", "city", "county", "township"] | None = Field(default=None, description="By default what the division code says.")
    zone: str = Field(default="business", pattern=r"^[a-z][a-z0-9-]{1,31}$", description="The network zone that this site serves; one of `zones`.")
    sector: str = Field(default="land", pattern=r"^[a-z][a-z0-9-]{1,31}$", description="Sector (行业) of the organisation, as policies compare it.")

    @model_validator(mode="after")
    def _unit_has_a_level(self) -> "SiteSettings":
        if (self.division is None) == (self.unit is None):
            raise ValueError("division 与 unit 须填且只填一项 | give either division or unit")
        if self.unit is not None and self.level is None:
            raise ValueError("不属行政区划的单位须填 level | a unit that is no division must give level")
        return self


class ListenSettings(Section):
    """Where the site listens. Off loopback, plain HTTP is refused (see `tls`, `behind_proxy`), and `base_url` must be set."""

    host: str = Field(default="127.0.0.1", description="Address of the public listener (portal, CKAN, OGC, CSW).")
    port: int = Field(default=8080, ge=0, le=65535, description="Port of the public listener; 0 takes a free one.")
    peer_host: str | None = Field(default=None, description="Address of the peer listener; by default the same as `host`.")
    peer_port: int = Field(default=8081, ge=0, le=65535, description="Port of the peer listener; 0 takes a free one.")
    metrics_host: str = Field(default="127.0.0.1", description="Address of the metrics listener.")
    metrics_port: int | None = Field(default=None, ge=0, le=65535, description="Port of the metrics listener (`/metrics`); none: off.")
    workers: int = Field(default=1, ge=1, le=64, description="Processes of the public listener; more than one only pays on PostgreSQL.")
    threads: int = Field(default=8, ge=1, le=256, description="Threads of each process of the public listener.")
    peer_threads: int = Field(default=64, ge=2, le=512, description="Threads of the peer listener; each waiting peer holds one.")
    names: list[str] = Field(default_factory=list, description="Further host names by which clients reach the site, besides that of `base_url`.")
    behind_proxy: bool = Field(
        default=False, description="HTTPS ends at a reverse proxy in front; exactly one X-Forwarded-For, -Proto and -Host is trusted, from `proxies` alone."
    )
    proxies: list[Network] = Field(
        default_factory=lambda: ["127.0.0.0/8", "::1/128"], description="Addresses or networks of that proxy; who goes around it is refused."
    )


class TlsSettings(Section):
    """HTTPS by this program itself, for sites without a reverse proxy."""

    certificate: str | None = Field(default=None, description="PEM file of the certificate chain; a relative path starts at the site's folder.")
    key: str | None = Field(default=None, description="PEM file of its private key, mode 0600.")

    @model_validator(mode="after")
    def _both_or_neither(self) -> "TlsSettings":
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate 与 key 须同时填写 | give both certificate and key, or neither")
        return self


class ZoneSettings(Section):
    """One network zone of the organisation."""

    title: dict[Literal["zh", "en"], str] = Field(default_factory=dict, description="Name of the zone, zh and en.")
    highest_secrecy: Secrecy = Field(default="internal", description="The highest secrecy that a site of this zone takes in.")


def _default_zones() -> dict[str, ZoneSettings]:
    titles = {
        "internet": {"zh": "互联网", "en": "Internet"},
        "government": {"zh": "政务外网", "en": "Government extranet"},
        "business": {"zh": "业务网", "en": "Business network"},
        "classified": {"zh": "涉密内网", "en": "Classified LAN"},
    }
    return {name: ZoneSettings.model_validate({"title": titles[name], "highest_secrecy": cap}) for name, cap in ZONE_CAPS.items()}


class ChannelSettings(Section):
    """A way by which releases may go from one zone to another."""

    source: str = Field(description="Zone that releases.")
    target: str = Field(description="Zone that receives.")
    second_person: bool = Field(default=False, description="A second person must confirm each release.")


class NewRecordSettings(Section):
    """What `terrace add` puts into a new record where neither the file nor its metadata say it. An edit by hand is never overwritten."""

    profile: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]{0,39}(/[0-9]+)?$", description="Profile, for example `core`.")
    secrecy: Secrecy | None = Field(default=None, description="Secrecy; by default `publish` asks for it.")
    terms: dict[str, Any] | None = Field(
        default_factory=lambda: {"onward": True},
        description="Terms that travel with the record (audience, onward, purposes, until, lease, obligations). By default peers may pass it on; "
        "with none they keep it to themselves.",
    )
    fields: dict[str, Any] = Field(
        default_factory=dict, description="Fields as metadata have them, for example `responsible_person: 王敏`. The provider is the site itself by default."
    )


class PeerSettings(Section):
    """What this site takes from its peers, and how."""

    url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+(/.*[^/])?$",
        description="Address of the peer listener as peers reach it; by default made from `listen`.",
    )
    rows: bool = Field(default=True, description="Take rows of datasets where the peer's policy and the record's terms allow it.")
    objects: Literal["all", "on_demand", "never"] = Field(default="on_demand", description="When to fetch files behind received records.")
    object_bytes: int = Field(default=1_073_741_824, ge=0, description="Largest file that is fetched, in bytes.")
    wait: int = Field(default=30, ge=1, le=30, description="Seconds that a long poll waits at the peer.")
    heartbeat: int = Field(default=600, ge=10, le=3600, description="Seconds between two cosignatures of an unchanged log.")
    pads: int = Field(default=0, ge=0, le=64, description="At most so many random leaves follow each append to the log, to blur its size.")
    ca: str | None = Field(
        default=None, description="PEM file of the authorities that certify peers' HTTPS; by default the system's; a relative path starts at the site's folder."
    )


class UpkeepSettings(Section):
    """What the site tidies up by itself."""

    withdrawn_days: int = Field(
        default=30,
        ge=0,
        le=36_500,
        description="Days after which rows and files of a withdrawn record are removed, and files that nothing names any more; "
        "until then an edit and `publish` show the record again.",
    )


class LimitSettings(Section):
    """Limits that protect the site."""

    request_bytes: int = Field(default=16_777_216, ge=1024, description="Largest request body, in bytes, of requests that are not uploads.")
    connections_per_address: int = Field(
        default=200,
        ge=1,
        le=100_000,
        description="Connections that one address may hold at a time, in each process of a listener; those of `listen.proxies` are not counted.",
    )
    sign_in_per_minute: int = Field(default=10, ge=1, le=1000, description="Sign-in attempts taken from one address in a minute.")


class Settings(Section):
    """Everything in `terrace.yaml`."""

    site: SiteSettings = Field(description="Who this site is.")
    database: str = Field(default="terrace.db", description="SQLite file (relative to the site's folder) or `postgresql+psycopg://…` URL.")
    objects: str = Field(default="objects", description="Files behind records: a folder (relative to the site's) or the URL of a store (catalog/objects.py).")
    objects_key: str | None = Field(default=None, description="Access key of that store.")
    objects_secret: str | None = Field(default=None, description="Secret of that store; rather in the environment: TERRACE_OBJECTS_SECRET.")
    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/]+(/.*[^/])?$",
        description="Address of the public listener as clients reach it; without it the site serves this machine alone.",
    )
    language: Literal["zh", "en"] = Field(default="zh", description="Language of pages for visitors whose browser asks for neither.")
    listen: ListenSettings = Field(default=ListenSettings(), description="Listeners.")
    tls: TlsSettings = Field(default=TlsSettings(), description="HTTPS by this program itself.")
    zones: dict[str, ZoneSettings] = Field(default_factory=_default_zones, description="The zones that there are; by default the plan's four.")
    channels: list[ChannelSettings] = Field(default_factory=list, description="Ways for releases between zones: a graph, not a ranking.")
    new_records: NewRecordSettings = Field(default=NewRecordSettings(), description="What `terrace add` assumes.")
    peers: PeerSettings = Field(default=PeerSettings(), description="What is taken from peers.")
    upkeep: UpkeepSettings = Field(default=UpkeepSettings(), description="What is tidied up.")
    limits: LimitSettings = Field(default=LimitSettings(), description="Limits.")

    @model_validator(mode="after")
    def _zone_is_declared(self) -> "Settings":
        if self.site.zone not in self.zones:
            known = ", ".join(self.zones)
            raise ValueError(f"site.zone“{self.site.zone}”不在 zones 之列（{known}） | site.zone '{self.site.zone}' is not among zones ({known})")
        for channel in self.channels:
            for zone in (channel.source, channel.target):
                if zone not in self.zones:
                    known = ", ".join(self.zones)
                    raise ValueError(f"channels 中的“{zone}”不在 zones 之列（{known}） | a channel names '{zone}', which is not among zones ({known})")
        return self

    @property
    def highest_secrecy(self) -> Secrecy:
        """What this site's zone takes at most."""
        return self.zones[self.site.zone].highest_secrecy
