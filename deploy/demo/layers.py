"""The layers, tables and the raster of the demo: made up, on real divisions."""

import csv
import io
import json
import math
import random
from collections.abc import Iterator
from typing import Any

from deploy.demo.item import Item, base_fields, decimal
from deploy.demo.places import CHENGDU, NATION, SICHUAN, WUHOU, Place


def with_data(place: Place, rng: random.Random) -> Iterator[Item]:
    """The records of a site that have data behind them.

    Args:
        place: the site.
        rng: seeded.
    """
    if place is WUHOU:
        yield _parcels(place, rng, 3000)
        yield _register(place, rng, 400)
        yield _hazards(place, rng, 40)
    if place is CHENGDU:
        yield _land_use(place, rng, 2400)
        yield _market(place, rng, 300)
    if place is SICHUAN:
        yield from _groundwater(place, rng, 60, 24)
        yield _mining(place, rng, 250)
        yield _terrain(place, rng)
    if place is NATION:
        yield _prices(place, rng)


def _collection(features: list[dict[str, Any]]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, separators=(",", ":")).encode()


def _feature(geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _csv(header: list[str], rows: list[list[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def _cells(place: Place, rng: random.Random, count: int) -> Iterator[tuple[int, list[list[float]]]]:
    """`count` touching quadrilaterals on a jittered grid (neighbours share their corners, so that no gap or overlap shows)."""
    side = math.ceil(math.sqrt(count))
    step = 2 * place.span / side
    west, south = place.centre[0] - place.span, place.centre[1] - place.span
    corner = {
        (column, row): (round(west + step * (column + rng.uniform(-0.28, 0.28)), 6), round(south + step * (row + rng.uniform(-0.28, 0.28)), 6))
        for column in range(side + 1)
        for row in range(side + 1)
    }
    for index in range(count):
        row, column = divmod(index, side)
        ring = [corner[column, row], corner[column + 1, row], corner[column + 1, row + 1], corner[column, row + 1], corner[column, row]]
        yield index, [list(point) for point in ring]


_CLASSES = [
    ("0101", "水田", "paddy"),
    ("0103", "旱地", "dry farmland"),
    ("0301", "有林地", "forest"),
    ("0401", "天然牧草地", "grassland"),
    ("0701", "城镇住宅用地", "urban housing"),
    ("0601", "工业用地", "industry"),
    ("1001", "铁路用地", "railway"),
    ("1101", "河流水面", "river"),
]


def _parcels(place: Place, rng: random.Random, count: int) -> Item:
    features = []
    for index, ring in _cells(place, rng, count):
        code, zh, en = rng.choice(_CLASSES)
        features.append(
            _feature(
                {"type": "Polygon", "coordinates": [ring]},
                {
                    "parcel_id": f"{place.division}001{index:06d}",
                    "class_code": code,
                    "class_name": zh,
                    "class_en": en,
                    "tenure": rng.choice(["国有", "集体"]),
                    "area": str(rng.randint(200, 90000)),
                    "division": place.division,
                    "surveyed": f"2016-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
                },
            )
        )
    fields = base_fields(
        place,
        "武侯区2016年宗地与地类图斑",
        "Parcels and land-use classes of Wuhou, 2016",
        "全区宗地图斑,含地类与权属性质。",
        "All parcels of the district with class and tenure.",
        theme=["land"],
        kind="dataset",
    ) | {"keywords": {"zh": ["宗地", "地类", "图斑"], "en": ["parcel", "land use"]}, "issued": "2017-03-01", "time": ["2016-01-01", "2016-12-31"]}
    return Item("parcels-wuhou-2016", fields, "landsurvey", "public", _collection(features), ".geojson", ["parcel_id"])


def _land_use(place: Place, rng: random.Random, count: int) -> Item:
    features = []
    for index, ring in _cells(place, rng, count):
        code, zh, en = rng.choice(_CLASSES)
        features.append(
            _feature(
                {"type": "Polygon", "coordinates": [ring]},
                {
                    "parcel_id": f"{place.division}{index:08d}",
                    "class_code": code,
                    "class_name": zh,
                    "class_en": en,
                    "area": str(rng.randint(1000, 400000)),
                    "division": place.division,
                },
            )
        )
    fields = base_fields(
        place,
        "成都市2016年土地利用图斑",
        "Land-use polygons of Chengdu, 2016",
        "按二级类汇总的地类图斑。",
        "Land-use polygons by second-level class.",
        theme=["land"],
        kind="dataset",
    ) | {"keywords": {"zh": ["土地利用", "图斑"], "en": ["land use", "polygon"]}, "issued": "2017-04-01", "time": ["2016-01-01", "2016-12-31"]}
    return Item("landuse-chengdu-2016", fields, "landsurvey", "public", _collection(features), ".geojson", ["parcel_id"])


def _register(place: Place, rng: random.Random, count: int) -> Item:
    surnames, given = "王李张刘陈杨赵黄周吴", "伟芳娜敏静强磊洋艳勇"
    rows = []
    for index in range(count):
        owner = rng.choice(surnames) + rng.choice(given) + rng.choice(given)
        rows.append(
            [
                f"{place.division}GB{index:05d}F0001",
                f"H{rng.randint(0, 10**8):08d}",
                owner,
                f"510107{rng.randint(1950, 1999)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(0, 9999):04d}",
                f"0280000{rng.randint(0, 9999):04d}",
                rng.choice(["国有建设用地使用权", "房屋所有权", "抵押权"]),
                rng.randint(30, 220),
                f"2016-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
                "现势",
                place.division,
            ]
        )
    fields = base_fields(
        place,
        "武侯区不动产登记簿(示例)",
        "Real-estate register of Wuhou (demo)",
        "权利人姓名、证件号均为虚构;其他部门只能核验。",
        "Names and identity numbers are made up; other departments may only verify.",
        theme=["realestate"],
        kind="dataset",
        sharing="conditional",
        opened=False,
    )
    fields |= {"keywords": {"zh": ["不动产", "登记", "核验"], "en": ["real estate", "register"]}, "issued": "2016-12-31", "update_cycle": "realtime"}
    header = ["unit_number", "owner_id", "owner_name", "id_number", "phone", "right_type", "area", "registered", "status", "division"]
    return Item("register-wuhou", fields, "realestate", "internal", _csv(header, rows), ".csv", ["unit_number"])


def _hazards(place: Place, rng: random.Random, count: int) -> Item:
    features = []
    for index in range(count):
        point = [round(place.centre[0] + rng.uniform(-1, 1) * place.span, 6), round(place.centre[1] + rng.uniform(-1, 1) * place.span, 6)]
        features.append(
            _feature(
                {"type": "Point", "coordinates": point},
                {
                    "hazard_id": f"{place.division}H{index:04d}",
                    "hazard_type": rng.choice(["滑坡", "崩塌", "泥石流"]),
                    "severity": rng.choice(["minor", "moderate", "severe", "extreme"]),
                    "threatened": rng.randint(0, 240),
                    "observed": f"2016-{rng.randint(5, 9):02d}-{rng.randint(1, 28):02d}T{rng.randint(0, 23):02d}:00:00Z",
                    "division": place.division,
                },
            )
        )
    fields = base_fields(
        place,
        "武侯区2016年汛期地质灾害隐患点",
        "Hazard sites of Wuhou in the 2016 flood season",
        "隐患点位置、类型、威胁人数与最近巡查时间。",
        "Places, kinds, people at risk and last patrol.",
        theme=["hazard"],
        kind="dataset",
    ) | {"keywords": {"zh": ["地质灾害", "滑坡", "泥石流"], "en": ["hazard", "landslide", "debris flow"]}, "issued": "2016-09-30", "update_cycle": "daily"}
    return Item("hazards-wuhou-2016", fields, "hazard", "public", _collection(features), ".geojson", ["hazard_id"])


def _groundwater(place: Place, rng: random.Random, stations: int, months: int) -> Iterator[Item]:
    points, readings = [], []
    for index in range(stations):
        station = f"{place.division}W{index:04d}"
        point = [round(place.centre[0] + rng.uniform(-1, 1) * place.span, 6), round(place.centre[1] + rng.uniform(-1, 1) * place.span, 6)]
        points.append(
            _feature(
                {"type": "Point", "coordinates": point},
                {"station": station, "name": f"示例井{index + 1}号", "aquifer": rng.choice(["孔隙水", "裂隙水", "岩溶水"]), "depth_m": rng.randint(20, 300)},
            )
        )
        level = rng.uniform(3, 40)
        for month in range(months):
            level += rng.uniform(-0.6, 0.6) + 0.4 * math.sin(month / 12 * 2 * math.pi)
            readings.append([station, f"{2015 + month // 12}-{month % 12 + 1:02d}-15T00:00:00Z", decimal(level, 2), decimal(rng.uniform(12, 19), 1)])
    common = {
        "keywords": {"zh": ["地下水", "监测", "水位"], "en": ["groundwater", "monitoring", "water level"]},
        "issued": "2017-01-20",
        "update_cycle": "monthly",
        "time": ["2015-01-15", "2016-12-15"],
    }
    fields = (
        base_fields(
            place,
            "四川省地下水监测站点",
            "Groundwater stations of Sichuan",
            "监测井位置、含水层类型与井深。",
            "Wells, aquifers and depths.",
            theme=["groundwater"],
            kind="dataset",
        )
        | common
    )
    yield Item("groundwater-stations-sichuan", fields, "groundwater", "public", _collection(points), ".geojson", ["station"])
    fields = (
        base_fields(
            place,
            "四川省地下水水位读数(2015—2016年)",
            "Groundwater level readings of Sichuan, 2015–2016",
            "各站逐月埋深与水温。",
            "Monthly depth to water and temperature at each station.",
            theme=["groundwater"],
            kind="series",
        )
        | common
    )
    yield Item(
        "groundwater-readings-sichuan",
        fields,
        "groundwater",
        "public",
        _csv(["station", "observed", "depth", "temperature"], readings),
        ".csv",
        ["station", "observed"],
    )


def _mining(place: Place, rng: random.Random, count: int) -> Item:
    rows = [
        [
            f"C{place.division}2016{index:06d}",
            rng.choice(["煤", "铁", "铜", "钒钛磁铁", "石灰岩", "页岩气", "锂"]),
            rng.choice(["大型", "中型", "小型"]),
            decimal(rng.uniform(0.05, 30), 3),
            f"20{rng.randint(6, 16):02d}-{rng.randint(1, 12):02d}-01",
            f"20{rng.randint(18, 40)}-01-01",
            rng.choice(["有效", "延续", "注销"]),
        ]
        for index in range(count)
    ]
    fields = base_fields(
        place,
        "四川省2016年采矿权登记表",
        "Mining rights of Sichuan, 2016",
        "采矿权证号、矿种、规模、面积与有效期。",
        "Licence, mineral, size, area and term.",
        theme=["minerals"],
        kind="dataset",
    )
    fields |= {"keywords": {"zh": ["采矿权", "矿产"], "en": ["mining right", "minerals"]}, "issued": "2016-12-31", "update_cycle": "monthly"}
    return Item(
        "mining-sichuan-2016",
        fields,
        "mining",
        "public",
        _csv(["licence_number", "mineral", "size", "area", "valid_from", "valid_to", "status"], rows),
        ".csv",
        ["licence_number"],
    )


def _market(place: Place, rng: random.Random, count: int) -> Item:
    rows = [
        [
            f"CD2016-{index:04d}",
            rng.choice(["住宅", "商服", "工业", "公共管理"]),
            rng.choice(["招标", "拍卖", "挂牌", "划拨"]),
            decimal(rng.uniform(0.2, 12), 4),
            rng.randint(100, 90000),
            f"2016-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
            f"5101{rng.choice(['04', '05', '06', '07', '08'])}",
        ]
        for index in range(count)
    ]
    fields = base_fields(
        place,
        "成都市2016年土地供应结果",
        "Land supplied in Chengdu, 2016",
        "宗地编号、用途、供应方式、面积与成交价。",
        "Parcel, use, way of supply, area and price.",
        theme=["landmarket"],
        kind="dataset",
    )
    fields |= {"keywords": {"zh": ["土地市场", "供地"], "en": ["land market", "supply"]}, "issued": "2017-01-15", "update_cycle": "weekly"}
    return Item(
        "market-chengdu-2016",
        fields,
        "statistics",
        "public",
        _csv(["parcel", "use", "way", "area_ha", "price_wan", "signed", "division"], rows),
        ".csv",
        ["parcel"],
    )


def _prices(place: Place, rng: random.Random) -> Item:
    rows = []
    for division, name in (("110000", "北京"), ("310000", "上海"), ("440100", "广州"), ("510100", "成都"), ("420100", "武汉"), ("610100", "西安")):
        price = rng.uniform(3000, 20000)
        for quarter in range(20):
            price *= 1 + rng.uniform(-0.005, 0.03)
            rows.append([division, name, f"{2012 + quarter // 4}Q{quarter % 4 + 1}", "综合", round(price), decimal(rng.uniform(-0.5, 3), 2)])
    fields = base_fields(
        place,
        "全国主要城市地价监测(2012—2016年)",
        "Land prices of major cities, 2012–2016",
        "季度综合地价水平与环比增长率。",
        "Quarterly price levels and growth.",
        theme=["landmarket"],
        kind="series",
    )
    fields |= {"keywords": {"zh": ["地价", "监测"], "en": ["land price", "monitoring"]}, "issued": "2017-01-31", "update_cycle": "quarterly"}
    return Item(
        "landprice-nation",
        fields,
        "landprice",
        "public",
        _csv(["division", "city", "period", "use", "price", "growth_pct"], rows),
        ".csv",
        ["division", "period"],
    )


def _terrain(place: Place, rng: random.Random) -> Item:
    """A made-up terrain of 200 × 200 cells as a GeoTIFF in CGCS2000 (EPSG:4490)."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    size, span = 200, place.span
    x, y = np.meshgrid(np.linspace(0, 6, size), np.linspace(0, 6, size))
    bumps = [(rng.uniform(0, 6), rng.uniform(0, 6), rng.uniform(200, 1800), rng.uniform(0.3, 1.4)) for _ in range(12)]
    height = 500 + sum(h * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * w * w)) for cx, cy, h, w in bumps)
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=size,
            height=size,
            count=1,
            dtype="float32",
            crs="EPSG:4490",
            compress="deflate",
            transform=from_origin(place.centre[0] - span, place.centre[1] + span, 2 * span / size, 2 * span / size),
        ) as raster:
            raster.write(np.asarray(height, dtype="float32"), 1)
        data = memory.read()
    fields = base_fields(
        place,
        "四川省数字高程模型(示例)",
        "Terrain model of Sichuan (demo)",
        "格网间距约0.025度,单位米。",
        "Grid of about 0.025°, metres.",
        theme=["survey"],
        kind="imagery",
    )
    fields |= {"keywords": {"zh": ["高程", "地形"], "en": ["elevation", "terrain"]}, "issued": "2016-06-30", "update_cycle": "irregular"}
    return Item("terrain-sichuan", fields, "imagery", "public", data, ".tif")
