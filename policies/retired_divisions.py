"""County-level and prefecture-level division codes that were retired by a merger or an upgrade, and what took each in.

Only changes where one division took the whole of the other are listed: where a division was split, no code can stand for it. A site may pass a longer table
to `policies.divisions.normalise`.
"""

from types import MappingProxyType
from typing import NamedTuple


class Retired(NamedTuple):
    """What became of a retired code.

    Attributes:
        to: Code of the division that took it in.
        since: Year from which the new code holds.
        name: Former name.
    """

    to: str
    since: int
    name: str


RETIRED = MappingProxyType(
    {
        "110103": Retired("110101", 2010, "崇文区"),
        "110104": Retired("110102", 2010, "宣武区"),
        "110228": Retired("110118", 2015, "密云县"),
        "110229": Retired("110119", 2015, "延庆县"),
        "120107": Retired("120116", 2009, "塘沽区"),
        "120108": Retired("120116", 2009, "汉沽区"),
        "120109": Retired("120116", 2009, "大港区"),
        "310103": Retired("310101", 2011, "卢湾区"),
        "310108": Retired("310106", 2015, "闸北区"),
        "310119": Retired("310115", 2009, "南汇区"),
        "310230": Retired("310151", 2016, "崇明县"),
        "330103": Retired("330105", 2021, "下城区"),
        "330104": Retired("330102", 2021, "江干区"),
        "371200": Retired("370100", 2019, "莱芜市"),
        "371202": Retired("370116", 2019, "莱城区"),
        "371203": Retired("370117", 2019, "钢城区"),
        "510122": Retired("510116", 2015, "双流县"),
        "510124": Retired("510117", 2016, "郫县"),
        "510132": Retired("510118", 2020, "新津县"),
    }
)
