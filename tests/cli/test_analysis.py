"""The command builder: which options there are, and what they mean together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lmctool.plugin.settings import Choice, Settings
from lmctool.testing import invoke

if TYPE_CHECKING:
    from tests.cli.conftest import Install

TARGETS = {"targets": "both"}


@pytest.mark.parametrize(
    ("words", "aligner", "correction"),
    [
        (["a", "b"], None, None),
        (["--align", "a", "b"], "activation", None),
        (["a", "b", "--align"], "activation", None),
        (["--align", "activation", "a", "b"], "activation", None),
        (["--align=activation", "a", "b"], "activation", None),
        (["--repair", "--align", "a", "b"], "activation", "repair"),
        (["a", "--repair", "reset", "b"], None, "reset"),
        (["--repair", "repair", "--repair", "reset", "a", "b"], None, "reset"),
    ],
)
def test_optional_names_never_swallow_a_checkpoint(
    words: list[str], aligner: str | None, correction: str | None, asked: list[Any]
) -> None:
    done = invoke("barrier", *words)
    assert done.exit_code == 0, done.output
    settings = asked[0].settings
    assert settings.checkpoints == (Path("a"), Path("b"))
    assert (settings.aligner and settings.aligner.name) == aligner
    assert (settings.correction and settings.correction.name) == correction


def test_a_word_after_two_dashes_is_a_checkpoint(asked: list[Any]) -> None:
    assert invoke("barrier", "--", "--align", "b").exit_code == 0
    assert asked[0].settings.checkpoints == (Path("--align"), Path("b"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("matrix a", "matrix takes two checkpoints or more; 1 given: 'a'"),
        ("trajectory a", "trajectory takes two runs or more; 1 given: 'a'"),
        ("trajectory no-run no-other", "run 'no-run' does not exist"),
        ("plane a b c d", "plane takes one to three checkpoints; 4 given: 'a', 'b', 'c', 'd'"),
        ("graft a b --fresh", "graft takes one checkpoint; 2 given: 'a', 'b'"),
        ("barrier a b --scores no-such.h5", "'no-such.h5' does not exist"),
    ],
)
def test_files_too_few_too_many_or_missing_are_told_with_exit_code_2(
    words: str, message: str
) -> None:
    done = invoke(*words.split())
    assert done.exit_code == 2
    assert message in done.stderr


def test_usage_says_whether_checkpoints_or_runs_are_due() -> None:
    usages = {
        "el2n": "CKPT...",
        "barrier": "A B",
        "plane": "A [B] [C]",
        "matrix": "A B...",
        "sharpness": "CKPT...",
        "trajectory": "RUN_A RUN_B...",
    }
    for name, usage in usages.items():
        assert invoke(name, "--help").stdout.startswith(f"Usage: main {name} [OPTIONS] {usage}\n")


def test_checkpoints_of_options_reach_the_settings(asked: list[Any]) -> None:
    done = invoke("interpolate", "a", "b", "--also", "c", "--also", "d")
    assert done.exit_code == 0, done.output
    assert asked[0].settings.checkpoints == (Path("a"), Path("b"))
    assert asked[0].settings.others == (Path("c"), Path("d"))
    assert asked[0].options["also"] == (2, 3)
    assert asked[0].settings.splits == ("train", "test")


def test_an_analysis_that_may_write_a_checkpoint_does_where_it_is_asked(asked: list[Any]) -> None:
    invoke("interpolate", "a", "b")
    invoke("interpolate", "a", "b", "--save-at", "peak")
    assert [job.writes for job in asked] == [False, True]


def test_options_left_out_give_the_standard_settings(asked: list[Any]) -> None:
    invoke("barrier", "a", "b")
    assert asked[0].settings == Settings(checkpoints=(Path("a"), Path("b")))
    assert asked[0].options["points"] == 25
    assert asked[0].command == "lmctool barrier a b"


def test_every_shared_option_reaches_the_settings(asked: list[Any]) -> None:
    text = (
        "--model mlp --model-arg width=3 --data digits --split train,test --split test"
        " --calib-split test --calib-size 7 --calib-batch 3 --limit 9 --mean 0.1,0.2 --std 1,2"
        " --task binary --allow-chance --batchnorm reset --device cpu --dtype float64"
        " --precision tf32 --batch-size 5 --seed 4 --subset-seed 6 --repair --targets layers"
    )
    done = invoke("barrier", "a", "b", *text.split())
    assert done.exit_code == 0, done.output
    assert asked[0].settings == Settings(
        checkpoints=(Path("a"), Path("b")),
        model="mlp",
        model_arguments={"width": "3"},
        data="digits",
        mean=(0.1, 0.2),
        std=(1, 2),
        task="binary",
        splits=("train", "test"),
        calib_split="test",
        calib_size=7,
        calib_batch=3,
        limit=9,
        subset_seed=6,
        allow_chance=True,
        correction=Choice("repair", {"targets": "layers"}),
        batchnorm="reset",
        device="cpu",
        dtype="float64",
        precision="tf32",
        batch_size=5,
        seed=4,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("a b c", "barrier takes two checkpoints, A and B; 3 given: 'a', 'b', 'c'"),
        ("a", "barrier takes two checkpoints, A and B; 1 given: 'a'"),
        ("--align activaton a b", "no aligner is called 'activaton'; did you mean 'activation'?"),
        ("--align=other a b", "no aligner is called 'other'; installed: activation"),
        ("--repair zzz a b", "no correction is called 'zzz'; installed: closed-form, repair,"),
        ("a b --targets both", "option '--targets' belongs to --repair; give that too"),
        ("a b --batch-size 0", "'0' is neither auto nor a positive number"),
        ("a b --mean x", "'x' is no comma list of numbers"),
        ("a b --std nan", "'nan' is no comma list of numbers"),
        ("a b --split test,", "a name is empty"),
        ("a b --model-arg width", "'width' is not of the form K=V"),
        ("a b --model-arg w=1 --model-arg w=2", "'w' is given twice"),
    ],
)
def test_what_cannot_be_meant_is_told_with_exit_code_2(
    words: str, message: str, asked: list[Any]
) -> None:
    done = invoke("barrier", *words.split())
    assert done.exit_code == 2
    assert message in done.stderr
    assert not asked


def test_options_that_do_not_apply_are_left_out(weigh: str) -> None:
    shown = invoke(weigh, "--help-all").stdout
    for absent in ("--model", "--data", "--calib-size", "--batchnorm", "--precision"):
        assert absent not in shown
    for present in ("--grams", "--align [NAME]", "--device", "--seed", "--json", "--dry-run"):
        assert present in shown


def test_files_in_place_of_what_is_derived_or_found_reach_the_settings(
    tmp_path: Path, asked: list[Any]
) -> None:
    spec, result = tmp_path / "spec.toml", tmp_path / "r.h5"
    done = invoke("align", "a", "b", "--spec", spec, "--apply", result)
    assert done.exit_code == 2 and "does not exist" in done.stderr
    spec.touch()
    result.touch()
    done = invoke("align", "a", "b", "--spec", spec, "--apply", result, "--input", "ids:3x11")
    assert done.exit_code == 0, done.output
    settings = asked[0].settings
    assert (settings.spec, settings.apply, settings.aligner) == (spec, result, None)
    assert settings.aligns
    assert [str(shape) for shape in settings.inputs] == ["ids:3x11"]


def test_an_example_input_is_offered_where_data_is_not_a_must() -> None:
    assert "--input" in invoke("align", "--help-all").stdout
    shown = invoke("barrier", "--help-all").stdout
    assert "--input" not in shown
    assert "--spec" in shown and "--apply" in shown


def test_help_shows_the_options_of_the_named_correction() -> None:
    for flag in ("--help", "--help-all"):
        assert "--targets" in invoke("barrier", "--repair", flag).stdout
        assert "--targets" not in invoke("barrier", "--repair", "reset", flag).stdout
    assert "--targets" in invoke("barrier", "--help-all").stdout
    assert "--targets" not in invoke("barrier", "--help").stdout


OTHER = '''
"""An aligner with an option."""
import click
from lmctool.api import Aligner, hookimpl

@hookimpl
def lmctool_aligner():
    """Add an aligner."""
    return Aligner(lambda run, a, b, **options: None, (click.Option(["NAME"]),))
'''


def test_a_strangers_aligner_brings_its_options(install: Install, asked: list[Any]) -> None:
    install("lmctool.aligners", "mine", OTHER.replace("NAME", "--rounds"))
    done = invoke("barrier", "--align", "mine", "a", "b", "--rounds", "3")
    assert done.exit_code == 0, done.output
    assert asked[0].settings.aligner == Choice("mine", {"rounds": "3"})


@pytest.mark.parametrize(
    ("option", "other"),
    [
        ("--seed", "lmctool itself"),
        ("--points", "analysis 'barrier'"),
        ("--help", "lmctool"),
        ("--help-all", "lmctool"),
    ],
)
def test_options_of_one_name_are_refused_and_both_owners_named(
    option: str, other: str, install: Install
) -> None:
    install("lmctool.aligners", "mine", OTHER.replace("NAME", option))
    done = invoke("barrier", "--align", "mine", "a", "b")
    assert done.exit_code == 2
    assert f"option {option!r} of aligner 'mine' clashes with {other}" in done.stderr


def test_two_plugins_may_not_share_an_option(install: Install) -> None:
    install("lmctool.aligners", "mine", OTHER.replace("NAME", "--targets"))
    done = invoke("barrier", "--align", "mine", "--repair", "a", "b")
    assert "option '--targets' of correction 'repair' clashes with aligner 'mine'" in done.stderr


def test_two_options_may_not_have_one_name_in_python(install: Install) -> None:
    install("lmctool.aligners", "mine", OTHER.replace('"NAME"', '"--places", "targets"'))
    done = invoke("barrier", "--align", "mine", "--repair", "a", "b")
    assert done.exit_code == 2
    assert (
        "option '--targets' of correction 'repair' clashes with aligner 'mine', whose '--places'"
        " has the same name in Python, 'targets'; give it another: click.Option(['--targets',"
        " 'ANOTHER_NAME'])"
    ) in " ".join(done.stderr.split())
