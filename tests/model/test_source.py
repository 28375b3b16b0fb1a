"""A folder's config.json, read by the families that are installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lmctool.config import Config
from lmctool.errors import LmctoolError
from lmctool.model.resolve import Model, resolve_model
from lmctool.plugin.records import ModelFamily
from lmctool_plugins.models import mlp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import nn

    from lmctool.plugin.records import Argument

SMALL = {"inputs": 4, "width": 3, "depth": 2, "classes": 5}
CONFIG = {"kind": "theirs", "norm": "batch", "width": 3}


def build(spec: str, *, norm: str = "none", secret: str = "") -> nn.Module:
    return mlp.build(spec, **SMALL, norm=norm)


def from_config(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Argument]] | None:
    return ("theirs:net", {"norm": config["norm"]}) if config.get("kind") == "theirs" else None


FAMILY = ModelFamily(build, metadata_arguments=frozenset({"norm"}), from_config=from_config)


def resolved(checkpoint: Any, spec: str | None = None, **arguments: Any) -> Model:
    return resolve_model(checkpoint, spec=spec, arguments=arguments, config=Config())


def test_a_strangers_family_recognises_a_config_before_shapes_are_asked(
    saved: Callable[..., Any], install: Callable[..., None]
) -> None:
    install("theirs", FAMILY)
    found = resolved(saved("mlp", None, CONFIG, **SMALL, norm="batch"))
    assert (found.spec, found.arguments) == ("theirs:net", {"norm": "batch"})
    assert found.origin == "config.json"


def test_a_config_that_nobody_recognises_leaves_the_model_to_the_shapes(
    saved: Callable[..., Any], install: Callable[..., None]
) -> None:
    install("theirs", FAMILY)
    assert resolved(saved("mlp", None, {"kind": "other"}, **SMALL)).spec == "mlp"


def test_two_families_that_recognise_a_config_are_one_error_with_both(
    saved: Callable[..., Any], install: Callable[..., None]
) -> None:
    install("theirs", FAMILY)
    install("another", ModelFamily(build, from_config=lambda config: ("another", {})))
    with pytest.raises(LmctoolError) as raised:
        resolved(saved("mlp", None, CONFIG, **SMALL))
    assert str(raised.value) == (
        "the config.json of 'a.safetensors' fits several models: theirs:net, another; pass"
        " --model with one"
    )


def test_a_family_that_breaks_on_a_config_stops_no_other(
    saved: Callable[..., Any], install: Callable[..., None]
) -> None:
    def broken(config: Mapping[str, Any]) -> None:
        raise ZeroDivisionError("oh")

    install("broken", ModelFamily(build, from_config=broken))
    install("theirs", FAMILY)
    assert resolved(saved("mlp", None, CONFIG, **SMALL, norm="batch")).spec == "theirs:net"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (("theirs:../net", {}), "names 'theirs:../net' as its model, which could be a path"),
        (("theirs:/net", {}), "could be a path"),
        (("theirs", {"secret": "x"}), "sets 'secret' of model 'theirs', which a file may not"),
    ],
)
def test_a_config_leads_to_no_path_and_to_no_argument_that_is_kept_from_files(
    saved: Callable[..., Any], install: Callable[..., None], answer: Any, message: str
) -> None:
    install("theirs", ModelFamily(build, from_config=lambda config: answer))
    with pytest.raises(LmctoolError, match=message):
        resolved(saved("mlp", None, CONFIG, **SMALL))


@pytest.mark.parametrize(
    "answer", [("os:system", {}), ("./evil.py:make", {}), ("theirs", {"norm": ["batch"]})]
)
def test_an_answer_that_names_code_or_no_plain_value_counts_for_nothing(
    saved: Callable[..., Any], install: Callable[..., None], answer: Any
) -> None:
    install("theirs", ModelFamily(build, from_config=lambda config: answer))
    assert resolved(saved("mlp", None, CONFIG, **SMALL)).spec == "mlp"


def test_a_folder_that_the_user_names_is_read_by_its_family(
    saved: Callable[..., Any], install: Callable[..., None], tmp_path: Path
) -> None:
    install("theirs", FAMILY)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    found = resolved(saved("mlp", **SMALL, norm="batch"), f"theirs:{tmp_path}")
    assert (found.spec, found.arguments) == ("theirs:net", {"norm": "batch"})
    assert found.origin == "--model"
    plain = resolved(saved("mlp", **SMALL), f"theirs:{tmp_path}", norm="none")
    assert plain.arguments == {"norm": "none"}


def test_a_folder_of_another_kind_is_refused(
    saved: Callable[..., Any], install: Callable[..., None], tmp_path: Path
) -> None:
    install("theirs", FAMILY)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(LmctoolError, match="describes no model of theirs"):
        resolved(saved("mlp", **SMALL), f"theirs:{tmp_path}")


def test_a_stamp_names_no_folder(saved: Callable[..., Any], install: Callable[..., None]) -> None:
    install("theirs", FAMILY)
    with pytest.raises(LmctoolError, match="names 'theirs:runs/net' as its model, which could be"):
        resolved(saved("mlp", {"lmctool.model": "theirs:runs/net"}, **SMALL))
