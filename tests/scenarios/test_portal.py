"""The portal as people use it: Chromium on a running federation, both languages, wide and narrow; axe finds no violation, the console stays silent."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.scenarios.conftest import TERRACE, Demo, eventually

LEVELS = ("nation", "sichuan", "chengdu", "wuhou")
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


#: What a browser shows does not depend on the engine.
pytestmark = pytest.mark.engine("sqlite")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def complaints() -> list[str]:
    return []


def open_page(browser: Any, complaints: list[str], *, size: str = "wide", language: str = "zh-CN", dark: bool = False) -> Any:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, locale=language, color_scheme="dark" if dark else "light")
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("console", lambda message: complaints.append(f"{page.url}: {message.text}") if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    return page


def sign_in(page: Any, site: dict[str, Any], role: str = "officer") -> None:
    page.goto(site["url"] + "/sign-in")
    page.fill("#token", site["tokens"][role])
    page.click("main button[type=submit]")
    page.wait_for_url(site["url"] + "/")


def violations(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{page.url} {one['id']}: {node['html'][:200]} {node.get('failureSummary', '')}" for one in found for node in one["nodes"]]


def dataset(demo: Demo, words: str) -> str:
    return str(demo.ckan("nation", "package_search", q=words, rows="1").json()["result"]["results"][0]["name"])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["zh-CN", "en-US"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_accessible_and_silent(demo: Demo, browser: Any, complaints: list[str], size: str, language: str, dark: bool) -> None:
    nation = demo.ready()["nation"]
    page = open_page(browser, complaints, size=size, language=language, dark=dark)
    sign_in(page, nation)
    parcels, readings = dataset(demo, "宗地 图斑 武侯区 权属性质"), dataset(demo, "地下水水位读数")
    paths = ["/", "/?q=地下水", "/?q=土地&theme=land&sort=title", "/?q=nothingatallmatches", f"/dataset/{parcels}", f"/dataset/{parcels}?view=table",
             f"/dataset/{readings}?view=chart", "/about", "/interfaces", "/sign-in"]  # fmt: skip
    bad: list[str] = []
    for path in paths:
        page.goto(nation["url"] + path, wait_until="networkidle")
        bad += violations(page)
        wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, f"{path} scrolls sideways"
    assert bad == []
    assert complaints == []


def test_a_person_finds_a_dataset_and_sees_map_table_and_where_it_came_from(demo: Demo, browser: Any, complaints: list[str], tmp_path: Path) -> None:
    sites = demo.ready()
    page = open_page(browser, complaints, language="en-US")
    sign_in(page, sites["nation"])
    page.fill("#q", "parcels Wuhou")
    page.click(".searchbar button")
    page.click("text=Parcels and land-use classes of Wuhou, 2016")
    eventually(lambda: int(page.get_attribute("#map", "data-loaded") or 0) > 100, "the map to show the parcels")
    page.screenshot(path=tmp_path / "map.png")
    origin = page.inner_text("section[aria-labelledby=origin]")
    assert sites["wuhou"]["node"] in origin.replace(" ", "").replace("\n", "") or "Wuhou district" in origin
    for level in ("Wuhou", "Chengdu", "Sichuan"):
        assert level in origin, f"{level} is not on the way:\n{origin}"
    page.click(".tabs >> text=Table")
    assert page.locator("#preview ~ .scroll tbody tr").count() == 20
    page.click("text=Next rows")
    assert page.locator("#preview ~ .scroll tbody tr").count() == 20
    with page.expect_download() as download:
        page.click("text=Download the receipt")
    command = page.inner_text("section[aria-labelledby=origin] code").split()
    assert command[:3] == ["terrace", "verify", download.value.suggested_filename]
    download.value.save_as(tmp_path / command[2])
    subprocess.run([TERRACE, *command[1:]], cwd=tmp_path, check=True, capture_output=True)
    assert complaints == []


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_shows_the_countys_parcels_in_a_browser(demo: Demo, browser: Any, complaints: list[str], level: str) -> None:
    site = demo.ready()[level]
    page = open_page(browser, complaints, language="en-US")
    sign_in(page, site)
    page.goto(site["url"] + "/?q=parcels+Wuhou", wait_until="networkidle")
    page.click("text=Parcels and land-use classes of Wuhou, 2016")
    assert "Wuhou" in page.inner_text("section[aria-labelledby=origin]")
    assert complaints == []


def test_signing_in_needs_a_token_that_counts_and_signing_out_ends_it(demo: Demo, browser: Any, complaints: list[str]) -> None:
    wuhou = demo.ready()["wuhou"]
    page = open_page(browser, [], language="en-US")
    page.goto(wuhou["url"] + "/")
    public = page.inner_text("[role=status]")
    page.goto(wuhou["url"] + "/sign-in")
    page.fill("#token", "tt_wrong")
    page.click("main button[type=submit]")
    assert page.locator("[role=alert]").count() == 1
    sign_in(page, wuhou)
    assert page.inner_text("[role=status]") != public
    page.click("text=Sign out")
    page.wait_for_url(wuhou["url"] + "/")
    assert page.inner_text("[role=status]") == public


def test_a_link_back_never_leads_to_another_site(demo: Demo) -> None:
    url = demo.ready()["wuhou"]["url"]
    for target in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "\t//evil.example", "/\t/evil.example"):
        answer = requests.get(f"{url}/language/en", params={"next": target}, allow_redirects=False, timeout=30)
        assert answer.status_code == 302
        assert "evil" not in answer.headers["Location"] or answer.headers["Location"].startswith("/%09/"), target


def test_pages_work_without_scripts_and_frames_are_refused(demo: Demo) -> None:
    url = demo.ready()["nation"]["url"]
    answer = requests.get(f"{url}/", params={"q": "土地", "lang": "en"}, timeout=30)
    assert "datasets" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy


def test_what_a_person_types_is_shown_as_text(demo: Demo) -> None:
    url = demo.ready()["nation"]["url"]
    needle = "<script>alert(1)</script>"
    for path in ("/", "/?theme=", "/dataset/"):
        answer = requests.get(f"{url}{path}", params={"q": needle, "theme": needle, "sort": needle, "west": needle}, timeout=30)
        assert needle not in answer.text
