"""The page docs/fidelity.md: `uv run python tests/docs/fidelity.py` measures and writes it anew.

Sources come from the table of methods, derivations and departures from each module's docstring,
and the figures from the tests that compare a method with an independent transcription.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from asgml.core.methods.registry import METHODS, Method

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "fidelity.md"
TESTS = [
    f"tests/core/methods/test_{name}.py" for name in ("fidelity", "g_blending", "turns", "aug")
]
DEFAULT = "default"
HEADING = """# Fidelity

Each method of the table is compared with a transcription of its published rule that shares no code
with the program: plain torch, written from the paper's formula or from the facts of the authors'
released code. Both train the same small networks (a convolutional and a fully connected encoder;
with three modalities a sequence encoder too) from the same weights on the same batches for three
epochs. The column "difference" has the largest difference of any final weight, in units of the
largest change of any weight in that training: what float32 rounding leaves. Where published code
draws random numbers, the transcription takes the program's own draws.

Agreement with a formula is no claim about accuracy: no published number has been reproduced.

Made by `uv run python tests/docs/fidelity.py`; the tests themselves are part of the suite.

"""


class Comparison(NamedTuple):
    """One comparison: the setting of the method, the compared quantity, the difference found."""

    method: str
    setting: str
    compared: str
    difference: float


def measured() -> list[Comparison]:
    """Run the comparing tests and return what they recorded. Raise where one fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        pytest = Path(sys.executable).with_name("pytest")
        options = ["-q", "-n", "0", f"--junitxml={report}"]
        subprocess.run([pytest, *options, *TESTS], cwd=ROOT, check=True)
        return list(comparisons(ElementTree.parse(report).iter("testcase")))


def comparisons(cases: Iterable[ElementTree.Element]) -> Iterable[Comparison]:
    for case in cases:
        found = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
        if "difference" in found:
            names = (found["method"], found["setting"], found["compared"])
            yield Comparison(*names, float(found["difference"]))


def page(found: Iterable[Comparison]) -> str:
    """Return the text of docs/fidelity.md."""
    by_method: dict[str, list[Comparison]] = {}
    for comparison in found:
        by_method.setdefault(comparison.method, []).append(comparison)
    return HEADING + "\n".join(section(METHODS[name], by_method) for name in METHODS)


def listed(text: str) -> list[Comparison]:
    """Return the comparisons that a page lists."""
    found = []
    for line in text.splitlines():
        if line.startswith("## "):
            method = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] not in ("setting", "---"):
            setting = "" if cells[0] == DEFAULT else cells[0]
            found.append(Comparison(method, setting, cells[1], float(cells[2])))
    return found


def section(method: Method, found: Mapping[str, list[Comparison]]) -> str:
    """Return what is known of one method: source, comparisons, derivation and departures."""
    rows = [
        f"| {row.setting or DEFAULT} | {row.compared} | {row.difference:.1e} |"
        for row in found.get(method.name, [])
    ]
    table = ["| setting | compared | difference |", "| --- | --- | --- |", *rows, ""]
    source = ["```", method.source, "```", ""]
    notes = [] if method.axis == "reference" else [*departures(method), ""]
    return "\n".join([f"## {method.name}", "", *source, *table, *notes])


def departures(method: Method) -> list[str]:
    """Return derivation and departures: the docstring of the method's module as it stands there."""
    module = method.target.partition(":")[0].removeprefix("asgml.").replace(".", "/")
    text = ast.get_docstring(ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))) or ""
    return [f"From `{module}.py`:", "", "```", text, "```"]


if __name__ == "__main__":
    PAGE.write_text(page(measured()), encoding="utf-8")
