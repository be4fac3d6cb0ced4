"""What can go wrong in composing and running a site.

    TerraceError
    ├── SettingsError         terrace.yaml or a TERRACE_* variable cannot be used; lists every error
    ├── SiteFolderError       the folder is no site, or init would overwrite one
    ├── ServeError            the site cannot be served
    │   ├── PlainHttpError    plain HTTP off loopback
    │   └── PortInUseError    another program listens there
    ├── CsrfError             a form came without the session's own token
    ├── TooManyAttemptsError  too many sign-in attempts from one address
    ├── BackupError           the site cannot be backed up
    └── UsageError            the command line was used in a way that makes no sense
"""

from dataclasses import dataclass

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


class PortInUseError(ServeError):
    """Another program listens on the port."""

    kind = "port-in-use"

    def __init__(self, host: str, port: int, setting: str) -> None:
        super().__init__(
            zh=f"{host}:{port} 已被其他程式占用。请改 terrace.yaml 的 listen.{setting}，或停止占用者。",
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


class TooManyAttemptsError(TerraceError):
    """Sign-in attempts from one address come too fast."""

    kind = "too-many-attempts"

    def __init__(self, seconds: int) -> None:
        super().__init__(zh=f"登录尝试过于频繁，请于 {seconds} 秒后再试。", en=f"Too many sign-in attempts; try again in {seconds} seconds.")
        self.seconds = seconds


class BackupError(TerraceError):
    """The site cannot be backed up."""

    kind = "backup"


class UsageError(TerraceError):
    """The command line makes no sense as given."""

    kind = "usage"
