"""What several checkpoints say of their model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lmctool.config import Config
from lmctool.errors import LmctoolError
from lmctool.model.resolve import Model, resolve_model

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = {"inputs": 4, "width": 3, "depth": 2, "classes": 5}
HEADS = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 8, "n_layer": 1}


def stamp(word: str, **arguments: Any) -> dict[str, str]:
    return {"lmctool.model": word, "lmctool.model_arguments": json.dumps(arguments)}


def resolved(*checkpoints: Any, spec: str | None = None, **arguments: Any) -> Model:
    return resolve_model(*checkpoints, spec=spec, arguments=arguments, config=Config())


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (
            stamp("mlp", **SMALL),
            stamp("lenet"),
            "the metadata of 'a.safetensors' names model 'mlp', but the metadata of"
            " 'a.safetensors' names 'lenet'; pass --model",
        ),
        (
            stamp("mlp", **SMALL, norm="batch"),
            stamp("mlp", **SMALL, norm="layer"),
            "has 'norm' of model 'mlp' set to \"batch\", that of 'a.safetensors' to \"layer\"",
        ),
        (stamp("mlp"), stamp("evil:make"), "names 'evil:make'"),
        (
            stamp("mlp"),
            {"lmctool.model": "mlp", "lmctool.model_arguments": "[]"},
            "is no JSON object",
        ),
    ],
)
def test_two_that_name_different_models_are_refused_unless_the_user_names_one(
    saved: Callable[..., Any], a: dict[str, str], b: dict[str, str], told: str
) -> None:
    pair = saved("mlp", a, **SMALL, norm="batch"), saved("mlp", b, **SMALL, norm="batch")
    for order in (pair, (pair[0], pair[0], pair[1])):
        with pytest.raises(LmctoolError) as raised:
            resolved(*order)
        assert told in str(raised.value)
    assert resolved(*pair, spec="mlp", norm="batch").arguments["norm"] == "batch"


def test_two_configs_of_one_shape_are_refused_by_the_setting_that_differs(
    saved: Callable[..., Any],
) -> None:
    two, four = (saved("mlp", None, {**HEADS, "n_head": heads}, **SMALL) for heads in (2, 4))
    with pytest.raises(LmctoolError, match=r"has .n_head. of model .* set to 2, that of .* to 4"):
        resolved(two, four)


def test_an_argument_of_the_user_settles_it_for_all(saved: Callable[..., Any]) -> None:
    pair = [saved("mlp", stamp("mlp", norm=norm), **SMALL, norm="batch") for norm in ("a", "b")]
    assert resolved(*pair, norm="batch").arguments["norm"] == "batch"


def test_what_one_says_and_the_other_leaves_to_the_shapes_is_the_same(
    saved: Callable[..., Any],
) -> None:
    words = stamp("mlp"), stamp("mlp", **SMALL, norm="batch")
    assert resolved(*(saved("mlp", each, **SMALL, norm="batch") for each in words)).spec == "mlp"


def test_the_word_of_any_one_is_evidence_for_all(saved: Callable[..., Any]) -> None:
    silent = saved("mlp", **SMALL)
    found = resolved(silent, silent, saved("mlp", stamp("mlp", **SMALL), **SMALL))
    assert (found.spec, found.origin) == ("mlp", "metadata")
    with pytest.raises(LmctoolError, match="does not fit model lenet"):
        resolved(silent, saved("mlp", stamp("lenet"), **SMALL))
