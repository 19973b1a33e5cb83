"""The command line: a command is a name, typed arguments, a docstring and one call.

Importing it costs typer and nothing else; what a command needs is imported inside it.
"""
