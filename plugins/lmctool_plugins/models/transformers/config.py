"""From the words of a config.json, which is untrusted, to a config of the library."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import Any

from lmctool.api import LmctoolError
from lmctool.api.advanced import did_you_mean, may_load_files

IDLE = frozenset(
    {
        "architectures", "auto_map", "custom_pipelines", "dtype", "id2label", "label2id",
        "model_type", "name_or_path", "quantization_config", "task_specific_params",
        "torch_dtype", "transformers_version", "use_cache", "use_kernels",
    }
)  # fmt: skip
"""What a config.json has that no network is built from."""
MOST = 1 << 20
"""The most layers, heads, labels or other parts that a network may have of one kind."""
FLOAT, NO_JSON = "__float__", ("Infinity", "-Infinity", "NaN")
"""How the library writes what JSON has no number for."""
CLASSES = ("CausalLM", "ImageClassification", "SequenceClassification", "")
"""The kinds of networks that a type alone stands for: the first that it has."""


class Settings(Container[str]):
    """The names that a file may set: those that can neither load a file nor choose code."""

    def __contains__(self, name: object) -> bool:
        """Tell whether a name is one of them."""
        return isinstance(name, str) and _is_plain(name)


def vetted(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a network is built from, without any that could name a file.

    Labels become their number.  A text with a slash, a backslash or a colon could be a path, or
    a place on a hub; no setting of a network needs one.
    """
    settings = {name: _vetted(value) for name, value in table.items() if _is_plain(name)}
    labels = table.get("id2label")
    if isinstance(labels, Mapping):
        settings.setdefault("num_labels", len(labels))
    return {name: value for name, value in settings.items() if not _could_be_place(value)}


def document(text: str) -> dict[str, Any]:
    """Read a config.json.

    Raises:
        LmctoolError: it is no JSON object.
    """
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise LmctoolError(f"a config.json of transformers is a JSON object, not {text[:60]!r}")
    return table


def configuration(
    transformers: Any, name: str, table: Mapping[str, Any], arguments: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Return a class of the library and its config.

    Args:
        transformers: the library.
        name: of the class, or of a type of models.
        table: the settings of a config.json; what the library does not know is left to it.
        arguments: the settings that the user chose, which must all be known.

    Raises:
        LmctoolError: the library has no such model, or a setting is none of its config's, of
            another kind or too large.
    """
    kind, config_class = _classes(transformers, name)
    settings = vetted(table)
    known = {**config_class.attribute_map, **vars(_made(name, config_class, settings))}
    for argument, value in arguments.items():
        if not _is_plain(argument) or argument not in {*known, "num_labels"}:
            near = did_you_mean(argument, sorted(filter(_is_plain, known))).strip()
            raise LmctoolError(
                f"model {name!r} has no setting {argument!r}{f'; {near}' if near else ''}"
            )
        settings[config_class.attribute_map.get(argument, argument)] = _parsed(value)
    config = _made(name, config_class, vetted(settings))
    config.use_cache = False
    return kind, config


def _is_plain(name: str) -> bool:
    idle = name in IDLE or name.startswith("_") or not name.isidentifier()
    return not (idle or may_load_files(name) or name.endswith("implementation"))


def _vetted(value: Any) -> Any:
    if isinstance(value, Mapping) and value.keys() == {FLOAT}:
        return float(value[FLOAT]) if value[FLOAT] in NO_JSON else None
    if isinstance(value, Mapping):  # the config of a part, which its own type chooses
        kind = value.get("model_type")
        return vetted(value) | ({"model_type": kind} if isinstance(kind, str) else {})
    if isinstance(value, list):
        return [_vetted(each) for each in value if not _could_be_place(each)]
    return value


def _could_be_place(value: Any) -> bool:
    return isinstance(value, str) and not {"/", "\\", ":"}.isdisjoint(value)


def _parsed(value: Any) -> Any:
    """Return a value, or the list or table that a text is the JSON of."""
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError) as cause:
            raise LmctoolError(f"{value[:60]!r} is not valid JSON") from cause
    return value


def _classes(transformers: Any, name: str) -> tuple[Any, Any]:
    """Return the class of a network and that of its config, by the name of either."""
    if name in transformers.CONFIG_MAPPING:
        config_class = transformers.CONFIG_MAPPING[name]
        for ending in CLASSES:
            auto = getattr(transformers, f"AutoModelFor{ending}" if ending else "AutoModel")
            if config_class in auto._model_mapping:
                kinds = auto._model_mapping[config_class]
                return kinds[0] if isinstance(kinds, tuple) else kinds, config_class
    kind: Any = getattr(transformers, name, None) if name.isidentifier() else None
    if _is_network(transformers, kind):
        return kind, kind.config_class
    close = did_you_mean(name, [*transformers.CONFIG_MAPPING, *dir(transformers)])
    raise LmctoolError(
        f"transformers {transformers.__version__} has no model {name!r}; {close}pass a class such"
        " as transformers:GPT2LMHeadModel, a type such as transformers:gpt2, or a folder with a"
        " slash, such as transformers:./net"
    )


def _is_network(transformers: Any, value: object) -> bool:
    return isinstance(value, type) and issubclass(value, transformers.PreTrainedModel)


def _made(name: str, config_class: Any, settings: Mapping[str, Any]) -> Any:
    _refuse_many(name, settings)
    try:
        return config_class(**settings)
    except Exception as cause:  # transformers raises whatever the config's own code raises
        reason = " ".join(str(cause).split())
        raise LmctoolError(f"transformers cannot configure {name!r}: {reason}") from cause


def _refuse_many(name: str, settings: Mapping[str, Any]) -> None:
    """Refuse numbers of parts that would be made one after the other for ever."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            _refuse_many(name, value)
        counted = key.startswith(("num_", "n_")) or "layer" in key or "depth" in key
        if counted and isinstance(value, int) and value > MOST:
            raise LmctoolError(f"model {name!r} cannot have {key} = {value}: more than {MOST}")
