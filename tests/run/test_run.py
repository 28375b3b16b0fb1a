"""What a run measures of networks: curves, single examples, any function of the outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.curves.grid import grid
from lmctool.errors import PluginError
from lmctool.plugin.settings import Choice
from lmctool.results.result import Result
from lmctool.run import loaded_weights
from lmctool.run.provenance import complete, provenance
from lmctool.run.run import Run
from tests.plugins.pairs import initial, run_of, trained

if TYPE_CHECKING:
    from lmctool.evaluate import Scores

__all__ = ["run_of"]

Runs = Callable[..., Run]
REPAIR = Choice("repair", {"targets": "both"})


def counted(run: Run) -> list[int]:
    """Make a run write down how many networks each of its evaluations has."""
    counts: list[int] = []
    evaluator = run.evaluator
    evaluate = evaluator.evaluate

    def watched(nets: Any, *arguments: Any, **options: Any) -> Scores:
        listed = list(nets)
        counts.append(len(listed))
        return evaluate(listed, *arguments, **options)

    evaluator.__dict__["evaluate"] = watched
    return counts


def test_the_means_of_curves_are_those_of_their_examples(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), correction=REPAIR, limit=60)
    alpha = grid(3, None)
    curves = run.follow(run.variants(), alpha, per_example=True)
    finer = run.insert(run.variants(), curves, np.array([0.25, 0.75]))
    for found in (curves, finer):
        assert found.losses["test"].shape == (3, len(found.alpha), 60)
        np.testing.assert_allclose(found.losses["test"].mean(-1), found.loss[:, 0], rtol=1e-12)
        np.testing.assert_allclose(found.errors["test"].mean(-1), found.error[:, 0], rtol=1e-12)
    np.testing.assert_array_equal(finer.losses["test"][:, [0, 2, 4]], curves.losses["test"])


def test_curves_carry_no_examples_unless_asked(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None, limit=60)
    curves = run.follow(run.variants(), grid(3, None))
    assert curves.losses == curves.errors == curves.weights == {}


def test_a_path_without_inner_points_is_its_ends(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None, limit=60)
    curves = run.follow(run.variants(), np.array([0.0, 1.0]), per_example=True)
    np.testing.assert_array_equal(curves.loss[0, 0], run.ends.loss[0])
    assert curves.losses["test"].shape == (1, 2, 60)


def test_a_checkpoint_is_evaluated_only_once(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None, limit=60)
    counts = counted(run)
    assert run.ends.loss.shape == (1, 2)
    run.follow(run.variants(), grid(3, None))
    again = run.scores([1, 0])
    assert counts == [2, 1]
    np.testing.assert_array_equal(again.loss, run.ends.loss[:, ::-1])
    np.testing.assert_allclose(again.losses["test"].mean(-1)[:, None], again.loss.T, rtol=1e-14)


def test_a_function_of_the_outputs_sees_every_example_in_order(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None, batch_size=7, limit=60)
    split = run.split("test")
    (targets,) = run.read([run.weights(0)], split, lambda _, targets: targets)
    np.testing.assert_array_equal(targets, split.targets.numpy())
    (logits,) = run.read([run.weights(0)], split, lambda outputs, _: outputs)
    assert logits.shape == (60, 10)
    wrong = logits.argmax(1) != targets
    assert wrong.mean() == run.ends.error[0, 0]


def test_outputs_that_are_known_score_as_their_network_does(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), score=("ece",), limit=60)
    (split,) = run.splits
    (logits,) = run.read([run.weights(0)], split, lambda outputs, _: outputs)
    known, measured = run.score_outputs(logits, split), run.evaluate([run.weights(0)])
    assert [metric.name for metric in known.metrics] == ["loss", "error", "ece"]
    for metric in known.metrics:
        np.testing.assert_allclose(known.values(metric), measured.values(metric), rtol=1e-12)
    assert run.score_outputs(logits / 5, split).loss != known.loss


def test_the_initial_state_is_that_of_the_models_own_initialiser(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    before = torch.random.get_rng_state()
    first, again, other = (run.resources.initial(seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    own = initial("mlp", 0).state_dict()
    assert all(torch.equal(first[name], own[name].double()) for name in own)
    assert all(torch.equal(first[name], again[name]) for name in own)
    assert not torch.equal(first["classifier.weight"], other["classifier.weight"])


def test_parts_come_in_the_order_of_the_model(run_of: Runs) -> None:
    run = run_of("resnet-batch", trained("resnet-batch", 0, 1), trained("resnet-batch", 1, 1))
    names = [name for names in run.resources.parts("layer").values() for name in names]
    assert names == list(run.resources.module.state_dict())
    assert list(run.resources.parts("block"))[:2] == ["conv1", "layer1.0"]


def test_few_networks_stay_in_memory(run_of: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_weights, "IN_MEMORY", 1)
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    first = run.weights(0)
    assert run.weights(0) is first
    run.weights(1)
    assert run.weights(0) is not first
    assert all(torch.equal(tensor, first[name]) for name, tensor in run.weights(0).items())


def test_the_module_holds_the_first_checkpoint_and_no_weights_of_its_own(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), limit=60)
    a, own = run.weights(0), run.resources.module.state_dict()
    assert all(own[name].data_ptr() == tensor.data_ptr() for name, tensor in a.items())


def test_a_plugin_that_writes_into_the_module_is_found_out(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), limit=60)
    result = Result("barrier", {})
    run.weights(0)
    copy.deepcopy(run.resources.module).load_state_dict(dict(run.weights(1)))
    complete(run, result, command="lmctool", options={})
    run.resources.module.load_state_dict(dict(run.weights(1)))
    with pytest.raises(PluginError, match=r"written into.*copy\.deepcopy"):
        complete(run, result, command="lmctool", options={})


def test_the_seed_of_random_choices_chooses_no_examples(run_of: Runs) -> None:
    weights = trained("mlp", 0), trained("mlp", 1)
    few: dict[str, Any] = {"limit": 50, "calib_size": 60}
    plain, seeded, other = (
        run_of("mlp", *weights, **few, **seeds) for seeds in ({}, {"seed": 7}, {"subset_seed": 7})
    )
    standard, same, others = (
        (run.split("test").index, run.calibration.split.index) for run in (plain, seeded, other)
    )
    for one, again, another in zip(standard, same, others, strict=True):
        np.testing.assert_array_equal(again, one)
        assert len(another) == len(one)
        assert set(another) != set(one)
    recorded = provenance(other, "barrier", {})
    assert recorded.settings["subset_seed"] == 7
    assert recorded.key != provenance(plain, "barrier", {}).key
