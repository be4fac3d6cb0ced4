"""What libraries say of a damaged file, in both languages.

Readers of XML, zips, JSON, workbooks and GDAL have English words of their own. What they say often is put into ours here; whatever else they say is quoted as a
detail behind words of ours, so that each error is clear in Chinese and in English.
"""

import re
from collections.abc import Sequence

__all__ = ["said"]

#: Longer quotations help nobody.
_MOST = 160
#: What libraries put around their words: names of classes, of temporary files, places that are told apart, advice for programmers.
_AROUND = re.compile(
    r"^(?:\w+(?:Exception|Error)|TIFFReadDirectory|TIFFFetchDirectory|ClientReadDirectory):\s*|^(?:None|<string>):\d+:\d+:\s*|^'?/[^\s']*'?:?\s*"
    r"|^[^\s:]+\.\w{2,5}:\s*|, line \d+, column \d+.*$|: line \d+, column \d+$|\s*\([^()]*, line \d+\)$|[;,]? (?:see|use) [Xx]\w+.*$"
)
#: Words of a library (a pattern) → Chinese, English. `{0}`, `{1}` are the groups.
_KNOWN: Sequence[tuple[str, str, str]] = (
    # JSON
    ("Expecting value", "此处应有一个值", "a value is missing here"),
    (
        "Expecting property name enclosed in double quotes|expected the name of a member",
        "此处应有双引号括起的名称",
        "a name in double quotes is missing here",
    ),
    ("Expecting '(.)' delimiter|expected '(.)'", "此处应为“{0}”", "{0} is missing here"),
    ("Illegal trailing comma before end of (?:object|array)|trailing comma.*", "末尾多一个逗号", "there is a comma too many at the end"),
    ("Unterminated string starting at", "字符串没有结束", "a text does not end"),
    ("Extra data|more than one value|unexpected content after document", "结尾之后还有内容", "more than one value"),
    ("Invalid control character at|control character.*", "字符串中有控制字符", "a control character stands in a text"),
    (r"Invalid \\.*escape.*|invalid escape.*", "转义有误", "an escape is wrong"),
    ("nests too deep|depth limit exceeded|maximum recursion depth.*|recursion limit.*|Recursion limit.*", "嵌套过深", "it nests too deep"),
    ("unexpected end of (?:data|hex escape)|unexpected end of input", "文件到此中断", "it ends too early"),
    ("unexpected character.*|invalid (?:literal|number).*", "此处的字符不对", "a character here is wrong"),
    (r"Exceeds the limit \(\d+ digits\).*", "数字位数过多", "a number has too many digits"),
    ("str is not valid UTF-8.*", "不是有效的 UTF-8", "it is not valid UTF-8"),
    # texts and tables
    (
        r"field larger than field limit \((\d+)\)",
        "有单元格超过 {0} 个字符（引号是否没有结束？）",
        "a cell has more than {0} characters (does a quotation mark not end?)",
    ),
    ("line contains NUL", "有空字符", "it holds a NUL character"),
    ("unexpected end of data|incomplete multibyte sequence|truncated data", "文件在一个字符中间中断", "it ends within a character"),
    (
        r"'?[\w-]+'? codec can't decode bytes? (?:0x\w+ )?in position (\d+)(?:-\d+)?: .*",
        "第 {0} 字节处不是这种编码",
        "byte {0} is not of this encoding",
    ),
    ("new-line character seen in unquoted field.*", "引号外有换行", "a line break stands outside of quotation marks"),
    # zip and workbooks
    (
        "File is not a zip file",
        "找不到压缩包的目录（文件中断或不是 zip）",
        "its directory is not there (the file is cut, or is no zip)",
    ),
    ("Bad CRC-32 for file '?([^']*)'?", "{0} 的校验和不符", "the checksum of {0} does not hold"),
    (
        "Bad magic number for (?:central directory|file header).*|Truncated file header|Corrupt.*|Bad offset for central directory",
        "压缩包的目录有误",
        "its directory is wrong",
    ),
    ("Overlapped entries.*|Possible zip bomb.*", "压缩包中的文件互相重叠", "members of it overlap"),
    (
        "Error -3 while decompressing data: .*|Error -5 .*|Compressed file ended before.*|.*end-of-stream marker.*",
        "压缩数据已损坏",
        "its packed data are damaged",
    ),
    (r"That compression method is not supported|compression type \d+ .*", "压缩方法不支持", "its method of packing is not supported"),
    ("File '?([^']*)'? is encrypted, password required.*", "{0} 有密码", "{0} is protected by a password"),
    (
        r"File name in directory .* and header .* differ\.?|File size in directory .*",
        "文件与目录所述不符",
        "members are not as its directory says",
    ),
    (r"""\"?There is no item named '?([^'\"]*)'? in the archive\"?""", "缺少 {0}", "{0} is missing"),
    # XML
    ("Extra content at the end of the document", "结尾之后还有内容", "there is more behind its end"),
    (
        "(?:Invalid bytes in character encoding|Input is not proper UTF-8, indicate encoding.*|encoder error|input conversion failed.*)",
        "字节与声明的编码不符",
        "bytes are not of the encoding that it declares",
    ),
    ("Maximum entity amplification factor exceeded|Detected an entity reference loop", "实体层层展开", "its entities unfold without end"),
    (r"Excessive depth in document: \d+", "嵌套过深", "it nests too deep"),
    (r"Opening and ending tag mismatch: (\S+) .*", "元素 {0} 没有正确结束", "the element {0} does not end as it should"),
    (r"Premature end of data in tag (\S+).*", "元素 {0} 没有结束", "the element {0} does not end"),
    ("Start tag expected, '<' not found|Document is empty|no element found", "开头不是元素", "it does not begin with an element"),
    ("Entity '([^']*)' not defined", "实体 {0} 没有定义", "the entity {0} is not defined"),
    (r"Namespace prefix (\S+) .*not defined|unbound prefix", "命名空间前缀没有声明", "a namespace prefix is not declared"),
    (r"Attribute (\S+) redefined|duplicate attribute", "属性重复", "an attribute stands twice"),
    (
        r"(?:Couldn't find end of Start Tag|error parsing attribute name|attributes construct error|Specification mandates value|AttValue: |Unescaped '<' ).*"
        r"|(?:StartTag|EntityRef|xmlParseEntityRef): .*",
        "标记有误",
        "its mark-up is wrong",
    ),
    (
        r"PCDATA invalid Char value \d+|CData section not finished.*|.*invalid Char.*|not well-formed \(invalid token\).*",
        "有 XML 不允许的字符",
        "it holds a character that XML does not allow",
    ),
    (r"(?:Unsupported encoding|unknown encoding):? '?([\w-]+)'?", "不认得编码 {0}", "the encoding {0} is not known"),
    # databases and GDAL
    ("file is not a database", "不是 SQLite 数据库", "it is no SQLite database"),
    ("database disk image is malformed|malformed database schema.*", "数据库已损坏", "the database in it is damaged"),
    (
        ".*(?:not recognized as (?:being in )?a supported file format|not recognized as a supported).*",
        "内容与这种格式不符",
        "its content is not of this format",
    ),
    (r".*\.shx file is unreadable, or corrupt.*|.*Unable to open .*\.shx.*", "其 .shx 已损坏", "its .shx is damaged"),
    (r"Error in f(?:read|seek)\(\).*", "其 .shp 比目录所述的短", "its .shp is shorter than its index says"),
    (
        r"(?:Failed to )?read directory at offset \d+|.*Failed to (?:open|read) directory.*|Can ?not read TIFF directory.*|"
        ".*Failed to read directory.*",
        "目录不可读（文件中断？）",
        "its directory cannot be read (is the file cut?)",
    ),
    ("(?:Not )?a TIFF(?: or MDI)? file.*|(?:Can ?not )?read TIFF header.*", "文件头有误", "its header is wrong"),
    ("No such file or directory.*", "文件不在", "the file is not there"),
    ("Permission denied.*", "没有读取权限", "it may not be read"),
    ("Is a directory.*", "是文件夹", "it is a folder"),
    # geometries
    ("Unknown geometry type!?", "几何类型不认得", "its type is not known"),
    ("Expected two or three coordinates.*|.*Coordinates? .*must have.*", "坐标须有两个或三个数", "a place is two or three numbers"),
    (r"Error parsing JSON: '\[json\.exception\.(?:type_error|out_of_range)\.\d+\].*", "坐标不是数", "its coordinates are no numbers"),
    ("Points of LinearRing do not form a closed linestring", "多边形的环没有闭合", "a ring does not close"),
    ("point array must contain 0 or >1 elements.*", "线至少要有两个点", "a line has two points or more"),
    ("Invalid number of points in LinearRing.*", "环的点数不足", "a ring has too few points"),
    (".*Type is not JSON serializable.*|Integer exceeds 64-bit range", "含有 JSON 没有的值", "it holds a value that JSON does not have"),
    # RDF
    (
        "Can have at most one of rdf:ID, rdf:about, and rdf:nodeID",
        "rdf:ID、rdf:about、rdf:nodeID 只能有一个",
        "only one of rdf:ID, rdf:about and rdf:nodeID may stand",
    ),
    (r"Bad syntax \((.{1,60}?)\) at .*|at line \d+ of <.*>:.*Bad syntax.*", "语法有误", "its syntax is wrong"),
    ("File contains no valid workbook part|.*no valid workbook.*", "其中没有工作簿", "there is no workbook in it"),
    ("File name too long.*", "文件名过长", "a file's name is too long"),
    # XML inside of workbooks, systems of coordinates
    (
        "unclosed token.*|no element found.*|mismatched tag.*|junk after document element.*|unclosed CDATA section.*",
        "其中的 XML 不完好",
        "the XML in it is damaged",
    ),
    (
        r"missing [,(] or [\])].*|missing \[.*|.*(?:CRS|WKT|projection|SRS).*(?:invalid|Invalid|failed|unknown).*",
        "坐标系的描述有误",
        "the description of its coordinate system is wrong",
    ),
)
_TABLE = tuple((re.compile(pattern, re.DOTALL), zh, en) for pattern, zh, en in _KNOWN)


def said(error: BaseException | str) -> tuple[str, str]:
    """The words of a library about a file, in Chinese and English.

    Args:
        error: what it raised, or its words.

    Returns:
        Half sentences, to stand behind a colon.
    """
    words = " ".join(str(error).split()) or type(error).__name__
    while (bare := _AROUND.sub("", words).strip()) != words and bare:
        words = bare
    words = words.rstrip(".: ")
    for pattern, zh, en in _TABLE:
        if found := pattern.fullmatch(words):
            groups = [group for group in found.groups() if group is not None] + ["?"]
            return zh.format(*groups), en.format(*groups)
    return f"读取程序称“{words[:_MOST]}”", f"the program that reads it says “{words[:_MOST]}”"
