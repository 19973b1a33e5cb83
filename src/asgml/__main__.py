"""`python -m asgml` is the same program as `asgml`."""

from asgml.app.cli.program import main

if __name__ == "__main__":
    main()
