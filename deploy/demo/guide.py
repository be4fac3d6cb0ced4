"""What the demo prints when it is ready: what to open and what to try."""

from typing import TYPE_CHECKING

from deploy.demo.places import NATION, PLACES, WUHOU

if TYPE_CHECKING:
    from deploy.demo.federation import Federation

GUIDE = """
Terrace 梯田 is running. Ctrl-C ends it; `make demo` goes on with what is there.

Open 打开 (sign in with a token from {ready}):
{pages}
Try 试一试:
  .venv/bin/terrace -C {wuhou} search 宗地
  .venv/bin/terrace -C {nation} show {parcels}
  curl '{nation_url}/api/3/action/package_search?q=%E5%9C%B0%E4%B8%8B%E6%B0%B4&rows=3'
  curl '{nation_url}/ogc/collections/{parcels}/items?limit=2'
  ogrinfo OAPIF:{nation_url}/ogc
  curl '{nation_url}/csw?service=CSW&version=2.0.2&request=GetCapabilities'
  .venv/bin/terrace -C {wuhou} edit {parcels} license=cc0-1.0 && .venv/bin/terrace -C {wuhou} publish {parcels}   # and look at the nation's page
  edit {wuhou}/policies/site.yaml and save: what it withholds is gone from every level above within seconds
"""


def guide(federation: "Federation") -> str:
    """The text.

    Args:
        federation: running.
    """
    pages = "".join(f"  {federation.urls[place.key]}/   {place.zh} {place.en} ({place.level}, {place.division})\n" for place in PLACES)
    return GUIDE.format(
        ready=federation.folder / "ready.json",
        pages=pages,
        wuhou=federation.dir(WUHOU),
        nation=federation.dir(NATION),
        parcels=federation.search(WUHOU, q="宗地 图斑", sort="title asc", rows="1")["results"][0]["name"],
        nation_url=federation.urls[NATION.key],
    )
