"""XML from strangers: no entities, no document type of their own, nothing from the network, bounded depth and size."""

from pathlib import Path
from typing import Any

from lxml import etree

from catalog.errors import IngestError
from catalog.ingest.library_words import said

__all__ = ["MAX_XML", "check_xml", "parse_xml", "root_name"]

#: Larger ones are no metadata record.
MAX_XML = 32 * 1024 * 1024
MAX_DEPTH = 200
_CAREFUL: dict[str, Any] = {
    "resolve_entities": False, "no_network": True, "load_dtd": False, "dtd_validation": False, "huge_tree": False, "remove_comments": True, "remove_pis": True,
}  # fmt: skip


def parse_xml(path: Path) -> etree._Element:
    """Parses a file of metadata.

    Returns:
        The root element.

    Raises:
        IngestError: not well-formed, too large, too deep, or with a document type that declares entities.
    """
    size = path.stat().st_size
    if size > MAX_XML:
        raise IngestError(
            zh=f"{path.name} 过大：{size} 字节，元数据上限 {MAX_XML}", en=f"{path.name} is too large for metadata: {size} bytes, at most {MAX_XML}"
        )
    try:
        root = etree.fromstring(path.read_bytes(), etree.XMLParser(**_CAREFUL))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _malformed(path, error) from error
    _refuse_entities(root, path)
    _check_depth(root, path)
    return root


def root_name(path: Path) -> str:
    """The local name of the root element, of which no more than the beginning is read.

    Raises:
        IngestError: there is none.
    """
    try:
        for _, element in etree.iterparse(str(path), events=("start",), **_CAREFUL):
            return etree.QName(element).localname
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _malformed(path, error) from error
    raise IngestError(zh=f"{path.name} 没有元素", en=f"{path.name} has no element")


def check_xml(path: Path) -> None:
    """Reads a large file of data to its end, in bounded memory, before others read it, who may understand a document type otherwise.

    Raises:
        IngestError: as `parse_xml`, but for the size; or it has a document type of any kind.
    """
    depth, first = 0, True
    try:
        for event, element in etree.iterparse(str(path), events=("start", "end"), **_CAREFUL):
            if event == "end":
                depth -= 1
                element.clear()
                while (before := element.getprevious()) is not None and (parent := element.getparent()) is not None:
                    parent.remove(before)
                continue
            depth += 1
            if depth > MAX_DEPTH:
                raise _deep(path)
            if first:
                _refuse_type(element, path)
                first = False
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _malformed(path, error) from error


def _malformed(path: Path, error: Exception) -> IngestError:
    line = getattr(error, "lineno", None)
    where = f"（第 {line} 行）" if line else ""
    place = f" (line {line})" if line else ""
    zh, en = said(error)
    return IngestError(zh=f"{path.name} 不是合格的 XML{where}：{zh}", en=f"{path.name} is not well-formed XML{place}: {en}")


def _refuse_entities(root: etree._Element, path: Path) -> None:
    declared: Any = root.getroottree().docinfo.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise IngestError(zh=f"{path.name} 声明了实体（ENTITY），不予接受", en=f"{path.name} declares entities, which are not accepted")


def _refuse_type(root: etree._Element, path: Path) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        _refuse_entities(root, path)
        raise IngestError(
            zh=f"{path.name} 有文档类型声明（DOCTYPE），不予接受；请删去", en=f"{path.name} has a document type (DOCTYPE), which is not accepted; take it out"
        )


def _check_depth(root: etree._Element, path: Path) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise _deep(path)


def _deep(path: Path) -> IngestError:
    return IngestError(zh=f"{path.name} 嵌套超过 {MAX_DEPTH} 层", en=f"{path.name} nests deeper than {MAX_DEPTH} levels")
