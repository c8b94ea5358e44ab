"""Weights in files: safetensors with their configuration, checked by digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jaxtyping import PyTree
from safetensors import safe_open
from safetensors.numpy import save

from jaxsym._check import MalformedError, malformed, require, shown, unknown_name
from jaxsym._files import write_file
from jaxsym.nesymres.model.config import ModelConfig

FORMAT = "1"


class WeightsError(ValueError):
    """A file of weights that is damaged, of another version, or not one at all."""


class Weights(NamedTuple):
    """What a file holds.

    Attributes:
      params: parameters, in single precision.
      config: the model's sizes.
      about: how they were trained: prior, stream, data fingerprint, steps, figures.
    """

    params: PyTree
    config: ModelConfig
    about: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Digest of the parameters, the same for equal ones."""
        flat = flatten_dict(self.params, sep="/")
        return _digest({name: np.asarray(flat[name]) for name in flat})[:16]


def save_weights(path: str | Path, weights: Weights, dtype: Any = np.float16) -> None:
    """Write weights, whole or not at all.

    Args:
      path: of the ``.safetensors`` file.
      weights: what to write.
      dtype: of the numbers in the file; half precision makes it half as large.
    """
    flat = flatten_dict(weights.params, sep="/")
    tensors = {name: np.asarray(flat[name]).astype(dtype) for name in sorted(flat)}
    metadata = {
        "format": FORMAT,
        "config": json.dumps(weights.config.as_dict()),
        "about": json.dumps(dict(weights.about)),
        "digest": _digest(tensors),
    }
    content = save(tensors, metadata)
    write_file(path, lambda made: made.write_bytes(content), replace=True)


def load_weights(path: str | Path) -> Weights:
    """Read what `save_weights` wrote.

    Raises:
      FileNotFoundError: no such file.
      WeightsError: damaged numbers, another version, or no weights at all.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}")
    try:
        with malformed("a file of weights"):
            with safe_open(path, "numpy") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            _check_record(metadata, tensors)
            return Weights(
                unflatten_dict({n: a.astype(np.float32) for n, a in tensors.items()}, sep="/"),
                ModelConfig(**json.loads(metadata["config"])),
                dict(json.loads(metadata["about"])),
            )
    except MalformedError as error:
        raise WeightsError(f"{path}: {error}") from error


def _check_record(metadata: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> None:
    """Whether a file's format is ours and its numbers are those that were written."""
    found = metadata.get("format", "none")
    require(
        found == FORMAT,
        f"it has format {shown(found)}; expected weights of format {FORMAT}",
        MalformedError,
    )
    require(
        metadata.get("digest") == _digest(tensors),
        "it is damaged: its numbers do not match their digest",
        MalformedError,
    )


def pretrained_weights(name: str) -> Weights:
    """The weights of that name that come with the package.

    Raises:
      ValueError: an unknown name.
      WeightsError: see `load_weights`.
    """
    folder = resources.files("jaxsym.nesymres") / "pretrained"
    files = {Path(entry.name).stem: entry for entry in folder.iterdir()}
    if name not in files:
        raise unknown_name("pretrained model", name, sorted(files))
    with resources.as_file(files[name]) as path:
        return load_weights(path)


def _digest(tensors: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def check_compatible(params: PyTree, expected: PyTree) -> None:
    """Raise unless the parameters are those of the model.

    Args:
      params: as read.
      expected: of the model's ``init``, or its shapes.

    Raises:
      ValueError: the first parameter that is missing, unknown or of another shape.
    """
    ours, theirs = flatten_dict(expected, sep="/"), flatten_dict(params, sep="/")
    for name in sorted(ours.keys() | theirs.keys()):
        shapes = [tree[name].shape if name in tree else None for tree in (theirs, ours)]
        require(shapes[0] == shapes[1], f"weight {name} is {shapes[0]}; expected {shapes[1]}")
