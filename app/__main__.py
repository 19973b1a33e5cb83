"""`python -m asgml.app` is the same program as `asgml`."""

from asgml.app.cli.program import main

main()
