"""Chinese texts are simplified, in the words of the mainland: a list of words that have slipped in before, and every traditional character."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from opencc import OpenCC

ROOT = Path(__file__).parents[2]
#: Word of Taiwan or Hong Kong → the mainland's.
WORDS = {
    "位元组": "字节", "金钥": "密钥", "位址": "地址", "支援": "支持", "字元": "字符", "资讯": "信息", "网路": "网络", "伺服器": "服务器", "预设": "默认",
    "介面": "接口、界面", "登入": "登录", "使用者": "用户", "程式": "程序", "软体": "软件", "讯息": "消息", "连线": "连接", "快取": "缓存", "杂凑": "哈希值",
    "栏位": "字段", "资料库": "数据库", "资料夹": "文件夹", "物件": "对象", "帐号": "账号", "型别": "类型", "搜寻": "检索", "阵列": "数组", "滑鼠": "鼠标",
    "萤幕": "屏幕", "储存": "存储、保存", "汇入": "导入", "汇出": "导出", "回传": "返回", "覆写": "覆盖", "座标": "坐标", "跳脱": "转义",
}  # fmt: skip
#: Where traditional characters are data: headings that files bring, folding for search, texts under test.
DATA = ("tests/", "catalog/ingest/cells.py", "catalog/ingest/names.py", "catalog/search/fold.py")


def _texts() -> list[tuple[str, int, str]]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    if not listed:
        pytest.skip("no working tree of git")
    names = [name for name in listed if re.search(r"\.(py|md|html|po|yaml|js|css)$", name) and (ROOT / name).is_file()]
    found = []
    for name in names:
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"[\u3400-\u9fff]", line):
                found.append((name, number, line))
    return found


def test_words_are_those_of_the_mainland() -> None:
    wrong = [
        f"{name}:{number}: {word} → {right}"
        for name, number, line in _texts()
        if not name.startswith("tests/")
        for word, right in WORDS.items()
        if word in line
    ]
    assert not wrong, "\n".join(wrong)


def test_characters_are_simplified() -> None:
    simplify = OpenCC("t2s")

    @cache
    def traditional(character: str) -> bool:
        return bool(simplify.convert(character) != character)

    wrong = []
    for name, number, line in _texts():
        if not name.startswith(DATA):
            found = {character for character in line if "\u3400" <= character <= "\u9fff" and traditional(character)}
            if found:
                wrong.append(f"{name}:{number}: {''.join(sorted(found))}")
    assert not wrong, "\n".join(wrong)
