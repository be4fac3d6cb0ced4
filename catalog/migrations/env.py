"""Alembic's entry for the catalog's tables."""

from catalog.migrate import run_environment
from catalog.tables import metadata

run_environment(metadata)
