"""CSV: encodings, delimiters, types that lose nothing, keys, points, zips."""

import io
import zipfile

import pytest

from catalog.ingest.infer import Guess, parse_moment
from catalog.ingest.names import column_names, is_code_like
from catalog.profiles import profile
from tests.catalog.intake import Intake

pytestmark = pytest.mark.soak_on("postgresql")


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le-bom", "utf-32"])
def test_encodings(intake, encoding):
    text = "编号,名称\n001,武侯区\n002,锦江区\n"
    data = b"\xff\xfe" + text.encode("utf-16-le") if encoding == "utf-16-le-bom" else text.encode(encoding)
    result = intake.one(intake.file("a.csv", data))
    assert [list(row.values()) for row in intake.rows(result.id)] == [["001", "武侯区"], ["002", "锦江区"]]
    assert intake.fields(result.id)["items"][1]["title"] == {"zh": "名称"}


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters(intake, mark):
    result = intake.one(intake.file("a.csv", f"id{mark}b\n1{mark}x\n"))
    assert intake.rows(result.id) == [{"id": "1", "b": "x"}]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2", ""], "integer"),
        (["-5", "0"], "integer"),
        (["007", "8"], "text"),
        (["110101199003070000"], "text"),
        (["1234567890123456"], "text"),
        (["999999999999999"], "integer"),
        (["1.5", "2"], "decimal"),
        (["1.50"], "decimal"),
        ([".5"], "decimal"),
        (["1e5"], "decimal"),
        (["+1"], "text"),
        (["1,000"], "text"),
        (["NA", "1.5"], "decimal"),
        (["NA", "x"], "text"),
        (["NA"], "text"),
        (["∞"], "text"),
        (["true", "FALSE"], "boolean"),
        (["是", "否"], "boolean"),
        (["yes"], "text"),
        (["1", "true"], "text"),
        (["2024-05-01", "2024/5/2"], "date"),
        (["2024年5月1日"], "date"),
        (["2024-02-30"], "text"),
        (["2024-05"], "text"),
        (["20240501"], "integer"),
        (["2024-05-01T08:00:00Z"], "datetime"),
        (["2024-05-01 8:00", "2024-05-02"], "datetime"),
        (["2024-05-01 25:00"], "text"),
        (["", ""], "text"),
        (["00.5"], "text"),
        (["-0"], "decimal"),
    ],
)
def test_the_narrowest_type_that_loses_nothing(values, kind):
    guess = Guess()
    for value in values:
        guess.watch(value)
    assert guess.type == kind


def test_moments():
    assert parse_moment("2024/5/1") == "2024-05-01" and parse_moment("2024年12月31日") == "2024-12-31" and parse_moment("2024.05.01") == "2024-05-01"
    assert parse_moment("2024-5-1 8:00") == "2024-05-01T08:00:00+08:00", "a time without a zone is China's"
    assert parse_moment("2024-05-01T08:00:00Z") == "2024-05-01T08:00:00+00:00"
    assert parse_moment("2024-13-01") is None and parse_moment("noon") is None


def test_headings_become_names():
    assert column_names(["Well ID", "地類", "Área (m²)", "", "2024", "well-id", "well id"]) == [
        "well_id",
        "c2",
        "area_m2",
        "c4",
        "c_2024",
        "well_id_2",
        "well_id_3",
    ]
    assert column_names(["站點編號", "OBSERVED", "x" * 80], profile("groundwater").columns)[:2] == ["station", "observed"]
    assert all(len(name) <= 60 for name in column_names(["x" * 80] * 20))
    assert len(set(column_names(["a"] * 50))) == 50


