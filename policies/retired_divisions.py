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
        "110103": Retired("110101", 2010, "崇文區"),
        "110104": Retired("110102", 2010, "宣武區"),
        "110228": Retired("110118", 2015, "密雲縣"),
        "110229": Retired("110119", 2015, "延慶縣"),
        "120107": Retired("120116", 2009, "塘沽區"),
        "120108": Retired("120116", 2009, "漢沽區"),
        "120109": Retired("120116", 2009, "大港區"),
        "310103": Retired("310101", 2011, "盧灣區"),
        "310108": Retired("310106", 2015, "閘北區"),
        "310119": Retired("310115", 2009, "南匯區"),
        "310230": Retired("310151", 2016, "崇明縣"),
        "330103": Retired("330105", 2021, "下城區"),
        "330104": Retired("330102", 2021, "江干區"),
        "371200": Retired("370100", 2019, "萊蕪市"),
        "371202": Retired("370116", 2019, "萊城區"),
        "371203": Retired("370117", 2019, "鋼城區"),
        "510122": Retired("510116", 2015, "雙流縣"),
        "510124": Retired("510117", 2016, "郫縣"),
        "510132": Retired("510118", 2020, "新津縣"),
    }
)
