"""Gradient modulators: one method, one file.

The formula of each method stands in its row in core/methods, and `asgml methods NAME` prints it.
Here stand the derivation, and where the code departs from the paper or from the authors' code.
"""
