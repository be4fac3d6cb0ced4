"""A process that pulls a peer's stream until it is killed: `python -m tests.sync.puller FOLDER URL DIVISION NAME PEER`."""

import sys
from pathlib import Path

from tests.sync.sites import TestSite


def main() -> None:
    """Pulls in small batches, for ever."""
    folder, url, division, name, peer = sys.argv[1:]
    site = TestSite(Path(folder), url, 1, division=division, name=name)
    print("ready", flush=True)
    while True:
        site.exchange.worker.pull_once(peer, limit=7)


if __name__ == "__main__":
    main()
