"""`asgml diagnose`: verdicts in words and as a picture, stored ones again, and what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from verdict_kit import STARVED, around, measured

from asgml.app.diagnosis.diagnosis_plan import (
    DiagnosisArguments,
    diagnosis_plan,
    folder_name,
    modalities_of,
)
from asgml.app.diagnosis.measurements import Measurements
from asgml.app.diagnosis.picture import ASCII, DiagnosisPicture, Signs
from asgml.app.diagnosis.stored import Diagnosis, write_diagnosis
from asgml.app.diagnosis.verdict import judge_data
from asgml.app.diagnosis.words import headline, next_command, sentences, verdict_to_json
from asgml.app.errors import NOT_FOUND, USAGE

Asgml = Callable[..., Any]
HELP = measured(**STARVED, joint=0.72, balanced=0.80, ensemble=0.83)
ONE = measured(alone=(0.90, 0.30), inside=(0.90, 0.30), joint=0.89, ensemble=0.85, balanced=0.88)
STRONG = measured(**STARVED, joint=0.85, balanced=0.78, ensemble=0.85)
LATE = measured(**STARVED, joint=0.78, balanced=0.78, ensemble=0.84)


def diagnosis(found: Measurements) -> Diagnosis:
    return Diagnosis("/data/my speech.npz", "", ("--epochs", "5"), found)


def stored(folder: Path, found: Measurements) -> Path:
    place = folder / "diagnosis-speech"
    place.mkdir(parents=True)
    whole = diagnosis(found)
    write_diagnosis(place, whole, verdict_to_json(whole, judge_data(found)))
    return place


@pytest.mark.parametrize(
    ("found", "words", "command"),
    [
        (HELP, "Balancing is likely to help", "--method boost"),
        (LATE, "Balancing is likely to help", "--method baseline --set fusion.kind=late_mean"),
        (measured(), "Nothing to balance", "--method baseline"),
        (ONE, "One modality is enough: audio", "--only audio"),
        (STRONG, "The strong side is right", "--method baseline"),
    ],
)
def test_a_verdict_has_a_headline_and_the_command_to_run_next(
    found: Measurements, words: str, command: str
) -> None:
    verdict = judge_data(found)
    assert headline(verdict) == words
    expected = f"asgml train --data '/data/my speech.npz' --epochs 5 {command}"
    assert next_command(diagnosis(found), verdict) == expected


def test_a_diagnosis_that_cannot_tell_says_how_many_seeds_would() -> None:
    one = measured(n=1)
    assert headline(judge_data(one)) == "Cannot tell with 1 seed; 3 would begin to"
    assert next_command(diagnosis(one), judge_data(one)).endswith("--method boost --seeds 3")
    two = measured(**STARVED, joint=0.7, balanced=0.9, ensemble=0.9, n=2)
    assert headline(judge_data(two)) == "Cannot tell with 2 seeds; 3 would begin to"
    assert "the balanced model against the joint one: cannot tell from 2 seeds" in sentences(
        two, judge_data(two)
    )
    wide = replace(measured(), joint={0: 0.6, 1: 0.75, 2: 0.9})
    verdict = judge_data(wide)
    assert headline(verdict) == f"Cannot tell with 3 seeds; about {verdict.needed} would"
    assert next_command(diagnosis(wide), verdict).endswith(f"--seeds {verdict.needed}")


def test_sentences_say_what_was_seen_with_its_error() -> None:
    lines = sentences(HELP, judge_data(HELP))
    assert lines[0] == "audio: 70.0 alone, 70.0 inside the joint model: not starved (+0.0 ±0.8)"
    assert lines[1].startswith("visual: 76.0 alone, 30.0 inside the joint model: starved by 46.0")
    assert lines[2].startswith("the balanced model is better than the joint one by 8.0 points (±")
    unseen = sentences(measured(), judge_data(measured()))[2]
    assert unseen.startswith("the balanced model against the joint one: no difference seen (+0.0 ±")


def test_missing_runs_and_untrained_networks_are_named() -> None:
    found = replace(HELP, missing={"joint-s1": "failed: no memory"}, joint=around(0.2),
                    balanced=around(0.2), ensemble=around(0.2))  # fmt: skip
    lines = sentences(found, judge_data(found))
    assert "no result of joint-s1: failed: no memory" in lines
    assert any(line.endswith("(76.0 against 20.0): train longer") for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("signs", [Signs(), ASCII])
def test_the_picture_has_a_row_for_each_modality_and_fits(width: int, signs: Signs) -> None:
    picture = DiagnosisPicture(HELP, judge_data(HELP), width, signs).text()
    audio, visual, axis, *legend = (line.plain for line in picture)
    assert signs.both in audio and signs.shaft not in audio
    assert visual.index(signs.inside) < visual.index(signs.shaft) < visual.rindex(signs.alone)
    assert (
        "76.0 → 30.0" in visual
        and axis.strip()[0].isdigit()
        and "balanced (boost) 80.0" in " ".join(legend)
    )
    assert all(len(row) <= max(width, 52) for row in (audio, visual, axis, *legend))


def test_fused_values_stand_in_their_order() -> None:
    row = DiagnosisPicture(HELP, judge_data(HELP), 100, Signs()).text()[0].plain
    assert row.index("│") < row.index("┃") < row.index("┆")


@pytest.mark.parametrize("gone", ["alone", "inside", "joint", "balanced", "ensemble"])
def test_a_picture_without_some_numbers(gone: str) -> None:
    nothing: Any = {m: {} for m in HELP.modalities} if gone in ("alone", "inside") else {}
    found = replace(HELP, **{gone: nothing}, chance=math.nan)
    assert DiagnosisPicture(found, judge_data(found), 80, Signs()).text()


def test_a_stored_diagnosis_is_printed_again(asgml: Asgml, tmp_path: Path) -> None:
    stored(tmp_path, HELP)
    said = asgml("diagnose", "diagnosis-speech", "--runs", tmp_path)
    assert said.code == 0 and said.out.startswith("Balancing is likely to help\n")
    assert said.out.rstrip().endswith("next: asgml train --data '/data/my speech.npz' --epochs 5 "
                                      "--method boost")  # fmt: skip
    record = asgml("diagnose", tmp_path / "diagnosis-speech", "--json").json
    assert record["verdict"] == "help" and record["starved"] == ["visual"]
    assert record["measurements"]["joint"]["0"] == pytest.approx(0.72)


def test_the_verdict_is_judged_again_and_not_believed(asgml: Asgml, tmp_path: Path) -> None:
    file = stored(tmp_path, HELP) / "diagnosis.json"
    record = json.loads(file.read_text())
    record["verdict"]["headline"] = "Buy more hardware"
    file.write_text(json.dumps(record))
    assert "hardware" not in asgml("diagnose", file.parent).out


def test_a_diagnosis_that_is_a_link_is_not_read(asgml: Asgml, tmp_path: Path) -> None:
    (tmp_path / "diagnosis.json").symlink_to(stored(tmp_path, HELP) / "diagnosis.json")
    said = asgml("diagnose", tmp_path)
    assert said.code == 3 and "is a link" in said.err and said.out == ""


def test_hostile_names_are_not_raw(asgml: Asgml, tmp_path: Path) -> None:
    name = "\x1b[31mv"
    found = replace(
        HELP,
        modalities=(name,),
        alone={name: HELP.alone["visual"]},
        inside={name: HELP.inside["visual"]},
        missing={"\x1b]0;x": "[red]no"},
    )
    said = asgml("diagnose", stored(tmp_path, found))
    assert "\x1b" not in said.out and "[red]no" in said.out


@pytest.mark.parametrize("text", ["", "{", "[]", '{"data": 3}', "\x00"])
def test_a_damaged_diagnosis_is_one_line(asgml: Asgml, tmp_path: Path, text: str) -> None:
    (tmp_path / "diagnosis.json").write_text(text)
    said = asgml("diagnose", tmp_path)
    assert said.code == NOT_FOUND and said.err.count("\n") == 1 and "diagnosis" in said.err


def test_no_diagnosis_there(asgml: Asgml, tmp_path: Path) -> None:
    assert asgml("diagnose", "nothing", "--runs", tmp_path).code == NOT_FOUND
    assert asgml("diagnose", tmp_path).code == NOT_FOUND


def test_what_is_refused_before_anything_is_trained(asgml: Asgml, tmp_path: Path) -> None:
    nothing = ("--runs", tmp_path / "none")
    assert asgml("diagnose", *nothing).code == USAGE
    unknown = asgml("diagnose", "--data", "synthetic", "--method", "x", *nothing)
    assert unknown.code == USAGE and "unknown method 'x'" in unknown.err
    alone = asgml("diagnose", "--data", "synthetic", "--set", "modalities=audio", *nothing)
    assert alone.code == USAGE and not (tmp_path / "none").exists()
    assert asgml("diagnose", tmp_path, "--data", "synthetic").code == USAGE


def test_the_plan_trains_the_same_budget_and_never_reads_test() -> None:
    plan = diagnosis_plan(DiagnosisArguments("synthetic", epochs=7, seeds=2), "mmpareto")
    trained = [cell.settings for cell in plan.cells if not cell.ensemble]
    assert modalities_of(plan) == ("audio", "visual")
    assert {each.epochs for each in trained} == {7}
    assert {each.eval.test for each in trained} == {"never"}
    assert {each.early_stopping.patience for each in trained} == {10}
    assert [cell.settings.method for cell in plan.cells if cell.label == "balanced"] == [
        "mmpareto",
        "mmpareto",
    ]
    assert all(len(cell.after) == 2 for cell in plan.cells if cell.label == "joint")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("/data/mosi.npz", "diagnosis-mosi"),
        ("synthetic", "diagnosis-synthetic"),
        ("cremad:/data/CREMA-D/", "diagnosis-crema-d"),
        ("/code/mine.py:Data", "diagnosis-data"),
        ("../../etc", "diagnosis-etc"),
    ],
)
def test_the_folder_is_named_after_the_data(data: str, name: str) -> None:
    assert folder_name(data) == name


@pytest.mark.slow
def test_a_whole_diagnosis(asgml: Asgml, tmp_path: Path) -> None:
    given = ("--data", "synthetic", "--epochs", 2, "--seeds", 2, "--runs", tmp_path)
    said = asgml("diagnose", *given, "--json")
    assert said.code == 0 and said.json["measurements"]["missing"] == {}
    found = said.json["measurements"]
    assert set(found["alone"]) == set(found["inside"]) == {"audio", "visual"}
    assert set(found["ensemble"]) == {"0", "1"}
    again = asgml("diagnose", *given, "--json")
    assert again.json == said.json
    assert (
        len([path for path in (tmp_path / "diagnosis-synthetic").iterdir() if path.is_dir()]) == 9
    )
