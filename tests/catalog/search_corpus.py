"""Made-up records for tests and benches of search: Chinese and English, over the plan's domains, always the same for the same seed."""

import random
from collections.abc import Iterator
from typing import Any

import orjson

DOMAINS = {
    "cadastre": ("宗地 不动产 登记 权籍 地籍 調查 界址 房屋", "cadastral parcels boundaries registration ownership survey buildings"),
    "water": ("地下水 水位 监测 河道 流域 水資源 取水 泉点", "groundwater level monitoring wells river basin water resources springs"),
    "geology": ("地质 灾害 滑坡 泥石流 岩层 断裂 钻孔 礦產", "geological hazards landslide debris flow faults boreholes mineral deposits"),
    "landuse": ("土地 利用 耕地 林地 规划 用途 变更 國土", "land use cropland forest planning zoning changes"),
    "mapping": ("遥感 影像 地形图 高程 测绘 控制点 正射 坐标", "remote sensing imagery topographic elevation surveying control points"),
}
PLACES = [("510000", "四川省", "Sichuan"), ("510100", "成都市", "Chengdu"), ("510107", "武侯区", "Wuhou"),
          ("510104", "锦江区", "Jinjiang"), ("510700", "绵阳市", "Mianyang"),
          ("510703", "涪城区", "Fucheng"), ("511500", "宜宾市", "Yibin"), ("500000", "重庆市", "Chongqing")]  # fmt: skip
KINDS = ["dataset", "series", "service", "map", "imagery", "standard", "product", "document"]
FORMATS = ["csv", "geojson", "shp", "gpkg", "xlsx", "pdf", "tif", "wms"]
FILLER = (
    "本数据集由自然资源主管部门依照相关技术规程采集整理形成包括空间位置属性信息质量说明以及更新记录可用于行政管理科学研究和社会公众查询服务数据经过检查验收成果符合"
    "规范要求覆盖辖区全部乡镇街道并按年度进行更新维护保存完整历史版本提供多种格式下载接口访问方式详见使用说明"
)


def make_record(rng: random.Random, n: int) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A row of `record` (without docno) and its terms."""
    theme = rng.choice(list(DOMAINS))
    zh, en = (words.split() for words in DOMAINS[theme])
    code, place_zh, place_en = rng.choice(PLACES)
    year = rng.randint(1998, 2025)
    picked_zh, picked_en = rng.sample(zh, rng.randint(2, 4)), rng.sample(en, min(len(en), rng.randint(2, 4)))
    cut = rng.randint(0, len(FILLER) - 40)
    fields: dict[str, Any] = {
        "title": {"zh": f"{place_zh}{''.join(picked_zh[:2])}数据（{year}年）第{n}批", "en": f"{place_en} {' '.join(picked_en[:2])} {year}"},
        "keywords": {"zh": picked_zh, "en": picked_en},
    }
    if rng.random() > 0.05:
        fields["summary"] = {
            "zh": f"{place_zh}{'、'.join(picked_zh)}。{FILLER[cut : cut + rng.randint(40, 160)]}。编号{n}。",
            "en": f"{' '.join(rng.sample(en, len(en)))} of {place_en}, collected in {year}, batch {n}.",
        }
    if rng.random() < 0.7:
        fields["license"] = rng.choice(["cc-by", "cc-zero", "odc-by"])
    has_time = rng.random() < 0.7
    west, south = round(rng.uniform(97, 108), 3), round(rng.uniform(26, 34), 3)
    start = rng.randint(0, 1_600_000_000)
    edges = (west, south, west + 0.5, south + 0.5) if rng.random() < 0.8 else (None, None, None, None)
    row: dict[str, Any] = {
        "id": f"urn:terrace:{n:032x}", "slug": f"rec-{n:06d}", "origin": "own", "authority": f"n-{n % 7}", "manifest_hash": n.to_bytes(32, "big"),
        "manifest": "{}", "fields": orjson.dumps(fields).decode(), "withheld": "[]", "version": 1, "time": 0, "shown_at": 0,
        "kind": rng.choice(KINDS), "sharing": rng.choice(["unconditional", "conditional", "withheld"]), "opening": rng.choice(["open", "closed"]),
        "level": rng.randrange(5), "division": code, "org": f"{place_zh}{rng.choice(['自然资源局', '水务局', '测绘院'])}", "year": year,
        "modified": rng.randint(1_500_000_000, 1_700_000_000) if rng.random() > 0.02 else None,
        "issued": rng.randint(900_000_000, 1_700_000_000) if rng.random() > 0.1 else None,
        "sort_title": fields["title"]["zh"] if rng.random() > 0.02 else None, "formats": " ".join(rng.sample(FORMATS, rng.randint(0, 3))) or None,
        "time_from": start if has_time else None, "time_to": start + 10_000_000 if has_time and rng.random() < 0.8 else None,
        "signature": n % 40 + 1, "stamp_epoch": 1,
    }  # fmt: skip
    row |= dict(zip(("west", "south", "east", "north"), edges, strict=True))
    return row, [("theme", theme), *([("theme", "nature")] if rng.random() < 0.3 else []), ("territory", code)]


def make_records(count: int, seed: int = 1, start: int = 1) -> Iterator[tuple[dict[str, Any], list[tuple[str, str]]]]:
    """Records numbered from `start`."""
    rng = random.Random(seed)
    for n in range(start, start + count):
        yield make_record(rng, n)
