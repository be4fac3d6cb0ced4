"""Bad policy files: name → content, words that must stand in the English refusal. The policy in force stays in force."""

_HEAD = "policy: bad\nrules:\n"
_REASON = "  because: {zh: 试验, en: a test}\n"


def _rule(*lines: str, reason: str = _REASON) -> bytes:
    return (_HEAD + "- rule: r\n" + "".join(f"  {line}\n" for line in lines) + reason).encode()


def _when(sentence: str) -> bytes:
    return _rule("deny: discover", f"what: {sentence}")


POLICIES: dict[str, tuple[bytes, str]] = {
    # as files
    "nothing": (b"", "empty"),
    "a comment": (b"# nothing\n", "empty"),
    "ten megabytes": (b"policy: p\nrules:\n" + b"- {rule: r, deny: data, because: {zh: a, en: b}}\n" * 210_000, "larger than 1 MiB"),
    "a hundred levels": (b"policy: p\nrules: " + b"[" * 100 + b"]" * 100 + b"\n", "deeper than"),
    "a hundred thousand levels": (b"policy: p\nrules: " + b"[" * 100_000, "deeper than"),
    "an alias": (b"policy: *x\n", "alias"),
    "aliases that unfold": (b"policy: p\na: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\n", "alias"),
    "tabs": (b"policy: p\n\tzone: business\n", "a tab"),
    "GBK": ("policy: p\ntitle: {zh: 国土, en: a}\n".encode("gbk"), "UTF-8"),
    "UTF-16": ("policy: p\n".encode("utf-16"), "UTF-8"),
    "a control character": (b'policy: "a\\0b"\n', "control character"),
    "a bell": (b"policy: a\x07\n", "control"),
    "a lone surrogate": (b'policy: "\\ud800"\n', "name|escape|control"),
    "a tag": (b"policy: !!python/object/apply:os.system [ls]\n", "a tag"),
    "two documents": (b"policy: p\n---\npolicy: q\n", "second document"),
    "a key twice": (b"policy: p\npolicy: q\n", "twice"),
    "a key that is a list": (b"policy: p\n? [a]\n: b\n", "key must be text"),
    "a merge key": (b"policy: p\n<<: {zone: business}\n", "unknown key"),
    "a list": (b"- policy: p\n", "begins with 'policy: NAME'"),
    "a text": (b"only words\n", "begins with 'policy: NAME'"),
    "JSON cut off": (b'{"policy": "p", "rules": [', "not YAML"),
    "a colon too many": (b"policy: p\ntitle: a: b\n", "quotes"),
    "an open quote": (b'policy: "p\n', "quotation mark"),
    "Windows line ends and a stray brace": (b"policy: p\r\nrules: }\r\n", "not YAML"),
    "another language": (b"policy: p\nlanguage: 2\n", "language 1"),
    "no name": (b"zone: business\n", "lacks 'policy: NAME'"),
    "a bad name": (b"policy: P p\n", "no name"),
    "an unknown key": (b"policy: p\nrulez: []\n", "did you mean 'rules'"),
    "an unknown zone": (b"policy: p\nzone: busines\n", "did you mean 'business'"),
    "rules that are a map": (b"policy: p\nrules: {}\n", "takes a list"),
    "includes what leads out": (b"policy: p\ninclude: ../../etc/passwd\n", "not beside or below"),
    "includes an absolute path": (b"policy: p\ninclude: /etc/passwd\n", "not beside or below"),
    "includes what is not there": (b"policy: p\ninclude: nothing.yaml\n", "no file 'nothing.yaml'"),
    # as rules
    "no effect": (_rule("who: everyone"), "allow, deny, constrain"),
    "two effects": (_rule("allow: data", "deny: data", "who: everyone"), "not allow and deny"),
    "allows nobody": (_rule("allow: data"), "who"),
    "an unknown action": (_rule("deny: destroy"), "destroy"),
    "no reason": (_rule("deny: data", reason=""), "'because' is missing"),
    "a reason in one language": (_rule("deny: data", reason="  because: {zh: 试验}\n"), "en"),
    "an unknown key of a rule": (_rule("deny: data", "becuase: x"), "did you mean 'because'"),
    "a rule twice": (_rule("deny: data") + b"- rule: r\n  deny: data\n" + _REASON.encode(), "r"),
    "a mask that is none": (_rule("constrain: data", "then: {mask: {holder: surnam}}"), "did you mean 'surname'"),
    "a cell that is no number": (_rule("constrain: data", "then: {smallest cell: one}"), "2 to 1000"),
    "a duty that is none": (_rule("constrain: data", "then: {paint: red}"), "paint"),
    "hides no field": (_rule("constrain: data", "then: {hide: [Phone]}"), "no name of a field"),
    # as sentences
    "an unknown attribute": (_when("record.kidn is dataset"), "did you mean 'record.kind'"),
    "an unknown value": (_when("record.kind is datset"), "did you mean 'dataset'"),
    "an unknown comparison": (_when("record.kind equals dataset"), "unknown comparison"),
    "an SQL sentence": (_when("record.kind is dataset' OR 1=1 --"), "record.kind"),
    "a date that is none": (_when("record.issued is from 2026-13-01"), "no date"),
    "a division that is none": (_when("record.division lies within Sichuan"), "no division code"),
    "what does not compare": (_when("record.secrecy is at least actor.level"), "cannot compare"),
    "conditions very deep": (_when("{any: [" * 12 + "everyone" + "]}" * 12), "deeper|everyone|any"),
}  # fmt: skip
