"""CSW: a served site against stock pycsw 2.6.2 on the same records, over HTTP, in the same run.

    python -m tests.bench.bench_csw [--records 1000] [--requests 300]

Ours: default policy, audit on, an officer's token. Stock: pycsw in an environment of its own (it needs SQLAlchemy below 2), made with pip in a
temporary folder and served by gunicorn with the same kind of worker; its SQLite repository is loaded with the ISO 19139 documents that our site gives to that
officer, and answers anyone. Where pip cannot install it that is said, and only our figures are printed.
Target: GetRecordById of one record in ISO 19139 at most 1.5 ms of processor time.
"""

import argparse
import configparser
import contextlib
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import requests
from lxml import etree

from tests.bench.asking import Asked, in_turn
from tests.bench.bench_ckan import site_of
from tests.bench.figures import Report
from tests.bench.serving import free_port, running

ISO = "http://www.isotc211.org/2005/gmd"
NEEDS = ("pycsw==2.6.2", "SQLAlchemy<2", "setuptools<81", "gunicorn")
TARGET = 1.5
_QUERY = {"service": "CSW", "version": "2.0.2", "outputschema": ISO, "elementsetname": "full"}
_CONTACT = "name position address city stateorprovince postalcode country phone fax email url hours instructions role"


def by_id(id: str) -> str:
    """The query of one record."""
    return urlencode({**_QUERY, "request": "GetRecordById", "id": id})


def page(start: int, size: int = 10) -> str:
    """The query of a page of records."""
    return urlencode({**_QUERY, "request": "GetRecords", "typenames": "csw:Record", "resulttype": "results", "maxrecords": size, "startposition": start})


def documents(address: str, headers: dict[str, str]) -> Iterator[bytes]:
    """All records of our site as ISO 19139, in pages."""
    start = 1
    while start:
        answer = requests.get(f"{address}/csw?{page(start, 200)}", headers=headers, timeout=120)
        answer.raise_for_status()
        found = etree.fromstring(answer.content).find("{*}SearchResults")
        yield from map(etree.tostring, found)
        start = int(found.get("nextRecord"))


def stock(folder: Path) -> Path | None:
    """The folder of programs of an environment with stock pycsw, or None where it cannot be made."""
    venv.create(folder, with_pip=True)
    done = subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *NEEDS], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"no stock pycsw to compare with; pip says: {done.stderr.strip()[-300:]}")
        return None
    return folder / "bin"


def configured(folder: Path, port: int) -> Path:
    """pycsw's configuration."""
    config = configparser.ConfigParser()
    config["server"] = {
        "url": f"http://127.0.0.1:{port}/", "home": str(folder), "mimetype": "application/xml; charset=UTF-8", "encoding": "UTF-8", "language": "en-US",
        "maxrecords": "100", "pretty_print": "false", "profiles": "apiso",
    }  # fmt: skip
    config["manager"] = {"transactions": "false"}
    names = [f"contact_{name}" for name in _CONTACT.split()]
    names += [f"identification_{name}" for name in ("title", "abstract", "keywords", "keywords_type", "fees", "accessconstraints")]
    config["metadata:main"] = dict.fromkeys((*names, "provider_name", "provider_url"), "x")
    config["metadata:inspire"] = {"enabled": "false"}
    config["repository"] = {"database": f"sqlite:///{folder / 'records.db'}", "table": "records"}
    with (folder / "pycsw.cfg").open("w", encoding="utf-8") as out:
        config.write(out)
    return folder / "pycsw.cfg"


@contextlib.contextmanager
def peer(folder: Path, address: str, headers: dict[str, str]) -> Iterator[tuple[int, str] | None]:
    """Stock pycsw with our site's records: its pid and address, or None."""
    programs = stock(folder / "venv")
    if programs is None:
        yield None
        return
    port = free_port()
    config, records = configured(folder, port), folder / "xml"
    records.mkdir()
    for n, document in enumerate(documents(address, headers)):
        (records / f"{n}.xml").write_bytes(document)
    for words in (["setup_db"], ["load_records", "-p", str(records)]):
        command, *more = words
        arguments = [str(programs / "python"), str(programs / "pycsw-admin.py"), "-c", command, "-f", str(config), *more]
        subprocess.run(arguments, check=True, capture_output=True, cwd=folder)
    serve = [str(programs / "gunicorn"), "-w", "1", "-k", "gthread", "--threads", "4", "-b", f"127.0.0.1:{port}", "pycsw.wsgi"]
    there = f"http://127.0.0.1:{port}"
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    with running(serve, f"{there}/?{page(1)}", folder / "pycsw.log", {}, {"PYCSW_CONFIG": str(config), "PATH": path}) as pid:
        yield pid, there


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=300, help="in each round; stock gets a tenth")
    asked = parser.parse_args()
    report = Report("csw")
    with tempfile.TemporaryDirectory() as folder, site_of(Path(folder) / "site", asked.records) as (pid, address, headers, _):
        some = [
            etree.fromstring(each).findtext("{*}fileIdentifier/{*}CharacterString") for each, _ in zip(documents(address, headers), range(20), strict=False)
        ]
        with peer(Path(folder), address, headers) as other:
            for name, queries, target in (
                ("GetRecordById, ISO 19139 in full", [by_id(id) for id in some], TARGET),
                ("GetRecords, 10 of them, ISO 19139 in full", [page(1 + 10 * n) for n in range(20)], None),
            ):
                servers = [Asked(address, [pid], [f"/csw?{query}" for query in queries], headers, least=1500)]
                servers += [Asked(other[1], [other[0]], [f"/?{query}" for query in queries], least=1500, share=0.1)] if other else []
                ours, *others = in_turn(asked.requests, *servers)
                report.add(name, ours, target=target, peer="pycsw 2.6.2", against=others[0].cpu if others else None)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
