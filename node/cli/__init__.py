"""`terrace`: the command line. `main` is the entry point; each command's module is imported only when it runs, so that help is quick."""

from node.cli.main import main

__all__ = ["main"]
