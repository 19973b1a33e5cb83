"""The facts of `asgml show` that say where a run came from, and how to train it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN = ("asgml", "torch", "numpy", "python")
"""Versions on the line; `--json` has all of them."""
DIGITS = 12


def provenance_facts(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return (label, text, style) of versions, commits, own files, parent and repetition."""
    versions, git = summary["versions"], summary["git"]
    facts = [
        ("versions", _versions(versions), "dim"),
        ("code", _commit(git, str(git.get("folder", ""))), "dim"),
        ("asgml", _own(versions), "dim"),
        *((_use(file), _file(file), "dim") for file in summary["code"]),
        ("parent", _parent(summary["parent"] or {}), ""),
        ("repeat", summary["repeat"] or "", "dim"),
    ]
    return [fact for fact in facts if fact[1]]


def _versions(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {versions[name]}" for name in SHOWN if name in versions)


def _own(versions: Mapping[str, Any]) -> str:
    commit, sign, _ = str(versions.get("asgml_commit", "")).partition("-")
    return commit and f"commit {commit[:DIGITS]}{', changed since' if sign else ''}"


def _commit(record: Mapping[str, Any], where: str) -> str:
    commit = str(record.get("commit") or "")
    changed = ", changed since" if record.get("dirty") else ""
    return commit and f"commit {commit[:DIGITS]}{changed}, of {where}"


def _use(file: Mapping[str, Any]) -> str:
    return str(file.get("use", "file"))


def _file(file: Mapping[str, Any]) -> str:
    digest = str(file.get("sha256") or "")[:DIGITS]
    commit, path = str(file.get("commit") or ""), str(file.get("path", ""))
    changed = " (not as committed)" if file.get("dirty") else ""
    within = f", commit {commit[:DIGITS]}{changed}" if commit else ", in no repository"
    return f"{path}, sha256 {digest}{within}"


def _parent(parent: Mapping[str, Any]) -> str:
    if not parent:
        return ""
    return (
        f"{parent.get('run', '?')} at step {parent.get('step', '?')}, in {parent.get('path', '?')}"
    )
