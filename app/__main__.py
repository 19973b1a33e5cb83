"""`python -m app` is the same program as `asgml`."""

from app.cli import main

main()
