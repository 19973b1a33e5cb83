"""mcp: an assistant reads runs within bounds, and steers only where it may, as ctl does."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.memory import create_connected_server_and_client_session

from asgml.app.commands.mcp import make_server
from asgml.app.errors import FAILED, NOT_FOUND
from asgml.app.mcp.answers import LONGEST_TEXT, NOTICE, bounded
from asgml.app.mcp.reading import extremes
from asgml.storage.format.layout import RunPaths
from asgml.storage.read.reader import Run
from asgml.storage.runs.plan_record import PlanCell, PlanRecord, PlanRow, write_plan_record

Asgml = Callable[..., "Said"]
READING = {"list_runs", "compare_runs", "show_methods", "show_run", "read_metrics", "read_events"}
READING |= {"read_alerts", "read_log", "show_config"}
STEERING = {"pause_training", "resume_training", "stop_training", "save_checkpoint"}
STEERING |= {"evaluate_now", "set_knob", "write_note", "undo_change"}


@asynccontextmanager
async def client(folder: Path, steer: bool = False) -> AsyncIterator[ClientSession]:
    server = make_server(folder, steer=steer)
    async with create_connected_server_and_client_session(server) as session:
        yield session


async def call(session: ClientSession, tool: str, **given: Any) -> dict[str, Any]:
    found = await session.call_tool(tool, given)
    assert not found.isError, found.content
    assert found.structuredContent is not None
    return found.structuredContent


async def refusal(session: ClientSession, tool: str, **given: Any) -> str:
    found = await session.call_tool(tool, given)
    assert found.isError, found.content
    return str(found.content[0].text)


@pytest.fixture
def living(asgml: Asgml, runs: Path) -> Path:
    assert asgml("train", "--epochs", 900, "--name", "a", "--detach").code == 0
    return runs


async def test_without_steer_every_tool_only_reads(tiny_run: RunPaths) -> None:
    async with client(tiny_run.root.parent) as session:
        tools = (await session.list_tools()).tools
        assert {tool.name for tool in tools} == READING
        assert all(tool.annotations and tool.annotations.readOnlyHint for tool in tools)
        assert all(tool.description and tool.inputSchema for tool in tools)
        await refusal(session, "pause_training", run="tiny-01")
    assert not list(tiny_run.commands.iterdir())


async def test_with_steer_the_tools_say_what_they_may_break(tiny_run: RunPaths) -> None:
    async with client(tiny_run.root.parent, steer=True) as session:
        hints = {tool.name: tool.annotations for tool in (await session.list_tools()).tools}
    assert hints.keys() == READING | STEERING
    assert not any(hints[name].readOnlyHint for name in STEERING)
    breaking = {name for name in STEERING if hints[name].destructiveHint}
    assert breaking == {"stop_training", "set_knob", "undo_change"}


async def test_a_run_is_told_as_show_tells_it(asgml: Asgml, tiny_run: RunPaths) -> None:
    shown = asgml("show", tiny_run.root, "--json").json
    async with client(tiny_run.root.parent) as session:
        told = await call(session, "show_run", run="tiny-01")
        listed = await call(session, "list_runs", where="state=finished", sort="name")
        events = await call(session, "read_events", run="tiny-01", kinds=["command"])
        config = await call(session, "show_config", run="latest")
    assert told["notice"] == NOTICE and "replay" in told["remedy"]
    assert told["run"]["metrics"] == shown["metrics"] and told["run"]["knobs"] == shown["knobs"]
    assert [one["name"] for one in listed["runs"]] == ["tiny-01"]
    assert listed["runs"][0]["state"] == "finished"
    assert [one["kind"] for one in events["events"]] == ["command"] * events["of"]
    assert {"boost.alpha"} <= {knob["name"] for knob in config["knobs"]}


async def test_series_are_decimated_and_null_where_no_number_is(tiny_run: RunPaths) -> None:
    run = Run.open(tiny_run)
    async with client(tiny_run.root.parent) as session:
        whole = await call(session, "read_metrics", run="tiny-01", columns=["loss"], points=500)
        few = await call(session, "read_metrics", run="tiny-01", columns=["loss"], points=4)
        part = await call(
            session, "read_metrics", run="tiny-01", columns=["loss"], from_step=5, to_step=8
        )
        hint = await refusal(session, "read_metrics", run="tiny-01", columns=["los"])
    values = [value for _, value in whole["series"]["loss"]]
    expected = [value if np.isfinite(value) else None for value in run.column("steps", "loss")]
    assert values == expected and len(few["series"]["loss"]) <= 4
    assert [step for step, _ in part["series"]["loss"]] == [5, 6, 7, 8]
    assert "did you mean loss" in hint


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=300),
    st.integers(2, 60),
)
def test_the_lowest_and_the_highest_survive(numbers: list[float], points: int) -> None:
    values = np.array(numbers, dtype=float)
    kept = extremes(values, points)
    assert len(kept) <= points and kept == sorted(set(kept))
    finite = values[np.isfinite(values)]
    if len(finite):
        shown = values[kept][np.isfinite(values[kept])]
        assert shown.min() == finite.min() and shown.max() == finite.max()


async def test_the_log_is_a_bounded_plain_file(tiny_run: RunPaths, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    shutil.copytree(tiny_run.root, folder / "one")
    log = folder / "one" / "trainer.log"
    log.write_text("\n".join(f"line {n} \x1b[2J" for n in range(50_000)))
    async with client(folder) as session:
        told = await call(session, "read_log", run="one", last=3, containing="line 49")
        assert [line.split()[1] for line in told["log_lines"]] == ["49997", "49998", "49999"]
        assert "\x1b" not in json.dumps(told, ensure_ascii=False)
        log.unlink()
        log.symlink_to("/etc/passwd")
        assert "root:" not in await refusal(session, "read_log", run="one")


@pytest.mark.parametrize(
    "name", ["/etc", "..", "../runs/tiny-01", "~/x", "./tiny-01", "no", "a/../b"]
)
async def test_nothing_outside_the_folder_is_a_run(tiny_run: RunPaths, name: str) -> None:
    async with client(tiny_run.root.parent) as session:
        for tool in ("show_run", "read_events", "read_log", "show_config"):
            assert "\n" not in await refusal(session, tool, run=name)
        await refusal(session, "compare_runs", runs=[name])


async def test_a_link_out_of_the_folder_is_no_run(tiny_run: RunPaths, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    shutil.copytree(tiny_run.root, tmp_path / "runs" / "inside")
    (tmp_path / "runs" / "linked").symlink_to(tiny_run.root)
    async with client(tmp_path / "runs") as session:
        for name in ("linked", "link"):
            assert "expected the name" in await refusal(session, "show_run", run=name)
            await refusal(session, "compare_runs", runs=[name, "inside"])
        listed = await call(session, "list_runs")
        grouped = await call(session, "list_runs", group=True)
        matched = await call(session, "compare_runs", runs=["[a-z]*n[a-z]*"])
    assert [run["name"] for run in listed["runs"]] == ["inside"] and listed["of"] == 1
    assert "linked" not in json.dumps(grouped) and "linked" not in json.dumps(matched)


async def test_a_plan_that_a_link_in_it_leads_out_of_is_not_compared(
    tiny_run: RunPaths, tmp_path: Path
) -> None:
    folder = tmp_path / "runs"
    shutil.copytree(tiny_run.root, folder / "plan" / "inside")
    (folder / "plan" / "linked").symlink_to(tiny_run.root)
    cells = tuple(PlanCell(0, seed, run, "0") for seed, run in enumerate(("inside", "linked")))
    rows = (PlanRow("both", {}),)
    record = PlanRecord("plan", "", "synthetic", "val_accuracy", "", (0, 1), rows, cells)
    write_plan_record(folder / "plan", record)
    async with client(folder) as session:
        assert "linked" not in json.dumps(await call(session, "list_runs"))
        await refusal(session, "compare_runs", runs=["plan"])


async def test_comparisons_and_methods_are_those_of_the_commands(
    asgml: Asgml, tiny_run: RunPaths
) -> None:
    folder = tiny_run.root.parent
    compared = asgml("compare", "tiny-01", "--runs", folder, "--json").json
    methods = asgml("methods", "boost", "--json").json
    async with client(folder) as session:
        told = await call(session, "compare_runs", runs=["tiny-01"])
        one = await call(session, "show_methods", name="boost")
        every = await call(session, "show_methods")
        unknown = await refusal(session, "show_methods", name="bost")
        wrong = await refusal(session, "list_runs", where="val >")
    assert told["comparison"] == compared and one["method"] == methods
    assert len(every["methods"]) > 10 and "boost" in unknown and "--where" in wrong


@given(st.recursive(st.text() | st.floats() | st.none(), st.lists, max_leaves=20))
def test_what_is_answered_is_bounded_json(value: object) -> None:
    text = json.dumps(bounded(value), allow_nan=False, ensure_ascii=False)
    assert "\x1b" not in text and "\x00" not in text


def test_a_long_text_says_that_it_is_cut() -> None:
    shown = bounded("x" * (LONGEST_TEXT + 7))
    assert shown.endswith("(7 characters more)") and len(shown) < LONGEST_TEXT + 30
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert "too deep" in json.dumps(bounded(deep))


async def test_steering_is_answered_by_the_trainer_with_its_step(living: Path) -> None:
    async with client(living, steer=True) as session:
        told = await call(session, "set_knob", run="a", knob="alpha", value=0.25)
        assert told["answer"] == "applied" and told["text"].endswith("0.5 → 0.25")
        assert (await call(session, "pause_training", run="a"))["answer"] == "applied"
        held = (await call(session, "show_run", run="a"))["run"]
        assert held["state"] == "paused" and held["knobs"]["boost.alpha"] == 0.25
        refused = await call(session, "set_knob", run="a", knob="alpha", value=1, only_if=0.75)
        assert refused["answer"] == "rejected" and refused["step"] >= told["step"]
        assert "range 0 … 1.5" in await refusal(session, "set_knob", run="a", knob="alpha", value=9)
        assert "boost.alpha" in await refusal(session, "set_knob", run="a", knob="no", value=1)
        assert (await call(session, "write_note", run="a", text="seen"))["answer"] == "applied"
        assert (await call(session, "stop_training", run="a"))["answer"] == "applied"
    events = [event for event in Run.open(living / "a").events if event.kind == "command"]
    assert all(str(event.get("issuer")).endswith(" via mcp") for event in events)


async def test_nobody_answers_for_a_run_that_has_ended(tiny_run: RunPaths) -> None:
    async with client(tiny_run.root.parent, steer=True) as session:
        assert "no trainer answers" in await refusal(session, "pause_training", run="tiny-01")


async def test_the_program_speaks_the_protocol_on_stdio(tiny_run: RunPaths) -> None:
    words = ["-P", "-m", "asgml", "mcp", "--runs", str(tiny_run.root.parent)]
    parameters = StdioServerParameters(command=sys.executable, args=words)
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        greeted = await session.initialize()
        assert greeted.serverInfo.name == "asgml" and "never" in (greeted.instructions or "")
        assert (await call(session, "show_run"))["run"]["name"] == "tiny-01"


def test_what_cannot_be_served_is_one_line(
    asgml: Asgml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = asgml("mcp", "--runs", tmp_path / "none")
    assert said.code == NOT_FOUND and said.err.count("\n") == 1 and not said.out
    monkeypatch.setattr("asgml.app.mcp.sdk.ROOMS", ("no.such", "no.other"))
    said = asgml("mcp", "--runs", tmp_path)
    assert said.code == FAILED and "asgml[mcp]" in said.err and said.err.count("\n") == 1
