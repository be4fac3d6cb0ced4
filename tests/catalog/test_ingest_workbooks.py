"""XLSX: what a cell shows is what enters."""

import datetime

import openpyxl
import pytest

from tests.catalog.intake import Intake


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


def _save(intake, name, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    path = intake.files / name
    return book, path


def test_a_table_below_a_title_keeps_codes_dates_and_long_numbers(intake):
    rows = [("武侯区宗地统计表",), (), ("宗地编号", "面积", "日期", "时间", "身份证号", "有效", "备注")]
    for n in range(3):
        day = datetime.datetime(2024, 5, n + 1)
        rows.append((n + 1, n * 1.5, day, day + datetime.timedelta(hours=8), f"51010719900307001{n}", n == 0, None if n else "甲\n乙"))
    book, path = _save(intake, "a.xlsx", 宗地=rows)
    for line in range(4, 7):
        book["宗地"].cell(line, 1).number_format = "000000"
        book["宗地"].cell(line, 3).number_format = "yyyy-mm-dd"
        book["宗地"].cell(line, 4).number_format = "yyyy-mm-dd hh:mm"
    book.save(path)
    result = intake.one(path)
    assert intake.types(result.id) == {"c1": "text", "c2": "decimal", "c3": "date", "c4": "datetime", "c5": "text", "c6": "boolean", "c7": "text"}
    first = intake.rows(result.id)[0]
    assert first == {"c1": "000001", "c2": "0", "c3": "2024-05-01", "c4": "2024-05-01T00:00:00Z", "c5": "510107199003070010", "c6": True, "c7": "甲\n乙"}
    assert intake.table(result.id).key == ("c1",) and intake.fields(result.id)["resources.original"]["format"] == "xlsx"
    assert result.notes == (("标题行之上未收录：武侯区宗地统计表", "left out above the heading: 武侯区宗地统计表"),)


def test_sheets_are_records_of_their_own(intake):
    book, path = _save(intake, "a.xlsx", 井=[("id", "lon", "lat"), ("a", 104.1, 30.1), ("b", 104.2, 30.2)], 泉=[("id", "v"), (1, 2)], 空=[])
    book.create_sheet("hidden").append(["secret"])
    book["hidden"].sheet_state = "hidden"
    book.save(path)
    results = intake.add(path)
    assert [(result.part, result.title, result.rows, result.status) for result in results] == [
        ("井", {"zh": "井"}, 2, "draft"),
        ("泉", {"zh": "泉"}, 1, "draft"),
    ]
    assert intake.table(results[0].id).geometry == "point" and "resources.original" not in intake.fields(results[0].id)
    book["泉"].append([3, 4])
    book.save(path)
    changed = intake.add(path)
    assert [result.id for result in changed] == [result.id for result in results] and intake.rows(results[1].id)[1]["v"] == 4


def test_numbers_that_excel_has_rounded_are_noted(intake):
    book, path = _save(intake, "a.xlsx", a=[("id", "n"), ("x", 110101199003070011), ("y", 5)])
    book.save(path)
    result = intake.one(path)
    assert intake.types(result.id)["n"] == "text" and "Excel has made" in result.notes[0][1]


def test_bad_rows_of_a_sheet_are_set_aside_by_their_number(intake):
    book, path = _save(intake, "a.xlsx", a=[("id", "n"), ("x", 1), ("y", 2, "too much"), ("z", 3)])
    book.save(path)
    result = intake.one(path)
    assert (result.rows, result.quarantined) == (2, 1)
    assert intake.held() == [("a.xlsx", "row 3", "3 cells, but 2 headings")]
