"""Methods that look at examples in whole runs of ``merge``, and the temperature of the result."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.report import figure
from lmctool.results import journal
from lmctool.results.equality import difference
from lmctool.results.file import read
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool.weights.mean import weighted_mean
from lmctool_plugins.merges.fisher.information import diagonal
from lmctool_plugins.merges.fisher.kernel import precise_mean
from tests.interruption import interrupt_after, watch
from tests.plugins.pairs import save, trained
from tools.survival.job import lasting

if TYPE_CHECKING:
    from lmctool.results.result import Result

KEY = "mlp-batch"
FEW = ("--limit", "100", "--calib-size", "100", "--quiet")
METHODS = ("fisher", "greedy-soup", "wise-ft")


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("networks")
    for seed, name in enumerate("abc"):
        save(place / f"{name}.safetensors", KEY, trained(KEY, seed))
    return place


@pytest.fixture(autouse=True)
def here(networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figure, "save", lambda *_: None)  # nobody looks at them here
    for each in networks.iterdir():
        Path(each.name).symlink_to(each)


def named(letters: str) -> list[str]:
    return [f"{letter}.safetensors" for letter in letters]


def merged(*words: str, out: str = "out") -> Result:
    done = invoke("merge", *words, *FEW, "-o", out)
    assert done.exit_code == 0, done.output
    return read(Path(f"{out}.h5"))


def told(*words: str) -> str:
    done = invoke("merge", *words, *FEW, "-o", "out")
    assert done.exit_code == 2, done.output
    return " ".join(done.stderr.split())


def run_of(letters: str, method: str) -> Run:
    paths = tuple(map(Path, named(letters)))
    settings = Settings(paths, calib_size=100, limit=100, merge=Choice(method))
    return Run("merge", registry.load(ANALYSES, "merge"), settings)


@pytest.mark.parametrize("method", METHODS)
def test_a_network_merged_with_itself_is_itself_to_the_bit(method: str) -> None:
    merged(*named("aa"), "--method", method, "--align")
    own, found = load_file("a.safetensors"), load_file("out.safetensors")
    assert own.keys() == found.keys()
    assert all(torch.equal(own[name], found[name]) for name in own)


def test_fisher_weighs_parameters_and_averages_running_statistics() -> None:
    found = merged(*named("ab"), "--method", "fisher", "--weights", "1,2", "--fisher-floor", "1e-3")
    run = run_of("ab", "fisher")
    networks = [run.weights(0), run.weights(1)]
    each = [diagonal(run, own, "model").values for own in networks]
    mean, written = weighted_mean(networks, (1, 2)), load_file("out.safetensors")
    for name, tensor in written.items():
        expected = mean[name]
        if name in each[0]:
            both = [own[name] for own in networks]
            expected = precise_mean(both, [own[name] for own in each], (1, 2), 1e-3)
        torch.testing.assert_close(tensor, expected, rtol=0, atol=0)
    assert {name for name in mean if "running" in name} == written.keys() - each[0].keys() - {
        name for name in mean if "num_batches" in name
    }
    group = found.groups["merge/fisher"]
    traces = [float(sum(values.sum() for values in own.values())) for own in each]
    np.testing.assert_allclose(group.variables["trace"].values, traces, rtol=1e-12)
    assert group.attributes["exact"] == 1


def test_a_greedy_soup_is_what_the_calibration_examples_choose() -> None:
    found = merged(*named("abc"), "--method", "greedy-soup", "--align")
    run = run_of("abc", "greedy-soup")
    alone = run.evaluate([run.weights(n) for n in range(3)], [run.calibration.split]).error[0]
    group = found.groups["merge/soup"].variables
    order = np.argsort(alone, kind="stable")
    assert list(group["network"].values) == ["abc"[n] for n in order]
    np.testing.assert_allclose(group["alone"].values, alone[order], atol=1e-12)
    tried, least, included = group["tried"].values, math.inf, []
    for place, cost in enumerate(tried):
        included.append(int(place == 0 or cost <= least))
        least = min(least, cost)
    assert list(group["included"].values) == included
    shares = dict(zip(group["network"].values, np.array(included) / sum(included), strict=True))
    weights = found.groups["merge/networks"].variables["weight"].values
    assert list(weights) == pytest.approx([shares[letter] for letter in "abc"])


def test_wise_ft_is_the_path_of_the_mean_at_eleven_alphas() -> None:
    wise = merged(*named("ab"), "--method", "wise-ft", "--align", "--repair")
    alphas = ",".join(str(step / 10) for step in range(11))
    mean = merged(*named("ab"), "--alphas", alphas, "--align", "--repair", out="mean")
    for path in ("merge/alphas", "merge/scores"):
        for name, variable in wise.groups[path].variables.items():
            np.testing.assert_array_equal(variable.values, mean.groups[path].variables[name].values)
    one, other = load_file("out.safetensors"), load_file("mean.safetensors")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_running_statistics_follow_the_policy() -> None:
    run = run_of("ab", "fisher")
    merged(*named("ab"), "--method", "fisher", "--batchnorm", "b")
    weights = load_file("out.safetensors")
    name = next(name for name in weights if "running_var" in name)
    assert torch.equal(weights[name], run.weights(1)[name])
    merged(*named("ab"), "--method", "fisher", "--batchnorm", "reset", out="reset")
    reset = load_file("reset.safetensors")
    expected = run.batchnorm.reset(weights)[name]
    torch.testing.assert_close(reset[name], expected, rtol=1e-5, atol=1e-6)


def test_the_temperature_is_as_if_the_last_layer_were_divided_by_it() -> None:
    found = merged(*named("ab"), "--calibrate-temperature", "--score", "ece")
    group = found.groups["merge/temperature"].variables
    temperature = float(group["temperature"].values)
    with safe_open("out.safetensors", "pt") as file:
        said = file.metadata()
    assert float(said["lmctool.temperature"]) == temperature
    weights = load_file("out.safetensors")
    last = {f"classifier.{part}" for part in ("weight", "bias")}
    assert last <= weights.keys()
    scaled = {n: t / temperature if n in last else t for n, t in weights.items()}
    save_file(scaled, "scaled.safetensors", said)
    done = merged("scaled.safetensors", "scaled.safetensors", "--score", "ece", out="again")
    scores = done.groups["merge/scores"].variables
    for name in ("loss", "error", "ece"):
        np.testing.assert_allclose(group[name].values[0], scores[name].values[0, 0], rtol=1e-5)
    assert group["after"].values < group["before"].values
    table = invoke("show", "out.h5").stdout
    assert f"temperature {temperature:.4g}: loss" in table


def test_other_calibration_examples_have_another_temperature() -> None:
    done = invoke(
        *("merge", *named("ab"), "--calibrate-temperature", "--repeat", "2", *FEW, "-o", "out")
    )
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("method", ["fisher", "greedy-soup"])
def test_an_interrupted_run_goes_on_to_the_same_numbers(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PAUSE", 0)
    words = ("merge", *named("abc"), "--method", method, "--calibrate-temperature", *FEW)
    with monkeypatch.context() as patch:
        every = watch(patch, lambda _: None)
        assert invoke(*words, "-o", "unbroken").exit_code == 0
    with monkeypatch.context() as patch:
        before = interrupt_after(len(every) // 2, patch)
        assert invoke(*words, "-o", "out").exit_code == 130
    with monkeypatch.context() as patch:
        after = watch(patch, lambda _: None)
        assert invoke(*words, "-o", "out", "--resume").exit_code == 0
    assert before + after == every
    assert difference(lasting(Path("unbroken.h5")), lasting(Path("out.h5"))) is None


def test_a_dry_run_tells_how_many_networks_are_measured() -> None:
    done = invoke("merge", *named("ab"), "--method", "wise-ft", "--align", *FEW, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "26, on 100 examples of test" in done.stdout  # 2 ends, 2 variants at 11 alphas and one


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("abc", "wise-ft"), "--method wise-ft takes two checkpoints, A and B; 3 given"),
        (
            ("ab", "fisher", "--repair", "closed-form"),
            "what is merged here lies on none; any merged network is corrected by repair, rescale",
        ),
        (
            ("ab", "greedy-soup", "--base", "c.safetensors"),
            "--method greedy-soup takes no --base",
        ),
        (("ab", "fisher", "--fisher-floor", "0"), "0 is not in the range x>0"),
    ],
)
def test_what_has_no_meaning_is_refused(words: tuple[str, ...], sentence: str) -> None:
    letters, method, *more = words
    assert sentence in told(*named(letters), "--method", method, *more)


@pytest.mark.parametrize("words", [("--method", "fisher"), ("--calibrate-temperature",)])
def test_examples_are_asked_for(words: tuple[str, ...]) -> None:
    for letter in "ab":
        Path(f"{letter}.safetensors").unlink()
        save_file(dict(trained(KEY, 0)), f"{letter}.safetensors")
    arguments = ("inputs=64", "width=16", "depth=2", "norm=batch")
    model = (word for each in arguments for word in ("--model-arg", each))
    done = invoke("merge", *named("ab"), *words, "--model", "mlp", *model, "-o", "out")
    assert done.exit_code == 2
    assert "--data" in done.stderr
