"""What is wrong with a site, each finding with its mend: `terrace doctor`.

Every check is a function that yields findings; it looks, and changes nothing. A check that itself fails is a finding.
"""

import json
import shutil
import socket
import stat
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, select

from catalog import postgis
from catalog.tables import audit, job
from node.i18n import TRANSLATIONS, local_text, number_of
from node.listeners import needs_base_url
from policies.errors import TerraceError
from sync import keys as key_files
from sync import tables as sync_tables
from sync.loopback import is_loopback

if TYPE_CHECKING:
    from node.site import Site

type Level = Literal["ok", "note", "bad"]

DAY = 86_400
#: Days before the end of a certification at which the alarm begins (law.md: renew within the 60 days before expiry).
RENEW_DAYS = 60
LOW_BYTES = 500 * 1024 * 1024
SILENT_SECONDS = 900


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: its state, and how to mend it when it is not well."""

    level: Level
    topic: str
    zh: str
    en: str

    @property
    def text(self) -> str:
        """In the present language."""
        return local_text(self.zh, self.en)


def examine(site: "Site", *, deep: bool = False) -> Iterator[Finding]:
    """Looks at everything.

    Args:
        site: open.
        deep: also what takes time: every audit line, every page of an SQLite file.
    """
    checks: list[Callable[[Site], Iterator[Finding]]] = [_keys, _folder, _database, _postgis, _policy, _clock, _disc, _certification, _peers, _log, _jobs]
    checks += [_listeners, _texts]
    if deep:
        checks += [_audit_chain, _database_pages]
    for check in checks:
        try:
            yield from check(site)
        except TerraceError as error:
            yield Finding("bad", check.__name__.strip("_"), error.zh, error.en)


def _keys(site: "Site") -> Iterator[Finding]:
    folder = site.folder / "keys"
    problems = key_files.check(folder)
    serious = [problem for problem in problems if problem.path.name != "root.pem" or problem.path.stat().st_mode & 0o077]
    for problem in problems:
        yield Finding("bad" if problem in serious else "note", "keys", problem.zh, problem.en)
    if not serious:
        yield Finding("ok", "keys", "密钥文件齐全，权限 0600", "key files are there, mode 0600")


def _folder(site: "Site") -> Iterator[Finding]:
    for path in (site.folder, site.folder / "terrace.yaml", site.folder / "policies"):
        mode = path.stat().st_mode
        if mode & (stat.S_IWOTH | stat.S_IWGRP if path.is_file() else stat.S_IWOTH):
            yield Finding("bad", "folder", f"其他用户可以改写 {path}：chmod o-w,g-w", f"others may write to {path}: chmod o-w,g-w")
    key = site.settings.tls.key
    if key and (site.folder / key).exists() and (site.folder / key).stat().st_mode & 0o077:
        yield Finding(
            "bad",
            "folder",
            f"TLS 私钥可被他人读取：chmod 600 {site.folder / key}",
            f"the TLS key can be read by others: chmod 600 {site.folder / key}",
        )


def _database(site: "Site") -> Iterator[Finding]:
    position = site.store.position()
    yield Finding(
        "ok",
        "database",
        f"{site.store.engine_name}，结构为当前版本，位置 {position}",
        f"{site.store.engine_name}, schema current, position {position}",
    )


def without_postgis(found: postgis.Postgis) -> tuple[str, str]:
    """What is missing without PostGIS, what that costs, and the command that mends it, in Chinese and English."""
    first_zh, first_en = "", ""
    if found.state == "not installed":
        first_zh = f"先在数据库服务器安装 PostGIS（Debian：postgresql-{found.server}-postgis-3），再"
        first_en = f"install PostGIS on the database server (Debian: postgresql-{found.server}-postgis-3), then "
    return (
        "数据库中没有 PostGIS：范围查询只与各行的外接矩形比较，而不与实际几何比较；按其他几何的过滤会被拒绝。"
        f"请{first_zh}由数据库超级用户执行：{found.command}，然后重启 terrace serve",
        "the database has no PostGIS: a box is compared with the boxes of rows instead of their exact geometry, and filters by other geometries are refused; "
        f"{first_en}have a superuser of the database run: {found.command}, and start terrace serve again",
    )


def _postgis(site: "Site") -> Iterator[Finding]:
    found = postgis.look(site.store)
    if found.state == "here":
        yield Finding("ok", "postgis", "数据库中有 PostGIS，空间查询按实际几何", "the database has PostGIS: spatial questions are answered exactly")
    elif found.command:
        yield Finding("note", "postgis", *without_postgis(found))


def _policy(site: "Site") -> Iterator[Finding]:
    with site.store.read() as conn:
        active, problem = site.policies.current(conn), site.policies.problem(conn)
    if problem is not None:
        zh, en = ("\n".join(f"{line['place']}: {line[language]}" for line in problem.lines) for language in ("zh", "en"))
        yield Finding("bad", "policy", f"策略文件有误，旧策略继续生效：\n{zh}", f"the policy files have errors; the old policy stays in force:\n{en}")
    elif not active.epoch:
        yield Finding(
            "bad",
            "policy",
            "没有生效的策略，一切拒绝：terrace policy reload",
            "no policy is in force and everything is denied: terrace policy reload",
        )
    else:
        yield Finding("ok", "policy", f"策略第 {active.epoch} 期生效", f"policy epoch {active.epoch} is in force")


def _clock(site: "Site") -> Iterator[Finding]:
    with site.store.read() as conn:
        times = [conn.scalar(select(func.max(column))) or 0 for column in (audit.c.time, sync_tables.run.c.cosigned)]
    ahead = max(times) - int(time.time())
    if ahead > 5:
        yield Finding(
            "bad",
            "clock",
            f"本机时钟比已记录的时间慢 {ahead} 秒：请校时；在此之前有时限的许可视为关闭",
            f"this clock is {number_of(ahead, 'second')} behind what was recorded: set it; until then timed permissions count as closed",
        )
    else:
        yield Finding("ok", "clock", "时钟不落后于已记录的时间", "the clock is not behind what was recorded")


def _disc(site: "Site") -> Iterator[Finding]:
    usage = shutil.disk_usage(site.folder)
    free = usage.free // (1024 * 1024)
    if usage.free < LOW_BYTES:
        yield Finding("bad", "disc", f"磁盘只剩 {free} MB：请清理或扩容", f"only {free} MB are free: clear or enlarge the disc")
    else:
        yield Finding("ok", "disc", f"磁盘余 {free} MB", f"{free} MB are free")


def _certification(site: "Site") -> Iterator[Finding]:
    from sync.trusted import TrustStore

    now = int(time.time())
    trust = TrustStore(site.store, site.identity.node, site.identity.zone).at(now)
    found = trust.certifications(site.identity.node)
    if not found:
        yield Finding("bad", "certification", "本站密钥未经任何有效声明认证", "no valid statement certifies this site's keys")
    for each in found:
        days = (each.expires - now) // DAY
        level: Level = "bad" if days < RENEW_DAYS else "ok"
        mend = ("；请联系上级续签", "; ask the superior to renew it") if days < RENEW_DAYS else ("", "")
        en = f"certified by {each.issuer} for {number_of(days, 'more day')}{mend[1]}"
        yield Finding(level, "certification", f"{each.issuer} 的认证尚余 {days} 天{mend[0]}", en)


def _peers(site: "Site") -> Iterator[Finding]:
    now = int(time.time())
    table = sync_tables.peer
    with site.store.read() as conn:
        rows = conn.execute(select(table.c.node, table.c.state, table.c.contact, table.c.error, table.c.url)).all()
    for row in rows:
        if row.state != "active":
            yield Finding("bad", "peers", f"{row.node} 处于 {row.state} 状态：{row.error or ''}", f"{row.node} is {row.state}: {row.error or ''}")
        elif row.error:
            yield Finding("bad", "peers", f"与 {row.node} 交换出错：{row.error}", f"exchange with {row.node} fails: {row.error}")
        elif row.url and now - (row.contact or 0) > SILENT_SECONDS:
            yield Finding(
                "note",
                "peers",
                f"与 {row.node} 已 {SILENT_SECONDS // 60} 分钟以上没有往来",
                f"nothing heard from {row.node} for {SILENT_SECONDS // 60} minutes",
            )
        else:
            yield Finding("ok", "peers", f"与 {row.node} 往来正常", f"exchange with {row.node} works")


def _log(site: "Site") -> Iterator[Finding]:
    from sync.doubt import doubt_of
    from sync.recovery import restored

    with site.store.read() as conn:
        why, doubt = restored(conn), doubt_of(conn)
    if why is not None:
        yield Finding(
            "bad",
            "log",
            f"本站由较旧的副本恢复，日志暂停：请上级执行 terrace peer close {site.identity.node}",
            f"this site was restored from an older copy and its log rests: ask the superior to run terrace peer close {site.identity.node}",
        )
    if doubt is not None:
        yield Finding(
            "bad",
            "log",
            f"见证方 {doubt.witness} 不联署本站日志，也没有出示凭据：{doubt.zh}；请与其管理员联系",
            f"the witness {doubt.witness} does not cosign this site's log, and shows no proof: {doubt.en}; ask its clerk",
        )


def _jobs(site: "Site") -> Iterator[Finding]:
    with site.store.read() as conn:
        dead = conn.scalar(select(func.count()).select_from(job).where(job.c.state == "dead")) or 0
    if dead:
        yield Finding(
            "bad",
            "jobs",
            f"{dead} 项任务多次失败后停滞：见 terrace jobs list，改正后 terrace jobs retry",
            f"{number_of(dead, 'job rests', 'jobs rest')} after failures: see terrace jobs list, then terrace jobs retry",
        )


def _listeners(site: "Site") -> Iterator[Finding]:
    from node.run_state import running

    told = running(site.folder)
    listen = site.settings.listen
    if not (is_loopback(listen.host) or site.settings.tls.certificate or listen.behind_proxy):
        yield Finding(
            "bad",
            "listeners",
            "非本机地址须用 HTTPS：设置 tls 或 listen.behind_proxy",
            "off loopback HTTPS is needed: set tls or listen.behind_proxy",
        )
    if needs_base_url(site.settings):
        yield Finding(
            "bad",
            "address",
            "未设 base_url 的站点只供本机访问：在 terrace.yaml 写明用户访问的地址",
            "a site without base_url serves this machine alone: say in terrace.yaml by which address clients reach it",
        )
    if not told:
        yield Finding("note", "listeners", "站点未在运行：terrace serve", "the site is not being served: terrace serve")
        for host, port, name in ((listen.host, listen.port, "port"), (listen.peer_host or listen.host, listen.peer_port, "peer_port")):
            if port and _taken(host, port):
                zh, en = f"{host}:{port} 已被其他程序占用：请改 listen.{name}", f"{host}:{port} is in use by another program: change listen.{name}"
                yield Finding("bad", "listeners", zh, en)
        return
    url = f"http{'s' if site.settings.tls.certificate else ''}://127.0.0.1:{told['port']}/healthz"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own loopback address)
            good = json.load(answer).get("node") == site.identity.node
    except OSError:
        good = False
    if good:
        yield Finding("ok", "listeners", f"站点在 {told['url']} 应答", f"the site answers at {told['url']}")
    else:
        yield Finding("bad", "listeners", f"进程 {told['pid']} 在运行，但 {url} 不应答", f"process {told['pid']} runs, but {url} does not answer")


def _taken(host: str, port: int) -> bool:
    """Whether somebody answers at an address of this machine."""
    try:
        with socket.create_connection(("127.0.0.1" if host in ("0.0.0.0", "::") else host, port), timeout=1):  # noqa: S104 (compares, binds nothing)
            return True
    except OSError:
        return False


def _texts(_site: "Site") -> Iterator[Finding]:
    stale = [po for po in TRANSLATIONS.rglob("*.po") if not _compiled(po)]
    if stale:
        yield Finding("note", "texts", "界面译文未编译：make setup（pybabel compile）", "the translations are not compiled: make setup (pybabel compile)")


def _compiled(po: Path) -> bool:
    mo = po.with_suffix(".mo")
    return mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime - 1


def _audit_chain(site: "Site") -> Iterator[Finding]:
    from catalog.audit import verify_chain

    with site.store.read() as conn:
        report = verify_chain(conn)
    if report.bad is None:
        yield Finding("ok", "audit", f"审计日志 {report.lines} 行连续无改动", f"{number_of(report.lines, 'audit line holds', 'audit lines hold')}")
    else:
        yield Finding("bad", "audit", f"审计日志自第 {report.bad} 行起被改动或删除", f"audit line {report.bad} was altered or taken out")


def _database_pages(site: "Site") -> Iterator[Finding]:
    if site.store.engine_name != "sqlite":
        return
    with site.store.read() as conn:
        said = conn.exec_driver_sql("PRAGMA quick_check").scalar()
    if said == "ok":
        yield Finding("ok", "database", "数据库文件完好", "the database file is sound")
    else:
        yield Finding("bad", "database", f"数据库文件损坏：{said}；请从备份恢复", f"the database file is damaged: {said}; restore a backup")
