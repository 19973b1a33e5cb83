"""Recipes, --set and flags make the configuration; each value knows where it came from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.app.arguments import TrainArguments
from asgml.app.configure import build, build_to_train
from asgml.app.data_spec import is_from_files, names_from_files
from asgml.app.draft import Draft
from asgml.app.errors import NotFoundError, UserError
from asgml.app.keys import flatten, parse_value
from asgml.app.recipes import recipe_file, recipe_names, summary_of
from asgml.core.config.run_config import RunConfig, known_keys, make_config
from asgml.core.methods.registry import METHODS


def origin_and_value(arguments: TrainArguments) -> dict[str, tuple[Any, str]]:
    return {key: (value, origin) for key, value, origin in build(arguments).rows()}


def test_without_anything_every_value_is_the_default() -> None:
    rows = build(TrainArguments()).rows()
    assert {origin for _, _, origin in rows} == {"default"}
    assert [(key, value) for key, value, _ in rows] == flatten(RunConfig().model_dump())


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_is_valid_and_says_what_it_is_for(name: str) -> None:
    assert build(TrainArguments(recipe=name)).config()
    assert len(summary_of(recipe_file(name))) > 20


def test_later_layers_win_and_are_named() -> None:
    found = origin_and_value(
        TrainArguments(recipe="demo", epochs=3, sets=("epochs=7", "seed=1", "seed=2"))
    )
    assert found["epochs"] == (3, "--epochs")
    assert found["seed"] == (2, "--set seed=2")
    assert found["optimizer.lr"][1] == "recipe demo"
    assert found["loss.gamma"][1] == "default"


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("alpha=0.75", "boost.alpha", 0.75),
        ("boost.alpha=0.75", "boost.alpha", 0.75),
        ("lr=0.5", "optimizer.lr", 0.5),
        ("momentum=0.5", "optimizer.momentum", 0.5),
        ("encoder=conv", "encoder.default", "conv"),
        ("encoder.audio=conv", "encoder.audio", "conv"),
        ("fusion=sum", "fusion.kind", "sum"),
        ("data.options.difficulty=0.3", "data.options.difficulty", 0.3),
        ("probe.enabled=false", "probe.enabled", False),
    ],
)
def test_set_finds_the_key(text: str, key: str, value: object) -> None:
    method = "baseline" if key == "probe.enabled" else None
    assert origin_and_value(TrainArguments(sets=(text,), method=method))[key] == (
        value,
        f"--set {text}",
    )


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("boost", "boost.strength"),
        ("ogm_ge", "ogm_ge.strength"),
        ("ogm_ge+boost", "boost.strength"),
    ],
)
def test_a_bare_name_means_a_setting_of_the_methods_in_use(method: str, key: str) -> None:
    for arguments in (
        TrainArguments(method=method, sets=("strength=0.5",)),
        TrainArguments(sets=("strength=0.5", f"method={method}")),
    ):
        given = {
            key
            for key, (_, origin) in origin_and_value(arguments).items()
            if origin == "--set strength=0.5"
        }
        assert given == {key}


def test_every_known_key_can_be_set_by_its_full_name() -> None:
    defaults = dict(flatten(RunConfig().model_dump()))
    for key in known_keys():
        if key in defaults and defaults[key] not in ("", {}):
            draft = Draft()
            draft.put(key, defaults[key], "test")
            assert draft.values == {key: defaults[key]}
            assert draft.config() == RunConfig()


def test_one_encoder_for_all_forgets_what_was_said_of_single_modalities() -> None:
    found = origin_and_value(
        TrainArguments(sets=("encoder.audio=mlp", "encoder=conv", "encoder.visual=resnet18"))
    )
    encoders = {key: value for key, (value, _) in found.items() if key.startswith("encoder.")}
    assert encoders == {"encoder.default": "conv", "encoder.visual": "resnet18"}


def test_one_modality_alone_is_trained_by_the_baseline_unless_another_method_is_named() -> None:
    found = origin_and_value(TrainArguments(recipe="demo", only="audio"))
    assert found["modalities"] == (["audio"], "--only")
    assert found["method"] == ("baseline", "--only")
    flag = TrainArguments(only="audio", method="uniform")
    setting = TrainArguments(only="audio", sets=("method=uniform",))
    for arguments in (flag, setting):
        assert origin_and_value(arguments)["method"][0] == "uniform"
    assert build(TrainArguments(only="audio,visual")).config().method == "ogm_ge+boost"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (TrainArguments(sets=("boost.alpah=1",)), ["boost.alpah", "boost.alpha"]),
        (TrainArguments(sets=("optimizer=sgd",)), ["section", "optimizer.lr"]),
        (TrainArguments(sets=("name=x",)), ["ambiguous", "data.name"]),
        (TrainArguments(sets=("epochs",)), ["KEY=VALUE"]),
        (TrainArguments(sets=("epochs=0",)), ["epochs = 0", "--set epochs=0"]),
        (TrainArguments(method="bost"), ["bost", "boost"]),
        (TrainArguments(modulator="mine.py"), ["FILE.py:CLASS"]),
    ],
)
def test_errors_are_one_line_that_names_what_was_given_and_what_helps(
    arguments: TrainArguments, words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        build(arguments)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    "arguments",
    [
        TrainArguments(recipe="dmeo"),
        TrainArguments(recipe="./no.toml"),
        TrainArguments(data="no.npz"),
        TrainArguments(modulator="no.py:A"),
    ],
)
def test_what_does_not_exist_is_not_found(arguments: TrainArguments) -> None:
    with pytest.raises(NotFoundError):
        build(arguments)


def test_a_recipe_of_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        '# Mine.\nepochs = 5\ndata = "synthetic"\n'
        '[encoder]\naudio = "conv"\n[boost]\nalpha = 1.0\n',
        encoding="utf-8",
    )
    found = origin_and_value(TrainArguments(recipe=str(mine)))
    assert (
        found["epochs"][0] == 5
        and found["encoder.audio"][0] == "conv"
        and found["boost.alpha"][0] == 1.0
    )
    mine.write_text("epochs = [", encoding="utf-8")
    with pytest.raises(UserError, match=r"mine\.toml"):
        build(TrainArguments(recipe=str(mine)))


def test_a_relative_data_path_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set.npz").touch()
    monkeypatch.chdir(tmp_path)
    assert origin_and_value(TrainArguments(data="set.npz"))["data.name"][0] == str(
        tmp_path / "set.npz"
    )


def test_a_folder_called_synthetic_does_not_hide_the_built_in_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "synthetic").mkdir()
    monkeypatch.chdir(tmp_path)
    assert origin_and_value(TrainArguments(data="synthetic"))["data.name"][0] == "synthetic"


def data_of(data: str | None, recipe: str | None = None, *sets: str) -> str:
    return str(
        origin_and_value(TrainArguments(recipe=recipe, data=data, sets=sets))["data.name"][0]
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with CREMA-D's layout below the current directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "CREMA-D" / "AudioWAV").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "CREMA-D"


@pytest.mark.parametrize("name", names_from_files())
def test_a_path_behind_a_name_becomes_absolute(folder: Path, name: str) -> None:
    assert (
        data_of(f"{name}:CREMA-D")
        == data_of(f"{name}:{folder}")
        == data_of(f"{name}:./elsewhere/../CREMA-D")
        == f"{name}:{folder}"
    )


def test_a_path_alone_is_what_the_recipe_means_else_what_its_layout_tells(
    folder: Path, tmp_path: Path
) -> None:
    assert (
        data_of("CREMA-D")
        == data_of("CREMA-D", "published")
        == data_of("CREMA-D", "cremad-1f")
        == f"cremad:{folder}"
    )
    assert data_of("elsewhere", "cremad-1f") == f"cremad:{tmp_path / 'elsewhere'}"
    assert data_of("CREMA-D", "cremad-1f", "data=ave") == f"ave:{folder}"
    assert data_of("ave:CREMA-D", "cremad-1f") == f"ave:{folder}"
    assert data_of("synthetic", "cremad-1f") == "synthetic"


def test_the_folder_of_an_earlier_run_gives_way_to_that_of_the_flag(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "run.toml").write_text(
        '[data]\nname = "cremad:/gone/with/the/disk"\n', encoding="utf-8"
    )
    assert data_of("elsewhere", str(tmp_path / "run.toml")) == f"cremad:{tmp_path / 'elsewhere'}"
    with pytest.raises(NotFoundError, match="/gone/with/the/disk"):
        build(TrainArguments(recipe=str(tmp_path / "run.toml")))


@pytest.mark.parametrize("name", names_from_files())
def test_files_that_nobody_has_named_are_asked_for_before_a_run_is_made(
    folder: Path, name: str
) -> None:
    build(TrainArguments(data=name))
    for arguments in (TrainArguments(data=name), TrainArguments(sets=(f"data={name}",))):
        with pytest.raises(UserError, match=f"--data {name}:PATH"):
            build_to_train(arguments)
    assert build_to_train(TrainArguments(data=f"{name}:{folder}"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("cremad:", ["cremad:PATH"]),
        ("cremadd:CREMA-D", ["cremadd", "did you mean cremad"]),
        ("synthetic:CREMA-D", ["just synthetic"]),
        ("elsewhere", ["no Zarr group", "cremad:"]),
        ("cremad:nowhere", ["there is no nowhere"]),
    ],
)
def test_data_that_cannot_be_meant_is_refused_with_what_can(
    folder: Path, data: str, words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        build(TrainArguments(data=data))
    assert "\n" not in str(caught.value) and all(word in str(caught.value) for word in words), (
        caught.value
    )


def test_allow_missing_is_an_option_of_data_that_is_read_clip_by_clip(
    folder: Path, tmp_path: Path
) -> None:
    found = origin_and_value(TrainArguments(recipe="cremad-1f", data="CREMA-D", allow_missing=True))
    assert found["data.options.allow_missing"] == (True, "--allow-missing")
    (tmp_path / "mine.npz").touch()
    for data in ("synthetic", "mine.npz", "mosi:mine.npz"):
        with pytest.raises(UserError, match="--allow-missing"):
            build(TrainArguments(data=data, allow_missing=True))


@pytest.mark.parametrize("name", recipe_names())
def test_the_loader_takes_every_option_that_a_recipe_gives(tmp_path: Path, name: str) -> None:
    """It gets as far as the files, which are not there."""
    from asgml.core.data.base import DataError, load_data

    data = build(TrainArguments(recipe=name)).config().data
    if is_from_files(data.name):
        with pytest.raises(DataError) as caught:
            load_data(f"{data.name}:{tmp_path}", data.options, data.seed)
        assert "option" not in str(caught.value).partition(";")[0], caught.value


def test_a_setting_of_an_unused_method_is_idle() -> None:
    assert build(TrainArguments(method="baseline", sets=("boost.alpha=1",))).idle() == [
        "boost.alpha"
    ]
    assert build(TrainArguments(method="boost", sets=("boost.alpha=1",))).idle() == []


@given(st.text())
def test_any_text_is_a_value(text: str) -> None:
    parse_value(text)


@given(st.one_of(st.integers(-(2**62), 2**62), st.floats(allow_nan=False), st.booleans()))
def test_numbers_and_booleans_are_read_as_such(value: float | int | bool) -> None:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    assert parse_value(text) == value and type(parse_value(text)) is type(value)


def test_a_value_cannot_smuggle_a_second_key_in() -> None:
    assert parse_value("1\nseed = 2") == "1\nseed = 2"


def test_what_run_toml_holds_makes_the_same_configuration(tmp_path: Path) -> None:
    import tomli_w

    config = build(
        TrainArguments(recipe="demo", sets=("encoder.audio=conv", "data.options.x=[1, 2]"))
    ).config()
    assert make_config(tomllib.loads(tomli_w.dumps(config.model_dump()))) == config


# -- what a method was published with ---------------------------------------------------


def test_a_method_sets_what_it_was_published_with_and_says_so() -> None:
    rows = origin_and_value(TrainArguments(method="mmpareto"))
    assert rows["fusion.alone"] == ("heads", "method mmpareto")
    assert rows["fusion.kind"][1] == "default"
    assert build(TrainArguments(method="mmpareto")).config().model_dump()["fusion"]["alone"] == (
        "heads"
    )


@pytest.mark.parametrize("given", ["split", "ablation", "heads"])
def test_what_the_user_gives_counts(given: str) -> None:
    arguments = TrainArguments(method="mmpareto", sets=[f"fusion.alone={given}"])
    rows = origin_and_value(arguments)
    assert rows["fusion.alone"] == (given, f"--set fusion.alone={given}")


def test_a_fusion_by_its_bare_name_keeps_what_the_method_sets() -> None:
    rows = origin_and_value(TrainArguments(method="mmpareto", sets=["fusion=film"]))
    assert rows["fusion.kind"][0] == "film" and rows["fusion.alone"][0] == "heads"
    assert make_config({"method": "mmpareto", "fusion": "sum"}).fusion.alone == "heads"


@pytest.mark.parametrize(
    ("sets", "threshold", "origin"),
    [
        ([], 0.05, "default"),
        (["inforeg.variant=paper"], 0.04, "method inforeg"),
        (["inforeg.variant=paper", "inforeg.threshold=0.3"], 0.3, "--set inforeg.threshold=0.3"),
    ],
)
def test_a_setting_may_follow_another(sets: list[str], threshold: float, origin: str) -> None:
    rows = origin_and_value(TrainArguments(method="inforeg", sets=sets))
    assert rows["inforeg.threshold"] == (threshold, origin)


def test_settings_that_are_published_exist_and_are_allowed() -> None:
    for name, row in METHODS.items():
        for setting, values in row.published.items():
            chosen, _, value = setting.partition("=")
            section = {chosen: value} if chosen else {}
            config = make_config({"method": name, name: section} if section else {"method": name})
            flat = dict(flatten(config.model_dump()))
            assert {key: flat[key] for key in values} == dict(values)


def test_a_run_that_is_resumed_has_what_its_file_says() -> None:
    tree = make_config({"method": "mmpareto", "fusion": {"alone": "split"}}).model_dump()
    assert make_config(tree).fusion.alone == "split"


def test_code_of_ones_own_is_found_from_any_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("class Mine: ...\nclass Ears: ...\nclass Eyes: ...\n")
    sets = ("encoder=mine.py:Eyes", "encoder.audio=mine.py:Ears")
    found = origin_and_value(TrainArguments(data="mine.py:Mine", sets=sets))
    values = [found[key][0] for key in ("data.name", "encoder.audio", "encoder.default")]
    assert values == [f"{tmp_path}/mine.py:{name}" for name in ("Mine", "Ears", "Eyes")]


@pytest.mark.parametrize(
    "arguments",
    [TrainArguments(data="no.py:Mine"), TrainArguments(sets=("encoder.audio=no.py:Mine",))],
)
def test_code_that_is_not_there_is_named(arguments: TrainArguments) -> None:
    with pytest.raises(UserError, match=r"there is no no\.py"):
        build(arguments)
