"""Lag over three hops: from the commit of a publication at a county to the commit at the nation, four sites in processes of their own on loopback.

    python -m tests.bench.bench_lag [--changes 200]

County, city, province and nation run their real loops, listeners and witnesses; the publishing process is none of theirs, so that each change is found by the
50 ms look at the position counter. Target (W1): p99 below one second.
"""

import argparse
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import select

from catalog.tables import record
from tests.sync.sites import TestSite

LEVELS = (("000000", "自然資源部"), ("510000", "四川"), ("510100", "成都"), ("510107", "武侯"))


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _site(folder: Path, division: str, name: str, port: int) -> TestSite:
    return TestSite(folder / division, f"sqlite:///{folder / division / 'terrace.db'}", port, division=division, name=name)


def _serve(folder: Path, division: str, name: str, port: int) -> None:
    """What each site's process runs."""
    site = _site(folder, division, name, port).listen().start()
    print("ready", flush=True)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
    site.exchange.worker.end()


def _measure(folder: Path, changes: int) -> list[float]:
    ports = {division: _port() for division, _ in LEVELS}
    sites = [_site(folder, division, name, ports[division]).listen() for division, name in LEVELS]
    for below, above in zip(sites[1:], sites, strict=False):
        below.join(above)
    for site in sites:
        site.stop()
    command = [sys.executable, "-m", "tests.bench.bench_lag", "--serve", str(folder)]
    processes = [subprocess.Popen([*command, division, name, str(ports[division])], stdout=subprocess.PIPE, text=True) for division, name in LEVELS]
    try:
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        county, nation = _site(folder, *LEVELS[3], 1), _site(folder, *LEVELS[0], 1)
        _lag(county, nation)  # the first one also carries the statements
        lags = [_lag(county, nation) for _ in range(changes)]
        county.store.close()
        nation.store.close()
        return lags
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


def _lag(county: TestSite, nation: TestSite) -> float:
    time.sleep(random.uniform(0.02, 0.15))
    id = county.publish("時延")
    begun = time.perf_counter()
    while True:
        with nation.store.read() as conn:
            if conn.scalar(select(record.c.docno).where(record.c.id == id)) is not None:
                return time.perf_counter() - begun
        if time.perf_counter() - begun > 30:
            raise SystemExit("a change did not reach the nation in 30 s")
        time.sleep(0.002)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--serve", nargs=4, metavar=("FOLDER", "DIVISION", "NAME", "PORT"))
    asked = parser.parse_args()
    if asked.serve:
        folder, division, name, port = asked.serve
        _serve(Path(folder), division, name, int(port))
        return
    with tempfile.TemporaryDirectory() as folder:
        lags = sorted(1000 * lag for lag in _measure(Path(folder), asked.changes))
    p99 = lags[min(len(lags) - 1, int(len(lags) * 0.99))]
    figures = f"p50 {statistics.median(lags):.0f} ms · p90 {lags[int(len(lags) * 0.9)]:.0f} ms · p99 {p99:.0f} ms · max {lags[-1]:.0f} ms"
    print(f"lag over three hops, {len(lags)} changes: {figures}")
    print(f"target p99 < 1000 ms: {'met' if p99 < 1000 else 'MISSED'}")


if __name__ == "__main__":
    main()
