"""The pickle of a PyTorch file, in which tensors are described and nothing is executed.

A name of the pickle means a function of this module where tensors are rebuilt, and an inert record
everywhere else.  See torch/_utils.py and torch/serialization.py for what is written.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from lmctool.checkpoint.header import ITEM_SIZE
from lmctool.checkpoint.inert import Call, Record, Table, record_class
from lmctool.checkpoint.reading import TORCH_NAMES
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DTYPES = {torch_name: name for name, torch_name in TORCH_NAMES.items()}
"""The name in safetensors of each dtype of torch."""
STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
    "_UntypedStorage": "uint8",
    "QInt8Storage": "qint8",
    "QInt32Storage": "qint32",
    "QUInt8Storage": "quint8",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
}
"""The dtype in torch of each class of storages."""
OTHER_SIZES = {"complex128": 16, "qint32": 4}
"""Bytes of one element of dtypes that safetensors has not; all others take one."""
UNREADABLE = {
    "_rebuild_sparse_tensor": "sparse",
    "_rebuild_qtensor": "quantized",
    "_rebuild_nested_tensor": "nested",
    "_rebuild_meta_tensor_no_storage": "without values, on the device meta",
    "_rebuild_wrapper_subclass": "of a class that keeps its values elsewhere",
    "_rebuild_device_tensor_from_numpy": "of an accelerator's own kind",
    "_rebuild_device_tensor_from_cpu_tensor": "of an accelerator's own kind",
    "_rebuild_xla_tensor": "of an accelerator's own kind",
}
"""What a tensor is that is no plain array of numbers, by the function that rebuilds it."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A part of a file that tensors are views of.

    Attributes:
        key: its name in the file.
        dtype: of its elements, in torch's words.
        begin: the element of it that offsets count from.
    """

    key: str
    dtype: str
    begin: int = 0


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as its pickle describes it, yet unchecked.

    Attributes:
        storage: where its values are.
        dtype: in torch's words.
        offset: of its first value in the storage, in elements.
        shape: its shape.
        strides: elements of the storage from one index of an axis to the next.
        unreadable: what it is, where its values are no plain array.
    """

    storage: Any
    dtype: Any
    offset: Any
    shape: Any
    strides: Any
    unreadable: str = ""


def refuse_unreadable(tensor: StoredTensor, name: str, path: Path) -> None:
    """Raise LmctoolError where a tensor is no plain array of a dtype that safetensors has."""
    if tensor.unreadable or tensor.dtype not in DTYPES:
        what = tensor.unreadable or f"of the dtype {tensor.dtype}"
        raise LmctoolError(
            f"tensor {name!r} of '{path}' is {what}, which no weights can be; save it as a dense"
            " tensor of a floating dtype"
        )


def item_size(dtype: str) -> int:
    """Return the bytes of one element of a dtype in torch's words."""
    return ITEM_SIZE[DTYPES[dtype]] if dtype in DTYPES else OTHER_SIZES.get(dtype, 1)


class StateUnpickler(pickle.Unpickler):
    """Reads one pickle of a file.

    Attributes:
        storages: the storage of each key, as it was first named.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read from where the file stands."""
        # torch's own encoding of Python 2's strings; what is no UTF-8 stays tellable
        super().__init__(file, encoding="utf-8", errors="surrogateescape")
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name of the pickle."""
        if name == "OrderedDict" and module == "collections":
            return Table
        if name == "set" and module in {"builtins", "__builtin__"}:
            return set
        if module == "torch._utils" and name in UNREADABLE:
            return Call(lambda *_: StoredTensor(None, None, 0, (), (), UNREADABLE[name]))
        if module in {"torch._utils", "torch._tensor"} and name in REBUILT:
            return Call(REBUILT[name])
        return record_class(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        """Return the storage that the pickle refers to, or a class whose source it tells.

        Raises:
            UnpicklingError: it refers to something else.
        """
        match pid:
            case ("module", kind, _, _):
                return kind
            case ("storage", kind, str() as key, _, int(), *view):
                storage = Storage(key, _dtype_of(kind))
                self.storages.setdefault(key, storage)
                match view:
                    case [(_, int() as begin, int())]:
                        return replace(storage, begin=begin)
                    case [] | [None]:
                        return storage
        raise pickle.UnpicklingError("it refers to what is no storage")


def _dtype_of(kind: Any) -> str:
    """Return the dtype of a class of storages."""
    name = kind.called.rpartition(".")[2] if _is_class(kind) else ""
    if name not in STORAGES:
        raise pickle.UnpicklingError(f"it has a storage of the kind {name!r}")
    return STORAGES[name]


def _is_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Record)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> StoredTensor:
    """Stand for torch's ``_rebuild_tensor`` and ``_rebuild_tensor_v2``."""
    dtype = storage.dtype if isinstance(storage, Storage) else None
    return _marked(StoredTensor(storage, dtype, offset, shape, strides), rest[2:])


def _tensor_of_dtype(
    storage: Any, offset: Any, shape: Any, strides: Any, _: Any, __: Any, dtype: Any, *rest: Any
) -> StoredTensor:
    """Stand for torch's ``_rebuild_tensor_v3``, for dtypes without a storage of their own."""
    name = dtype.called.rpartition(".")[2] if _is_class(dtype) else None
    return _marked(StoredTensor(storage, name, offset, shape, strides), rest)


def _marked(tensor: StoredTensor, metadata: tuple[Any, ...]) -> StoredTensor:
    """Return the tensor as unreadable where its metadata says that its values are turned."""
    bits = metadata[0] if metadata and isinstance(metadata[0], dict) else {}
    if any(bits.values()):
        return replace(tensor, unreadable="stored as the negative or conjugate of another")
    return tensor


def _inner(tensor: Any, *_: Any) -> Any:
    """Stand for what turns a tensor into a parameter."""
    return tensor


def _of_type(function: Any, _: Any, args: Any, *__: Any) -> Any:
    """Stand for what turns a tensor into one of a subclass, or with attributes."""
    return function(*args)


REBUILT: dict[str, Callable[..., Any]] = {
    "_rebuild_tensor": _tensor,
    "_rebuild_tensor_v2": _tensor,
    "_rebuild_tensor_v3": _tensor_of_dtype,
    "_rebuild_parameter": _inner,
    "_rebuild_parameter_with_state": _inner,
    "_rebuild_from_type": _of_type,
    "_rebuild_from_type_v2": _of_type,
}
"""What stands for torch's functions that rebuild tensors."""
