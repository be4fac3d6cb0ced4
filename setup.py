"""What building a wheel does besides pyproject.toml: compiles the translations, and refuses to leave the front-end libraries out."""

from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
VENDOR = ROOT / "node" / "portal" / "static" / "vendor" / "ol.js"


class BuildPy(build_py):
    """Copies packages and their data into the wheel."""

    data_files: Any

    def finalize_options(self) -> None:
        """Brings what is not kept in git into the tree before setuptools lists the data files."""
        if not self.editable_mode:
            _compile_translations()
        super().finalize_options()

    def run(self) -> None:
        """Builds; an editable install is made before the libraries are brought, and needs none."""
        if not self.editable_mode and not VENDOR.is_file():
            raise SystemExit("node/portal/static/vendor is missing: run `make setup` before building a wheel (deploy/setup/frontend.py brings it)")
        super().run()


def _compile_translations() -> None:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for po in ROOT.glob("node/translations/*/LC_MESSAGES/*.po"):
        with po.open("rb") as source, po.with_suffix(".mo").open("wb") as target:
            write_mo(target, read_po(source))


setup(cmdclass={"build_py": BuildPy})
