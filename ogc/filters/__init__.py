"""Parsers of the filter languages of OGC clients; all give the one tree of `catalog.filters`."""
