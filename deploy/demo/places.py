"""The four levels of the demo: real division codes and names, made-up agencies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """One site of the demo.

    Attributes:
        key: name of its folder under the demo's directory.
        division: GB/T 2260 code.
        level: nation, province, city or county.
        zh, en: name of the division (real).
        agency_zh, agency_en: name of the agency (made up for the demo).
        centre: lon, lat in degrees (CRS84), near the seat of the division.
        span: half the width in degrees of the area in which features are made.
        parent: key of the superior, or None at the top.
        records: how many records the generator makes for it.
    """

    key: str
    division: str
    level: str
    zh: str
    en: str
    agency_zh: str
    agency_en: str
    centre: tuple[float, float]
    span: float
    parent: str | None
    records: int


NATION = Place(
    "nation", "000000", "nation", "全国", "China", "国家自然资源数据节点(示例)", "National natural-resource data node (demo)", (104.2, 35.9), 12.0, None, 80
)
SICHUAN = Place(
    "sichuan",
    "510000",
    "province",
    "四川省",
    "Sichuan",
    "四川省自然资源厅(示例)",
    "Sichuan department of natural resources (demo)",
    (103.9, 30.6),
    2.5,
    "nation",
    130,
)
CHENGDU = Place(
    "chengdu", "510100", "city", "成都市", "Chengdu", "成都市自然资源局(示例)", "Chengdu natural resources bureau (demo)", (104.06, 30.66), 0.4, "sichuan", 140
)
WUHOU = Place(
    "wuhou",
    "510107",
    "county",
    "武侯区",
    "Wuhou",
    "成都市武侯区自然资源局(示例)",
    "Wuhou district natural resources office (demo)",
    (104.043, 30.642),
    0.06,
    "chengdu",
    170,
)

#: Superiors first: the order in which sites are made and joined.
PLACES = (NATION, SICHUAN, CHENGDU, WUHOU)
