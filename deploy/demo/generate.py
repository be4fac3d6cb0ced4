"""The demo's seeded data: records in Chinese and English over the plan's domains, and the files behind some of them.

Everything but division codes and names is made up, and says so in its summary. The same seed gives the same bytes, so that a second start adds nothing.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from catalog.profiles import profile
from deploy.demo.item import Item, base_fields, decimal
from deploy.demo.layers import with_data
from deploy.demo.places import Place

SEED = 141  # 国土资发〔2016〕141号
YEARS = range(2006, 2017)


def items(place: Place) -> Iterator[Item]:
    """Every record of one site, in a fixed order.

    Args:
        place: the site.

    Yields:
        the datasets with data first, then metadata until `place.records` is reached.
    """
    rng = random.Random(f"{SEED}/{place.division}")  # noqa: S311  (a seeded generator is the point)
    made = 0
    for item in with_data(place, rng):
        made += 1
        del item.fields["resources.main"]  # the data file takes its place
        yield item
    for item in _metadata(place, rng, place.records - made):
        yield item


def _domains() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "domains.yaml").read_text(encoding="utf-8"))
    return loaded


def _metadata(place: Place, rng: random.Random, count: int) -> Iterator[Item]:
    """Records without data: domains × years, newest first, until `count` are made."""
    domains = [domain for domain in _domains() if place.level in domain["levels"]]
    made = 0
    for edition in ("", "a", "b", "c"):
        for year in reversed(YEARS):
            for domain in domains:
                if made == count:
                    return
                made += 1
                yield _record(place, rng, domain, year, edition)


def _record(place: Place, rng: random.Random, domain: dict[str, Any], year: int, edition: str) -> Item:
    title_zh = domain["zh"].format(place=place.zh, year=year)
    title_en = domain["en"].format(place=place.en, year=year)
    if edition:
        part = ord(edition) - ord("a") + 2
        title_zh, title_en = f"{title_zh}(第{part}册)", f"{title_en}, part {part}"
    internal = domain["sharing"] != "unconditional" and rng.random() < 0.5
    fields = base_fields(
        place,
        title_zh,
        title_en,
        domain["summary_zh"],
        domain["summary_en"],
        theme=domain["theme"],
        kind=domain["kind"],
        sharing=domain["sharing"],
        opened=domain["open"],
    )
    if domain["profile"] == "standard":
        fields["x.number"] = f"TD/T {1000 + year}-{year}(示例)"
    west, south, east, north = _box(place, rng)
    fields |= {
        "keywords": {"zh": domain["keywords_zh"], "en": domain["keywords_en"]},
        "items": _items(domain["profile"]),
        "update_cycle": domain["update_cycle"],
        "issued": f"{year + 1}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        "time": [f"{year}-01-01", f"{year}-12-31"],
        "bbox": [west, south, east, north],
    }
    return Item(f"{domain['key']}-{place.division}-{year}{edition}", fields, domain["profile"], "internal" if internal else "public")


def _items(name: str) -> list[dict[str, Any]]:
    """The columns of a profile as a record's items; one made-up column for a profile that has none."""
    columns = [{"name": one.name, "title": {"zh": one.zh, "en": one.en}, "type": one.type} for one in profile(name).columns.values()]
    return columns or [{"name": "note", "title": {"zh": "说明", "en": "note"}, "type": "text"}]


def _box(place: Place, rng: random.Random) -> tuple[str, str, str, str]:
    lon, lat = place.centre[0] + rng.uniform(-0.5, 0.5) * place.span, place.centre[1] + rng.uniform(-0.5, 0.5) * place.span
    half = place.span * rng.uniform(0.2, 0.5)
    return (decimal(lon - half), decimal(lat - half), decimal(lon + half), decimal(lat + half))
