"""`make demo`: four sites of the business zone on loopback, joined and filled, until interrupted.

    python -m deploy.demo [--dir var/demo] [--ports 8100] [--database postgresql+psycopg://…/{site}]

A second start goes on with what is there. `DIR/ready.json` says where everything is: `sites` with node, zone, dir, url and tokens by role.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from deploy.demo.federation import Federation
from deploy.demo.guide import guide
from deploy.demo.terrace import CommandError


def main() -> int:
    """Runs the demo.

    Returns:
        Exit code: 0 when it was interrupted, 1 when something failed.
    """
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description="A running four-level federation with sample data, on loopback. 四级联邦示例。")
    parser.add_argument("--dir", type=Path, default=Path("var/demo"), help="where the sites live (default: var/demo)")
    parser.add_argument("--ports", type=int, default=8100, help="first of the eight ports that a new demo takes; 0: any free ones (default: 8100)")
    parser.add_argument("--database", help="URL for new sites, {site} in it stands for the site's name; by default an SQLite file each")
    options = parser.parse_args()

    interrupted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())

    federation = Federation(options.dir.absolute(), options.ports, interrupted, options.database)
    try:
        with federation.locked():
            federation.prepare()
            federation.serve()
            federation.join()
            federation.fill()
            federation.settle()
            federation.write_ready()
            print(guide(federation), flush=True)
            federation.watch()
    except CommandError as failure:
        print(f"\nThe demo stopped: {failure}", file=sys.stderr)
        return 1
    except InterruptedError:
        pass
    finally:
        federation.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
