"""Bad settings (`terrace.yaml`), variables of the environment, and files for `terrace edit --file`: name → content, words of the English refusal."""

SOUND = "site: {name: {zh: 甲局}, division: 000000}\n"

SETTINGS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "must hold settings"),
    "a list": (b"- a\n", "must hold settings"),
    "a text": (b"words\n", "must hold settings"),
    "GBK": (SOUND.encode("gbk"), "not UTF-8"),
    "UTF-16": (SOUND.encode("utf-16"), "not UTF-8"),
    "cut off": (b"site: {", "not usable YAML"),
    "a tab": (b"site:\n\tname: {zh: a}\n", "a tab"),
    "an open quote": (b"site: 'a\n", "quotation mark"),
    "a control character": (b"site: {name: {zh: '\x07'}, division: 000000}\n", "control"),
    "an anchor": (b"site: &a {name: {zh: a}, division: 000000}\n", "anchor"),
    "aliases that unfold": (b"a: &a [x,x,x]\nb: &b [*a,*a,*a]\n", "anchor"),
    "a hundred thousand levels": (b"site: " + b"[" * 100_000, "deeper"),
    "a key twice": ((SOUND + SOUND).encode(), "given twice"),
    "two documents": ((SOUND + "---\n" + SOUND).encode(), "behind"),
    "no site": (b"language: zh\n", "site: is required"),
    "an unknown section": ((SOUND + "lisen: {port: 1}\n").encode(), "did you mean 'listen'"),
    "an unknown setting": ((SOUND + "listen: {prot: 1}\n").encode(), "did you mean 'port'"),
    "a division that is none": (b"site: {name: {zh: a}, division: 5101}\n", "6, 9 or 12 digits"),
    "a port that is a word": ((SOUND + "listen: {port: eighty}\n").encode(), "whole number"),
    "a port that is too large": ((SOUND + "listen: {port: 99999}\n").encode(), "at most"),
    "a port of many digits": ((SOUND + "listen: {port: " + "9" * 5_000 + "}\n").encode(), "listen.port"),
    "a truth that is none": ((SOUND + "listen: {behind_proxy: maybe}\n").encode(), "yes or no"),
    "a zone that is none": (b"site: {name: {zh: a}, division: 000000, zone: moon}\n", "not among zones"),
    "a certificate without its key": ((SOUND + "tls: {certificate: a.pem}\n").encode(), "both certificate and key"),
    "an address that is none": ((SOUND + "base_url: nowhere\n").encode(), "base_url"),
    "a group that is a text": ((SOUND + "listen: here\n").encode(), "listen"),
}
VARIABLES: dict[str, tuple[str, str, str]] = {
    "a name mistyped": ("TERRACE_LISTN__PORT", "1", "did you mean TERRACE_LISTEN__PORT"),
    "a value that does not fit": ("TERRACE_LISTEN__PORT", "x", "whole number"),
    "a value that is no YAML": ("TERRACE_LISTEN__PORT", "[", "not usable YAML"),
    "a value of aliases": ("TERRACE_SITE__NAME__ZH", "&a x", "anchor"),
    "a value very deep": ("TERRACE_SITE__NAME__ZH", "[" * 100_000, "deeper"),
}
EDITS: dict[str, tuple[bytes, str]] = {
    "a list": (b"- a\n", "must hold 'field: value'"),
    "GBK": ("title: 国土\n".encode("gbk"), "not UTF-8"),
    "a tab": (b"title:\n\tzh: a\n", "a tab"),
    "aliases that unfold": (b"a: &a [x,x,x]\nb: &b [*a,*a,*a]\n", "anchor"),
    "very deep": (b"title: " + b"[" * 100_000, "deeper"),
    "a control character": (b"title: '\x07'\n", "control"),
    "a tag": (b"title: !!python/object/apply:os.system [ls]\n", "tags"),
    "two documents": (b"title: a\n---\ntitle: b\n", "behind"),
    "an open quote": (b"title: 'a\n", "quotation mark"),
    "a key that is a list": (b"? [a]\n: b\n", "key must be text"),
}
