"""Plans: the file, its rows and cells, the shipped ones, and errors that name the place."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.app.arguments import TrainArguments
from asgml.app.configure import build
from asgml.app.errors import NotFoundError, UserError
from asgml.app.new_run import make_run
from asgml.app.plans.cells import Cell, ResolvedPlan
from asgml.app.plans.names import run_name, slugs
from asgml.app.plans.plan_file import check_plan, parse_plan, plan_names, plan_summaries, read_plan
from asgml.app.plans.resolution import check_data, resolve
from asgml.app.plans.row_settings import Overrides, Tuned
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import TEACHERS
from asgml.storage.runs.settings import cell_digest, flatten
from asgml.storage.runs.trials import trial_name

ROW = '[[row]]\nlabel = "A"\n'
ONLY = "[[row]]\nlabel = 'Only'\nalone = true\n"
EXAMPLE = """
title = "Boost beside OGM-GE"
recipe = "cremad-3f"            # protocol, network, epochs
data = "…"                       # or given with --data
seeds = [0, 1, 2, 3, 4]
metric = "chosen_test_accuracy"  # test of the epoch that validation chose; read once
baseline = "Baseline"            # the row that the others are paired with
[[row]]
label = "Baseline"
set = { method = "baseline" }
[[row]]
label = "Boost, alpha"
set = { method = "boost" }
grid = { "boost.alpha" = [0.1, 0.25, 0.5, 0.75, 1.0] }   # one row for each
[tune]                           # optional: the same budget for every row, on validation
trials = 8
keys = { "optimizer.lr" = { low = 1e-4, high = 1e-1, log = true } }
seeds = [100, 101]
"""


def resolved(text: str, given: Overrides | None = None, **tuned: Tuned) -> ResolvedPlan:
    return resolve(parse_plan(text, "mine"), given, tuned)


def by_label(plan: ResolvedPlan, label: str) -> list[Cell]:
    return [cell for cell in plan.cells if cell.label == label]


@pytest.fixture
def three(tmp_path: Path) -> str:
    """A file of arrays with three modalities."""
    path = tmp_path / "three.npz"
    arrays = {m: np.zeros((2, 3), np.float32) for m in ("text", "sound", "face")}
    np.savez(path, label=np.zeros(2, np.int64), split=np.array(["train", "test"]), **arrays)
    return str(path)


# -- the file -----------------------------------------------------------------------------


def test_the_example_of_the_format_is_a_plan(tmp_path: Path) -> None:
    (tmp_path / "CREMA-D" / "AudioWAV").mkdir(parents=True)
    plan = resolved(EXAMPLE, Overrides(data=str(tmp_path / "CREMA-D")))
    alphas = ["0.1", "0.25", "0.5", "0.75", "1"]
    assert [row.label for row in plan.rows] == ["Baseline", *(f"Boost, alpha {a}" for a in alphas)]
    assert [(cell.row, cell.seed) for cell in plan.cells] == [
        (row, seed) for row in range(6) for seed in range(5)
    ]
    cell = by_label(plan, "Boost, alpha 0.75")[2]
    flat = flatten(cell.settings.model_dump())
    assert (flat["boost.alpha"], flat["seed"], flat["method"]) == (0.75, 2, "boost")
    assert flat["data.options.frames"] == 3  # of the recipe
    assert flat["data.name"] == f"cremad:{tmp_path}/CREMA-D"
    assert plan.metric == "test_accuracy_at_best_val" and plan.record().baseline == "Baseline"
    assert plan.source == EXAMPLE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = [[[", ["plan mine", "TOML"]),
        ("", ["row is missing"]),
        ("row = 1", ["row = 1", "list"]),
        (f"foo = 1\n{ROW}", ["unknown key 'foo'", "recipe"]),
        (f"title = 3\n{ROW}", ["title = 3"]),
        (f"seeds = 0\n{ROW}", ["seeds", "0 seeds"]),
        (f"seeds = true\n{ROW}", ["seeds"]),
        (f"seeds = [1, 1]\n{ROW}", ["seeds", "twice"]),
        (f"seeds = [-1]\n{ROW}", ["seeds", "-1"]),
        (f"metric = 'accuracy'\n{ROW}", ["metric", "'accuracy'", "val_accuracy"]),
        (f"metric = 'val_own_accuracy'\n{ROW}", ["val_own_accuracy/MODALITY"]),
        ("[[row]]\nset = { lr = 1 }", ["row 1", "label is missing"]),
        (
            f"{ROW}[[row]]\nlabel = 'B'\nsett = {{ lr = 1 }}",
            ["row 2 'B'", "'sett'", "did you mean"],
        ),
        ('[[row]]\nlabel = "a\\u001bb"', ["row 1", "printable"]),
        (f"title = 'a\u2028b'\n{ROW}", ["title", "printable"]),
        (f"{ROW}grid = {{ lr = 1 }}", ["row 1 'A'", "lr = 1", "list"]),
        (f"{ROW}grid = {{ lr = [] }}", ["row 1 'A'", "list"]),
        (f"{ROW}grid = {{ lr = [1, 1] }}", ["row 1 'A'", "twice"]),
        (f"{ROW}ensemble = ['B']", ["row 1 'A'", "two rows"]),
        (f"{ROW}ensemble = ['B', 'C']\nset = {{ lr = 1 }}", ["row 1 'A'", "leave out set"]),
        (f"{ROW}alone = 3", ["row 1 'A'", "alone"]),
        (f"{ROW}references = 'yes'", ["row 1 'A'", "references"]),
        (f"{ROW}[tune]\ntrials = 3", ["tune", "keys is missing"]),
        (f"{ROW}[tune]\ntrials = 0\nkeys = {{ lr = {{ low = 1, high = 2 }} }}", ["trials = 0"]),
        (f"{ROW}[tune]\ntrials = 2\nkeys = {{ lr = 1 }}", ["tune", "keys.lr = 1"]),
        (f"{ROW}[tune]\ntrials = 2\nkeys = {{ lr = {{ lo = 1, high = 2 }} }}", ["'lo'", "low"]),
        (f"{ROW}[tune]\ntrials = 2\nkeys = {{ lr = {{ low = 2, high = 1 }} }}", ["low = 2"]),
        (
            f"{ROW}[tune]\ntrials = 2\nkeys = {{ lr = {{ low = 0, high = 1, log = true }} }}",
            ["log"],
        ),
        (f"{ROW}[tune]\ntrials = 2\nkeys = {{ lr = {{ low = 0 }} }}", ["low and high, or choices"]),
    ],
)
def test_a_file_with_a_fault_is_refused_with_its_place(text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        parse_plan(text, "mine")
    message = str(caught.value)
    assert "\n" not in message and message.startswith("plan mine: ")
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{ROW}set = {{ boost.alpah = 1 }}", ["row 'A'", "boost.alpah", "boost.alpha"]),
        (f"set = {{ boost.alpah = 1 }}\n{ROW}", ["set of the plan", "boost.alpah"]),
        (f"{ROW}grid = {{ boost.alpha = [1, 7] }}", ["row 'A, alpha 7'", "boost.alpha = 7"]),
        (f"{ROW}set = {{ lr = nan }}", ["row 'A'", "optimizer.lr"]),
        (f"{ROW}set = {{ method = 'bost' }}", ["row 'A'", "bost", "boost"]),
        (
            f"{ROW}set = {{ method = 'baseline', boost.alpha = 1 }}",
            ["row 'A'", "boost.alpha", "no effect", "baseline"],
        ),
        (f"{ROW}{ROW}", ["two rows", "'A'"]),
        (f"baseline = 'B'\n{ROW}", ["baseline = 'B'", "there are A"]),
        (f"{ROW}references = true", ["alone = true"]),
        (f"{ROW}[[row]]\nlabel = 'E'\nensemble = ['A', 'B']", ["row 'E'", "'B'", "no row"]),
        (
            f"{ROW}[[row]]\nlabel = 'E'\nensemble = ['A', 'F']\n"
            "[[row]]\nlabel = 'F'\nensemble = ['A', 'E']",
            ["row 'E'", "'F'", "ensemble itself"],
        ),
        (
            f"set = {{ data.options.modalities = 3 }}\n{ROW}alone = true",
            ["modalities of synthetic", "alone ="],
        ),
        (
            f"{ROW}references = true\n[[row]]\nlabel = 'O'\nalone = true\ngrid = {{ lr = [1, 2] }}",
            ["'O audio, lr 1'", "'O audio, lr 2'"],
        ),
    ],
)
def test_a_row_with_a_fault_is_named(text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        resolved(text)
    message = str(caught.value)
    assert "\n" not in message and message.startswith("plan mine")
    assert all(word in message for word in words), message


@pytest.mark.parametrize("text", [f"recipe = 'cremd'\n{ROW}", f"data = 'no.npz'\n{ROW}"])
def test_a_recipe_or_data_that_is_not_there_is_not_found(text: str) -> None:
    with pytest.raises(NotFoundError, match="plan mine"):
        resolved(text)


@pytest.mark.parametrize("ref", ["ablatoin", "./no.toml"])
def test_a_plan_that_is_not_there_is_not_found(ref: str) -> None:
    with pytest.raises(NotFoundError, match="plan"):
        read_plan(ref)


def test_a_plan_of_ones_own_is_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(ROW, encoding="utf-8")
    plan = read_plan(str(tmp_path / "mine.toml"))
    assert (plan.name, plan.title, plan.seeds) == ("mine", "mine", (0, 1, 2))
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"mine\.toml"):
        read_plan(str(tmp_path / "mine.toml"))


# -- rows and cells -----------------------------------------------------------------------


def test_a_grid_has_a_row_for_each_combination() -> None:
    plan = resolved(f"seeds = 1\n{ROW}grid = {{ lr = [0.1, 0.2], boost.schedule = ['linear'] }}")
    assert [row.label for row in plan.rows] == [
        "A, lr 0.1, schedule linear",
        "A, lr 0.2, schedule linear",
    ]
    assert plan.rows[1].settings == {"optimizer.lr": 0.2, "boost.schedule": "linear"}


def test_each_modality_of_the_data_is_a_row_alone(three: str) -> None:
    text = f"seeds = 2\n{ROW}alone = true\n[[row]]\nlabel = 'B'\nalone = 'face'\nset.epochs = 3"
    plan = resolved(text, Overrides(data=three))
    assert [row.label for row in plan.rows] == ["A text", "A sound", "A face", "B"]
    cell = by_label(plan, "A sound")[0]
    assert (cell.settings.modalities, cell.settings.method) == (["sound"], "baseline")
    assert by_label(plan, "B")[0].settings.modalities == ["face"]


def test_references_are_the_runs_alone_with_the_same_seed(three: str) -> None:
    text = f"seeds = 2\n[[row]]\nlabel = 'Joint'\nreferences = true\n{ONLY}"
    plan = resolved(text, Overrides(data=three))
    for cell in by_label(plan, "Joint"):
        expected = {m: f"only-{m}-s{cell.seed}" for m in ("text", "sound", "face")}
        assert cell.settings.references == expected
        assert cell.after == tuple(expected.values())
    assert {cell.run for cell in by_label(plan, "Only face")} == {"only-face-s0", "only-face-s1"}


def test_an_ensemble_trains_nothing_and_waits_for_its_members(three: str) -> None:
    text = "seeds = 2\n[[row]]\nlabel = 'E'\nensemble = {}\n" + ONLY
    each = resolved(text.format("'each_modality'"), Overrides(data=three))
    cell = by_label(each, "E")[1]
    assert cell.ensemble == cell.after == ("only-text-s1", "only-sound-s1", "only-face-s1")
    assert each.rows[0].settings == {"ensemble": ["Only text", "Only sound", "Only face"]}
    two = resolved(text.format("['Only text', 'Only face']"), Overrides(data=three))
    assert by_label(two, "E")[0].ensemble == ("only-text-s0", "only-face-s0")
    assert by_label(two, "E")[0].digest != by_label(each, "E")[0].digest
    all_of_a_row = resolved(text.format("['Only', 'Only face']"), Overrides(data=three))
    assert by_label(all_of_a_row, "E")[0].ensemble == by_label(each, "E")[0].ensemble
    digests = {cell.digest for cell in each.cells}
    assert len(digests) == len(each.cells)


def test_cells_of_equal_settings_share_a_run() -> None:
    plan = resolved(f"{ROW}[[row]]\nlabel = 'B'\ngrid = {{ alpha = [0.5, 0.75] }}")
    assert [cell.run for cell in by_label(plan, "B, alpha 0.5")] == ["a-s0", "a-s1", "a-s2"]
    assert by_label(plan, "B, alpha 0.75")[0].run == "b-alpha-0.75-s0"
    runs = {cell.run: cell.digest for cell in plan.cells}
    assert len(set(runs.values())) == len(runs) == 6


def test_the_command_line_wins() -> None:
    given = Overrides(
        recipe="demo", data="synthetic", seeds=(7,), sets=("lr=0.5", "epochs=9"), epochs=4
    )
    text = f"recipe = 'cremad-1f'\ndata = 'no.npz'\nset = {{ lr = 1 }}\n{ROW}set = {{ lr = 2 }}"
    (cell,) = resolved(text, given).cells
    assert (cell.seed, cell.settings.seed, cell.settings.epochs) == (7, 7, 4)
    assert cell.settings.optimizer.lr == 0.5 and cell.settings.data.name == "synthetic"
    assert cell.settings.probe.eval_freq == 5  # of the recipe


def test_what_tuning_chose_is_set_and_recorded() -> None:
    tuned = Tuned({"optimizer.lr": 0.25}, {"trials": 3})
    plan = resolved(
        f"set = {{ lr = 1 }}\n{ROW}set = {{ lr = 2 }}\n{ROW.replace('A', 'B')}", A=tuned
    )
    assert by_label(plan, "A")[0].settings.optimizer.lr == 0.25
    assert by_label(plan, "B")[0].settings.optimizer.lr == 1
    assert plan.rows[0].tuned == {"trials": 3} and plan.rows[1].tuned == {}
    assert plan.rows[0].settings == {"optimizer.lr": 0.25}


@pytest.mark.parametrize("sets", [(), ("encoder.audio=mlp", "data.options.train=64")])
def test_the_run_of_a_cell_has_the_digest_of_the_cell(tmp_path: Path, sets: tuple[str]) -> None:
    plan = resolved(f"seeds = 2\n{ROW}", Overrides(sets=sets))
    for cell in plan.cells:
        paths = make_run(cell.settings.model_dump(), tmp_path, cell.run)
        stored = tomllib.loads(paths.config.read_text(encoding="utf-8"))
        assert cell_digest(flatten(stored)) == cell.digest


def test_a_row_is_what_train_makes_of_the_same_words() -> None:
    plan = resolved(f"recipe = 'demo'\n{ROW}set = {{ method = 'boost', alpha = 0.75 }}")
    arguments = TrainArguments(recipe="demo", sets=["method=boost", "alpha=0.75"], seed=2)
    assert plan.cells[2].settings == build(arguments).config()


def test_data_that_nobody_names_is_asked_for() -> None:
    with pytest.raises(UserError, match="--data"):
        check_data(resolved(ROW))
    with pytest.raises(UserError, match="--data cremad:PATH"):
        check_data(resolved(f"recipe = 'cremad-1f'\n{ROW}"))
    check_data(resolved(f"data = 'synthetic'\n{ROW}"))


# -- names --------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=60), max_size=8, unique=True))
def test_names_of_runs_are_different_short_and_safe(labels: list[str]) -> None:
    rows = slugs(labels)
    names = [run_name(row, seed) for row in rows for seed in (0, 1)]
    names += [trial_name(row, trial, 0) for row in rows for trial in (0, 1)]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,70}", name) for name in names), names


def test_names_can_be_read() -> None:
    labels = ["Boost + OGM-GE", "Boost + OGM-GE, alpha 0.25", "Größe", "tune me", "日本", "Größe!"]
    assert slugs(labels) == [
        "boost-ogm-ge",
        "boost-ogm-ge-alpha-0.25",
        "groe",
        "row-tune-me",
        "row",
        "groe-2",
    ]


# -- the shipped plans --------------------------------------------------------------------


@pytest.mark.parametrize("name", plan_names())
def test_every_shipped_plan_is_valid_and_says_what_it_is_for(name: str) -> None:
    plan = resolve(read_plan(name))
    assert len(plan_summaries()[name]) > 40 and plan.title != name
    assert plan.baseline in {row.label for row in plan.rows}
    tomllib.loads(tomli_w.dumps(plan.cells[0].settings.model_dump()))


def varied(plan: ResolvedPlan, key: str) -> set[object]:
    """The values of a setting among the cells that train."""
    return {flatten(cell.settings.model_dump())[key] for cell in plan.cells if not cell.ensemble}


def methods_of(plan: ResolvedPlan) -> set[str]:
    return {str(method) for method in varied(plan, "method")}


@pytest.mark.parametrize("name", ["ablation", "demo-ablation"])
def test_the_ablation_has_the_eleven_rows_of_the_design_document(name: str) -> None:
    plan = resolve(read_plan(name))
    assert methods_of(plan) == {"baseline", "ogm_ge", "boost", "ogm_ge+boost", "boost+cggm"}
    for key, least in (("boost.alpha", 3), ("boost.scale_max", 2), ("probe.eval_freq", 2)):
        assert len(varied(plan, key)) >= least, key
    assert varied(plan, "probe.type") == {"linear", "mlp_1layer"}
    assert varied(plan, "boost.ema_alpha") == {0.3, 1.0}
    assert varied(plan, "probe.split_batch") == {True, False}


def test_every_limit_of_the_ablation_acts() -> None:
    """Below 1 + alpha, where two limits that are not would train the same numbers twice."""
    for name in ("ablation", "scale-max"):
        trained = [flatten(cell.settings.model_dump()) for cell in resolve(read_plan(name)).cells]
        varying = [one for one in trained if one["boost.alpha"] == 1.5]
        idle = {one["boost.scale_max"] for one in varying if one["boost.scale_max"] > 2.5}
        assert varying and not idle


@pytest.mark.parametrize("frames", [1, 3])
def test_the_tables_of_the_design_document(frames: int) -> None:
    plan = resolve(read_plan(f"table-{frames}f"))
    assert varied(plan, "data.options.frames") == {frames} and len(plan.seeds) == 5
    assert methods_of(plan) == {"baseline", "ogm_ge", "boost", "ogm_ge+boost"}


def names_in(methods: Iterable[str]) -> set[str]:
    return {name for method in methods for name in method.split("+")}


def test_all_methods_has_every_method_of_the_registry() -> None:
    plan = resolve(read_plan("all-methods"))
    assert names_in(methods_of(plan)) == set(METHODS)
    for cell in plan.cells:
        for method in cell.settings.methods:
            if method.fusion:
                assert cell.settings.fusion.kind == method.fusion, method.name
            if TEACHERS in method.required(cell.settings.section(method.name)):
                assert set(cell.settings.references) == {"audio", "visual"}, method.name


def test_resolving_a_plan_loads_no_torch_nor_zarr(three: str) -> None:
    code = (
        "import sys; from asgml.app.plans.plan_file import read_plan; "
        "from asgml.app.plans.resolution import resolve; "
        "from asgml.app.plans.row_settings import Overrides; "
        f"resolve(read_plan('evidence'), Overrides(data={three!r})); "
        "print([m for m in ('torch', 'zarr', 'scipy', 'optuna', 'textual') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


# -- any file at all ----------------------------------------------------------------------

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("A")
)
OF_A_PLAN = ("name", "title", "recipe", "data", "set", "seeds", "metric", "baseline", "row", "tune")
OF_A_ROW = ("label", "grid", "alone", "ensemble", "references")
OF_TUNING = ("trials", "keys", "low", "high", "log", "step", "choices", "sampler", "rows")
KEYS = st.sampled_from((*OF_A_PLAN, *OF_A_ROW, *OF_TUNING, "method", "boost", "alpha"))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=50)
@given(
    st.dictionaries(KEYS, TREES, max_size=4),
    st.lists(st.dictionaries(KEYS, TREES, max_size=4), min_size=1, max_size=2),
)
def test_whatever_a_file_holds_it_is_a_plan_or_one_line(
    tree: dict[str, Any], rows: list[dict[str, Any]]
) -> None:
    labelled = [{"label": f"row {number}", **row} for number, row in enumerate(rows)]
    for given_rows in (tree.get("row"), labelled):
        try:
            resolve(check_plan({**tree, "row": given_rows}, "mine"))
        except UserError as error:
            assert "\n" not in str(error) and str(error).startswith("plan mine"), error


def test_a_grid_beyond_all_bounds_is_counted_not_made() -> None:
    values = [n / 1000 for n in range(1, 400)]
    grid = {key: values for key in ("boost.alpha", "optimizer.lr", "optimizer.momentum")}
    plan = check_plan({"row": [{"label": "a", "set": {"method": "boost"}, "grid": grid}]}, "big")
    with pytest.raises(UserError, match="63521199 rows; expected at most"):
        resolve(plan, Overrides(data="synthetic"))
