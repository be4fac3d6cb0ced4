"""From a file in a county to a proved record at the nation: what W1 promises of a running federation, each sentence a scenario."""

import json
import socket
import stat
import subprocess
from pathlib import Path

import requests

from tests.scenarios.conftest import TERRACE, Demo, eventually

LEVELS = ("wuhou", "chengdu", "sichuan", "nation")


def wells(folder: Path, name: str, depth: int = 12) -> Path:
    """A small table of wells with a sidecar that makes it publishable."""
    (folder / f"{name}.terrace.json").write_text(
        json.dumps(
            {
                "profile": "groundwater",
                "secrecy": "public",
                "key": ["station"],
                "fields": {
                    "title": {"zh": f"水井 {name}", "en": f"Wells {name}"},
                    "summary": {"zh": "测试用", "en": "for a test"},
                    "category": "3/07/011",
                    "opening": {"open": True},
                    "sharing": {"type": "unconditional", "method": "platform"},
                    "grade": "general",
                    "territory": ["510107"],
                    "issued": "2026-01-05",
                    "update_cycle": "daily",
                    "contact_phone": "028-5550100",
                    "responsible_person": "王",
                    "responsible_office": "科",
                    "approval": "ok",
                    "impact_assessment": "ok",
                },
            }
        )
    )
    path = folder / f"{name}.csv"
    path.write_text(f"station,observed,depth\nW-001,2025-01-01T00:00:00Z,{depth}\nW-002,2025-01-02T00:00:00Z,30.5\n")
    return path


def publish_wells(demo: Demo, folder: Path, name: str) -> str:
    """Adds and publishes a table at the county; returns its id once the nation shows it."""
    (added,) = demo.terrace("wuhou", "add", wells(folder, name), "--publish")
    assert (added["status"], added["rows"]) == ("published", 2), added
    eventually(lambda: demo.shows("nation", added["id"]), "the nation to show the county's record")
    return str(added["id"])


def test_the_demo_holds_what_it_promises(demo: Demo) -> None:
    sites = demo.ready()
    assert [site["division"] for site in sites.values()] == ["000000", "510000", "510100", "510107"]
    assert {site["zone"] for site in sites.values()} == {"business"}
    assert stat.S_IMODE((demo.folder / "ready.json").stat().st_mode) == 0o600
    result = demo.ckan("nation", "package_search", rows="0", **{"facet.field": '["organization"]'}).json()["result"]
    assert result["count"] >= 500
    assert len(result["search_facets"]["organization"]["items"]) == 4
    polygons = sum(
        demo.ckan("nation", "datastore_search", resource_id=rows_resource(demo, title), limit="0").json()["result"]["total"]
        for title in ("Parcels and land-use classes of Wuhou", "Land-use polygons of Chengdu")
    )
    assert polygons >= 5000
    readings = rows_resource(demo, "Groundwater level readings of Sichuan")
    read = demo.ckan("nation", "datastore_search", resource_id=readings, limit="1").json()["result"]
    assert read["total"] >= 500 and {"station", "observed", "depth"} <= read["records"][0].keys()
    (raster,) = demo.ckan("nation", "package_search", q="Terrain model of Sichuan", rows="1").json()["result"]["results"]
    file = next(resource for resource in raster["resources"] if resource["format"].lower() in ("geotiff", "tiff", "tif"))
    token = {"Authorization": demo.ready()["nation"]["tokens"]["officer"]}

    def fetched() -> bool:
        answer = requests.get(file["url"], headers=token, timeout=120)
        return answer.status_code == 200 and answer.content[:4] in (b"II*\0", b"MM\0*")

    eventually(fetched, "the terrain model's file to be at the nation", patience=60)


def rows_resource(demo: Demo, title: str) -> str:
    found = demo.ckan("nation", "package_search", q=title, rows="1").json()["result"]["results"][0]
    return str(next(resource["id"] for resource in found["resources"] if resource.get("datastore_active")))


