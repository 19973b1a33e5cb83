"""`python -m asgml.app` is the same program as `asgml`."""

from asgml.app.cli import main

main()
