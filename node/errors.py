"""What can go wrong in composing and running a site.

TerraceError
├── SettingsError         terrace.yaml or a TERRACE_* variable cannot be used; lists every error
├── SiteFolderError       the folder is no site, or init would overwrite one
├── ServeError            the site cannot be served
│   ├── PlainHttpError    plain HTTP off loopback
│   ├── BaseUrlError      others are to be served, and base_url is not set
│   └── PortInUseError    another program listens there
├── CsrfError             a form came without the session's own token
├── CrossSiteError        a form came from a page of another site
├── ForeignHostError      the request names a host that is not this site
├── NotByProxyError       the request went around the proxy
├── TooManyAttemptsError  too many sign-in attempts from one address
├── BackupError           the site cannot be backed up
├── UsageError            the command line was used in a way that makes no sense
└── NotHereError          what was typed names nothing here, or nothing that may be known of: the same words for both
"""

from dataclasses import dataclass

from catalog.errors import CatalogError, NotFoundError
from node.i18n import number_of
from policies.errors import TerraceError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a file: where (`file:line:column` or `$VARIABLE`), and what, in both languages."""

    place: str
    zh: str
    en: str


class SettingsError(TerraceError):
    """Settings that cannot be used; `problems` has every one."""

    kind = "settings"

    def __init__(self, problems: list[Problem]) -> None:
        zh = "\n".join(f"{each.place}: {each.zh}" for each in problems)
        en = "\n".join(f"{each.place}: {each.en}" for each in problems)
        super().__init__(zh=f"设置有误，请逐项改正：\n{zh}", en=f"The settings cannot be used; mend each of these:\n{en}")
        self.problems = problems


class SiteFolderError(TerraceError):
    """The folder is not what the command needs."""

    kind = "site-folder"


class ServeError(TerraceError):
    """The site cannot be served."""

    kind = "serve"


class PlainHttpError(ServeError):
    """Plain HTTP is for loopback only."""

    kind = "plain-http"

    def __init__(self, host: str) -> None:
        super().__init__(
            zh=f"“{host}”不是本机地址，不得以明文 HTTP 提供服务。"
            "请在 terrace.yaml 设置 tls.certificate 与 tls.key，或由反向代理终止 HTTPS 并设 listen.behind_proxy: yes。",
            en=f"'{host}' is not a loopback address, and plain HTTP is served on loopback only. "
            "Set tls.certificate and tls.key in terrace.yaml, or end HTTPS at a reverse proxy and set listen.behind_proxy: yes.",
        )


class BaseUrlError(ServeError):
    """Links need the address by which clients reach the site."""

    kind = "base-url"

    def __init__(self) -> None:
        super().__init__(
            zh="未设 base_url 的站点只供本机访问。请在 terrace.yaml 写明用户访问的地址，例如 base_url: https://data.example.gov.cn。",
            en="A site without base_url serves this machine alone. Say in terrace.yaml by which address clients reach it, "
            "for example base_url: https://data.example.gov.cn.",
        )


class PortInUseError(ServeError):
    """Another program listens on the port."""

    kind = "port-in-use"

    def __init__(self, host: str, port: int, setting: str) -> None:
        super().__init__(
            zh=f"{host}:{port} 已被其他程序占用。请改 terrace.yaml 的 listen.{setting}，或停止占用者。",
            en=f"{host}:{port} is in use by another program. Change listen.{setting} in terrace.yaml, or stop the other program.",
        )


class CsrfError(TerraceError):
    """A changing request by cookie must carry the session's own token."""

    kind = "csrf"

    def __init__(self) -> None:
        super().__init__(
            zh="表单缺少防伪标记或标记已过期。请刷新页面后重新提交。",
            en="The form's anti-forgery token is missing or stale. Load the page again and send the form once more.",
        )


class CrossSiteError(TerraceError):
    """A form of the portal comes from a page of this site."""

    kind = "cross-site"

    def __init__(self) -> None:
        super().__init__(
            zh="这份表单不是由本站页面提交的，已拒绝。请在本站打开该页面后重新提交；程序请在请求头中携带令牌。",
            en="This form was not sent by a page of this site and is refused. Open the page here and send it again; programs send a token in a header.",
        )


class ForeignHostError(TerraceError):
    """The request names a host that is not this site."""

    kind = "foreign-host"

    def __init__(self) -> None:
        super().__init__(
            zh="请求的主机名不是本站地址。请用本站公布的地址访问；若确应使用该名称，请管理员在 terrace.yaml 设置 base_url 或 listen.names。",
            en="The request names a host that is not this site's address. Use the address that the site gives; where this name is meant to work, "
            "an administrator sets base_url or listen.names in terrace.yaml.",
        )


class NotByProxyError(TerraceError):
    """The site is behind a proxy, and this request went around it."""

    kind = "not-by-proxy"

    def __init__(self) -> None:
        super().__init__(
            zh="本站位于反向代理之后，此请求未经代理。请使用本站公布的 HTTPS 地址；代理的地址由管理员写入 listen.proxies。",
            en="This site is behind a reverse proxy, and this request did not come by it. Use the HTTPS address that the site gives; "
            "an administrator names the proxy's address in listen.proxies.",
        )


class TooManyAttemptsError(TerraceError):
    """Sign-in attempts from one address come too fast."""

    kind = "too-many-attempts"

    def __init__(self, seconds: int) -> None:
        super().__init__(zh=f"登录尝试过于频繁，请于 {seconds} 秒后再试。", en=f"Too many sign-in attempts; try again in {number_of(seconds, 'second')}.")
        self.seconds = seconds


class BackupError(TerraceError):
    """The site cannot be backed up."""

    kind = "backup"


class UsageError(TerraceError):
    """The command line makes no sense as given."""

    kind = "usage"


#: What is looked for on the command line → what to say when it is not found.
_NOT_HERE = {
    "record": (
        "没有名为“{typed}”的记录，或您无权知悉；请写出完整的标识、uuid 或短名（terrace search 可查）",
        "no record is called {typed}, or you may not know of it; write an id, uuid or slug in full (terrace search finds them)",
    ),
    "account": ("没有名为“{typed}”的账号；terrace user list 列出全部", "no account is called {typed}; terrace user list has them all"),
    "entry": (
        "隔离区没有编号 {typed}；terrace quarantine list 列出全部",
        "nothing in quarantine has the number {typed}; terrace quarantine list has them all",
    ),
    "peer": (
        "没有节点号以“{typed}”开头的对等节点，或不止一个；terrace peer list 列出全部",
        "no peer's id begins with {typed}, or more than one does; terrace peer list has them all",
    ),
    "version": (
        "没有版本“{typed}”，或您无权查看；terrace show --versions 列出您可见的版本",
        "there is no version {typed}, or you may not see it; terrace show --versions lists those that you may see",
    ),
}


class NotHereError(NotFoundError):
    """What was typed at the command line names nothing, or nothing that the acting person may know of: the same words for both."""

    def __init__(self, what: str, typed: str) -> None:
        zh, en = _NOT_HERE[what]
        CatalogError.__init__(self, zh=zh.format(typed=typed), en=en.format(typed=typed))