def test_a_record_with_rows_shows_at_the_nation_proved_by_the_countys_own_log(demo: Demo, tmp_path: Path) -> None:
    id = publish_wells(demo, tmp_path, "proof")
    seen = demo.shows("nation", id)
    assert seen
    county, nation = demo.ready()["wuhou"]["node"], demo.ready()["nation"]["node"]
    assert next(extra["value"] for extra in seen["extras"] if extra["key"] == "authority") == county
    rows_at = next(resource["id"] for resource in seen["resources"] if resource.get("datastore_active"))

    def rows() -> object:
        found = demo.ckan("nation", "datastore_search", resource_id=rows_at).json()
        return found["success"] and found["result"]["total"] == 2 and found["result"]["records"]

    assert {row["station"] for row in eventually(rows, "the rows")} == {"W-001", "W-002"}

    receipt = tmp_path / "receipt.json"

    def proved() -> bool:
        demo.terrace("nation", "receipt", id, "-o", receipt)
        return subprocess.run([TERRACE, "verify", receipt, "--root", nation], capture_output=True, check=False).returncode == 0

    eventually(proved, "a receipt under a cosigned checkpoint")
    told = json.loads(subprocess.run([TERRACE, "verify", receipt, "--root", nation, "--json"], capture_output=True, check=True).stdout)
    assert county in json.dumps(told)
    forged = receipt.read_text().replace("Wells proof", "Wells fraud")
    assert forged != receipt.read_text()
    receipt.write_text(forged)
    assert subprocess.run([TERRACE, "verify", receipt, "--root", nation], capture_output=True, check=False).returncode != 0


def test_a_changed_record_changes_at_every_level_and_a_withdrawn_one_goes(demo: Demo, tmp_path: Path) -> None:
    id = publish_wells(demo, tmp_path, "change")
    demo.terrace("wuhou", "edit", id, 'summary:={"zh":"改过","en":"changed"}')
    demo.terrace("wuhou", "publish", id)
    for level in LEVELS:
        eventually(lambda level=level: (demo.shows(level, id) or {}).get("notes") in ("改过", "changed"), f"the change at {level}")
    demo.terrace("wuhou", "withdraw", id, "--reason", "test")
    for level in LEVELS:
        eventually(lambda level=level: demo.shows(level, id) is None, f"the withdrawal at {level}")


def test_rows_that_change_in_the_county_change_at_the_nation(demo: Demo, tmp_path: Path) -> None:
    id = publish_wells(demo, tmp_path, "rows")
    (again,) = demo.terrace("wuhou", "add", wells(tmp_path, "rows", depth=99), "--publish")
    assert again["id"] == id

    def depth() -> bool:
        seen = demo.shows("nation", id) or {"resources": []}
        at = next((resource["id"] for resource in seen["resources"] if resource.get("datastore_active")), "")
        found = demo.ckan("nation", "datastore_search", resource_id=at, filters='{"station":"W-001"}').json()
        return bool(found["success"]) and [float(row["depth"]) for row in found["result"]["records"]] == [99.0]

    eventually(depth, "the changed row")


def test_an_edited_policy_on_the_way_takes_a_record_away_above_and_gives_it_back(demo: Demo, tmp_path: Path) -> None:
    id = publish_wells(demo, tmp_path, "policy")
    policy = demo.folder / "chengdu" / "policies" / "hold-back.yaml"
    policy.write_text(
        f"policy: hold-back\nrules:\n- rule: one-record\n  deny: discover\n  what: record.id is {id}\n  unless: actor.kind is person\n"
        "  because: {zh: 试验, en: a test}\n",
        encoding="utf-8",
    )
    try:
        for level in ("sichuan", "nation"):
            eventually(lambda level=level: demo.shows(level, id) is None, f"the record to go at {level}")
        assert demo.shows("wuhou", id) and demo.shows("chengdu", id)
    finally:
        policy.unlink()
    for level in ("sichuan", "nation"):
        eventually(lambda level=level: demo.shows(level, id), f"the record to come back at {level}")


def test_a_field_hidden_on_the_way_is_withheld_above(demo: Demo, tmp_path: Path) -> None:
    id = publish_wells(demo, tmp_path, "field")
    assert "028-5550100" in json.dumps(demo.shows("nation", id))
    policy = demo.folder / "sichuan" / "policies" / "hide.yaml"
    policy.write_text(
        f"policy: hide-phone\nrules:\n- rule: phone\n  constrain: read\n  what: record.id is {id}\n  unless: actor.kind is person\n"
        "  then: {hide: [contact_phone]}\n  because: {zh: 试验, en: a test}\n",
        encoding="utf-8",
    )
    try:
        eventually(lambda: "028-5550100" not in json.dumps(demo.shows("nation", id) or "028-5550100"), "the field to go")
        assert "028-5550100" in json.dumps(demo.shows("chengdu", id))
    finally:
        policy.unlink()
    eventually(lambda: "028-5550100" in json.dumps(demo.shows("nation", id)), "the field to come back")