def test_columns_that_hold_codes_by_their_name():
    for name, heading in (
        ("id", "ID"),
        ("site_code", "SITE_CODE"),
        ("phone", "Phone"),
        ("c1", "證件號碼"),
        ("c1", "行政区划"),
        ("adcode", "adcode"),
        ("citycode", "cityCode"),
        ("stn_id", "STN_ID"),
        ("zip", "Zip"),
    ):
        assert is_code_like(name, heading), name
    for name, heading in (
        ("depth", "Depth"),
        ("valid", "valid"),
        ("c1", "面積"),
        ("grid", "grid"),
        ("period", "period"),
        ("amount", "amount"),
        ("numeric", "numeric"),
    ):
        assert not is_code_like(name, heading), name


def test_codes_stay_text_though_all_look_like_numbers(intake):
    result = intake.one(
        intake.file("a.csv", "adcode,身份證號,電話,depth\n510107,11010119900307001,13800000000,12\n510104,11010119900307002,13900000000,13.50\n")
    )
    assert intake.types(result.id) == {"adcode": "text", "c2": "text", "c3": "text", "depth": "decimal"}
    assert {row["c2"]: row["depth"] for row in intake.rows(result.id)} == {"11010119900307001": "12", "11010119900307002": "13.5"}


def test_the_profile_decides_types_of_its_columns(intake):
    result = intake.one(intake.file("a.csv", "站點編號,division,depth\n1,510107,5\n"), profile="groundwater")
    assert intake.types(result.id) == {"station": "text", "division": "text", "depth": "decimal"}
    assert intake.fields(result.id)["items"][0]["title"] == {"zh": "站点编号", "en": "Station"}


def test_times_are_kept_in_utc(intake):
    result = intake.one(intake.file("a.csv", "id,at,day\n1,2024-05-01 08:00,2024/5/1\n2,2024-05-01T08:00:00Z,2024-05-02\n"))
    assert intake.types(result.id) == {"id": "text", "at": "datetime", "day": "date"}
    assert [(row["at"], row["day"]) for row in intake.rows(result.id)] == [("2024-05-01T00:00:00Z", "2024-05-01"), ("2024-05-01T08:00:00Z", "2024-05-02")]


def test_words_for_no_value(intake):
    result = intake.one(intake.file("a.csv", "id,level,note\n1,NA,NA\n2,-8.6,x\n"))
    assert intake.types(result.id)["level"] == "decimal"
    assert intake.rows(result.id) == [{"id": "1", "note": "NA"}, {"id": "2", "level": "-8.6", "note": "x"}]


def test_the_key_is_an_id_that_is_different_in_each_row_else_the_row_number(intake):
    assert intake.table(intake.one(intake.file("a.csv", "name,well_id\nx,1\nx,2\n")).id).key == ("well_id",)
    assert intake.table(intake.one(intake.file("b.csv", "name,well_id\nx,1\ny,1\n")).id).key == ("name",)
    numbered = intake.one(intake.file("c.csv", "name,well_id\nx,1\nx,1\n\nx,2\n"))
    assert intake.table(numbered.id).key == ("row_no",) and [row["row_no"] for row in intake.rows(numbered.id)] == [1, 2, 4]
    assert intake.table(intake.one(intake.file("d.csv", "row_no,v\nx,1\nx,1\n")).id).key == ("row_no_",)
    intake.file("e.terrace.yaml", "key: [name, well_id]")
    assert intake.table(intake.one(intake.file("e.csv", "name,well_id\nx,1\nx,2\n")).id).key == ("name", "well_id")
    intake.file("f.terrace.yaml", "key: [name, well_id]")
    assert "not different" in intake.refused(intake.file("f.csv", "name,well_id\nx,1\nx,1\n"))


def test_longitude_and_latitude_become_points(intake):
    result = intake.one(intake.file("wells.csv", "id,經度,緯度,depth\n1,104.06,30.67,5\n2,,,6\n"))
    assert intake.table(result.id).geometry == "point" and intake.fields(result.id)["bbox"] == ["104.06", "30.67", "104.06", "30.67"]
    features = intake.features(result.id)
    assert features[0]["geometry"] == {"type": "Point", "coordinates": [104.06, 30.67]} and features[1]["geometry"] is None
    assert intake.fields(result.id)["resources.rows"]["geometry"] == "point" and intake.fields(result.id)["crs"] == "OGC:CRS84"


