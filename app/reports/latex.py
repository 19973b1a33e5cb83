r"""`tables.tex`: the tables in LaTeX with booktabs, to be read by \input; every text is escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from asgml.app.reports.content import Report
from asgml.app.reports.ranking import ranking_text
from asgml.app.reports.tables import Table, TableRow, table_of
from asgml.storage.format.safe_text import one_line

PREAMBLE = (
    r"% needs \usepackage{booktabs}; made by asgml report",
    r"% \input{tables} where the tables should stand",
)
WORDS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "–": r"\textendash{}", "—": r"\textemdash{}", "−": "$-$", "±": r"$\pm$",
    "×": r"$\times$", "≥": r"$\geq$",
    "≤": r"$\leq$", "∞": r"$\infty$", "†": r"\textdagger{}", "‡": r"\textdaggerdbl{}",
    "…": r"\ldots{}", "→": r"$\to$", "·": r"$\cdot$", "α": r"$\alpha$", "β": r"$\beta$",
    "γ": r"$\gamma$", "λ": r"$\lambda$", "τ": r"$\tau$", "σ": r"$\sigma$", "μ": r"$\mu$",
    " ": " ",
}  # fmt: skip
"""Characters that LaTeX takes for something else, or that its usual fonts lack."""


def latex(report: Report) -> str:
    """Return all tables of a report as LaTeX."""
    lines = list(PREAMBLE)
    ranked = ranking_text(report)
    lines += [f"% {_comment(ranked)}"] if ranked else []
    for index, part in enumerate(report.parts):
        lines += ["", *_table(table_of(part), part.title, index)]
    return "\n".join(lines) + "\n"


def escaped(text: object) -> str:
    """Return untrusted text so that LaTeX sets it and runs nothing of it, on one line."""
    # two hyphens in a row are a dash in LaTeX
    return "".join(map(_character, one_line(text))).replace("--", "-{}-").replace("--", "-{}-")


def _character(char: str) -> str:
    if char in WORDS:
        return WORDS[char]
    # beyond the Latin alphabets a usual document has no glyph: the name of the character stands in
    if ord(char) < 0x250 and unicodedata.category(char)[0] in "LMNPSZ":
        return char
    return rf"\texttt{{U+{ord(char):04X}}}"


def _comment(text: str) -> str:
    return escaped(text).replace("\n", " ")


def _table(table: Table, title: str, index: int) -> Iterator[str]:
    yield r"\begin{table}"
    yield r"\centering\small\setlength{\tabcolsep}{4pt}"
    yield rf"\caption{{{escaped(title)}. {escaped(table.heading)}.}}"
    yield rf"\label{{tab:asgml-{index + 1}}}"
    yield rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}"
    yield r"\toprule"
    yield _line(["", *(escaped(name) for name in table.columns)])
    yield r"\midrule"
    for row in table.rows:
        yield _line(_texts(row))
    yield r"\bottomrule"
    yield r"\end{tabular}"
    for note in table.notes:
        yield rf"\par\smallskip\footnotesize {escaped(note)}"
    yield r"\end{table}"


def _texts(row: TableRow) -> list[str]:
    texts = [escaped(row.label + row.marks), *(escaped(entry.text) for entry in row.entries)]
    if row.best:
        texts[:2] = [rf"\textbf{{{text}}}" for text in texts[:2]]
    return texts


def _line(texts: list[str]) -> str:
    return " & ".join(texts) + r" \\"