def test_a_bad_policy_leaves_the_old_one_in_force_and_says_so(demo: Demo, tmp_path: Path) -> None:
    id = publish_wells(demo, tmp_path, "bad-policy")
    policy = demo.folder / "chengdu" / "policies" / "bad.yaml"
    policy.write_text("policy: bad\nrules:\n- rule: x\n  deny: raed\n  because: {zh: 甲, en: a}\n", encoding="utf-8")
    try:
        told = eventually(lambda: next((one["problem"] for one in demo.terrace("chengdu", "policy", "list") if one["problem"]), None), "the problem to be told")
        assert "raed" in json.dumps(told)
        assert demo.shows("chengdu", id) and demo.shows("nation", id)
    finally:
        policy.unlink()
    eventually(lambda: not any(one["problem"] for one in demo.terrace("chengdu", "policy", "list")), "the problem to be over")


def test_each_sees_what_the_sites_policy_lets_it_see(demo: Demo) -> None:
    """The county's register is internal and conditional: staff see it, the public and an agency without a grant do not see its rows."""
    register = demo.ckan("wuhou", "package_search", q="不动产登记簿 证件号", rows="1").json()["result"]["results"][0]
    assert demo.ckan("wuhou", "package_show", role=None, id=register["id"]).status_code == 404
    hidden = demo.ckan("wuhou", "package_show", role=None, id=register["id"]).json()
    absent = demo.ckan("wuhou", "package_show", role=None, id="00000000-0000-8000-8000-000000000000").json()
    assert hidden == absent
    rows = next(resource["id"] for resource in register["resources"] if resource.get("datastore_active"))
    own = demo.ckan("wuhou", "datastore_search", resource_id=rows, limit="1").json()["result"]["records"][0]
    assert own["id_number"]
    assert not demo.ckan("wuhou", "datastore_search", role="agency", resource_id=rows).json()["success"]
    total, public = (demo.ckan("nation", "package_search", role=role, rows="0").json()["result"]["count"] for role in ("officer", None))
    assert 0 < public < total


def test_a_site_killed_while_it_works_goes_on(demo: Demo, tmp_path: Path) -> None:
    before = demo.ready()
    for number in range(3):
        demo.terrace("wuhou", "add", wells(tmp_path, f"killed-{number}"), "--publish")
    pid = json.loads((demo.folder / "chengdu" / "run" / "serve.json").read_text())["pid"]
    subprocess.run(["pkill", "-KILL", "-P", str(pid)], check=False)
    ids = [line["id"] for number in range(3) for line in demo.terrace("wuhou", "add", wells(tmp_path, f"killed-{number}"))]
    for id in ids:
        eventually(lambda id=id: demo.shows("nation", id), "the record to pass the site that was killed")
    assert demo.ready() == before


def test_a_second_start_goes_on_with_what_is_there(demo: Demo, tmp_path: Path) -> None:
    id = publish_wells(demo, tmp_path, "second-start")
    before = demo.ready()
    count = demo.ckan("nation", "package_search", rows="0").json()["result"]["count"]
    demo.stop()
    assert demo.process.returncode == 0
    assert not (demo.folder / "ready.json").exists()
    demo.start()
    after = demo.ready()
    assert {key: (site["node"], site["url"], site["tokens"]) for key, site in after.items()} == {
        key: (site["node"], site["url"], site["tokens"]) for key, site in before.items()
    }
    assert demo.shows("nation", id)
    assert demo.ckan("nation", "package_search", rows="0").json()["result"]["count"] == count


def descendants(pid: int) -> set[int]:
    """Process ids of everything that a process started."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.splitlines())}
    found, fresh = set(), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


def test_ctrl_c_leaves_no_process_and_no_port(demo: Demo) -> None:
    sites = demo.ready()
    told = [json.loads((Path(site["dir"]) / "run" / "serve.json").read_text()) for site in sites.values()]
    ports = {int(each[name]) for each in told for name in ("port", "peer_port", "metrics_port") if each.get(name)}
    family = descendants(demo.process.pid)
    assert len(ports) >= 2 * len(sites) and {each["pid"] for each in told} <= family and len(family) >= 3 * len(sites)
    demo.stop()
    try:
        assert not {pid for pid in family if Path(f"/proc/{pid}").exists()}, "processes are left"
        assert not {port for port in ports if answers(port)}, "ports still answer"
        assert not (demo.folder / "ready.json").exists()
    finally:
        demo.start()
        demo.ready()


def answers(port: int) -> bool:
    """Whether somebody listens on a port of the loopback."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
