"""XML from strangers: no entities, no document type of their own, nothing from the network, bounded depth and size."""

from pathlib import Path
from typing import Any

from lxml import etree

from catalog.errors import IngestError

__all__ = ["MAX_XML", "parse_xml"]

#: Larger ones are no metadata record.
MAX_XML = 32 * 1024 * 1024
MAX_DEPTH = 200


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
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(path.read_bytes(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"（第 {line} 行）" if line else ""
        raise IngestError(
            zh=f"{path.name} 不是合格的 XML{where}：{error}", en=f"{path.name} is not well-formed XML{f' (line {line})' if line else ''}: {error}"
        ) from error
    document = root.getroottree().docinfo
    declared: Any = document.internalDTD
    if declared is not None and any(True for _ in declared.iterentities()):
        raise IngestError(zh=f"{path.name} 宣告了实体（ENTITY），不予接受", en=f"{path.name} declares entities, which are not accepted")
    _check_depth(root, path)
    return root


def _check_depth(root: etree._Element, path: Path) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise IngestError(zh=f"{path.name} 嵌套超过 {MAX_DEPTH} 层", en=f"{path.name} nests deeper than {MAX_DEPTH} levels")