def test_projected_coordinates_with_the_system_in_the_sidecar(intake):
    intake.file("a.terrace.yaml", "crs: 4547")
    result = intake.one(intake.file("a.csv", "id,lon,lat\n1,500000,3400000\n"))
    x, y = intake.features(result.id)[0]["geometry"]["coordinates"]
    assert 113.9 < x < 114.1 and 30.6 < y < 30.8
    plain = intake.one(intake.file("b.csv", "id,lon,lat\n1,500000,3400000\n"))
    assert intake.table(plain.id).geometry is None


def test_a_zipped_csv(intake):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("數據.csv", "id,名稱\n1,甲\n".encode("gbk"))
        archive.writestr("__MACOSX/._x", b"junk")
    result = intake.one(intake.file("a.csv.zip", packed.getvalue()))
    assert (result.title, result.rows) == ({"en": "a"}, 1) and intake.rows(result.id) == [{"id": "1", "c2": "甲"}]
    assert intake.fields(result.id)["resources.original"]["format"] == "zip"


def _zip(*members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"  \n", "empty"),
        ("a.csv", b"id,name\n", "no rows"),
        ("a.csv", b"id,name\n1,2,3\n", "line 2"),
        ("a.csv", b"id\n\x00\x01\x02", "not a text"),
        ("a.csv", b'id,name\n1,"' + b"x" * 2_000_000, "line"),
        ("a.csv", (",".join(f"c{n}" for n in range(10_000)) + "\n" + "1," * 9_999 + "1\n").encode(), "10000 columns"),
        ("a.zip", b"PK\x03\x04 not really", "sound zip"),
        ("a.zip", _zip(("a.bin", b"\0\1"), ("b.bin", b"\0\2")), "none of its 2 parts"),
        (
            "a.zip",
            _zip(
                ("../../etc/x.csv", b"id,n\n"),
            ),
            "leads out",
        ),
        ("bomb.zip", _zip(("a.csv", b"0" * 50_000_000)), "unpack"),
        ("cut.csv.zip", _zip(("a.csv", b"id,n\n" + b"1,2\n" * 5000))[:-60], "zip"),
        ("a.txt", b"just some words\nand more\n", "no table"),
        ("a.csv", b"id,name\n1,\xff\xff\xfe\n", "text encoding|table|draft"),
        ("a.csv", ("id,v\n" + f"{'k' * 1200},1\n").encode(), "1000 bytes"),
    ],
)
def test_bad_tables_are_refused_in_words(intake, name, content, word):
    (result,) = intake.add(intake.file(name, content))
    if "|" in word:  # another encoding makes sense of it
        assert result.error is None
        return
    assert result.status == "refused" and result.error is not None and result.error.zh
    assert word in result.error.en and result.id is None


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        ("sep=;\nid;name\n1;a,b\n2;c\n", ["id", "name"], ""),
        ("\ufeffSEP=|\r\nid|name\r\n1|a\r\n", ["id", "name"], ""),
        ("2024年土地供应,,\n单位：公顷,,\nid,use,area\n1,住宅,2\n", ["id", "use", "area"], "2024年土地供应 单位：公顷"),
        ("\n\nid,use,area\n1,住宅,2\n", ["id", "use", "area"], ""),
        ("id,use,area\n1,,\n2,,\n", ["id", "use", "area"], ""),
        ("id,,\n1,2,\n2,3,\n", ["id", "c2", "c3"], ""),
        ("id;note\n1;a, b, c\n", ["id", "note"], ""),
    ],
)
def test_the_heading_is_found_below_titles_and_what_excel_writes(intake, text, names, said):
    result = intake.one(intake.file("a.csv", text))
    assert list(intake.types(result.id))[-len(names) :] == names
    assert result.notes == (((f"标题行之上未收录：{said}", f"left out above the heading: {said}"),) if said else ())
