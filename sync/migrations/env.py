"""Alembic's entry for the tables of the exchange."""

from catalog.migrate import run_environment
from sync.tables import metadata

run_environment(metadata)
