"""Devices that share a batch, or matrices too large for one; the only module with a mesh axis.

Under ``jax.jit`` the same step runs on one CPU, several GPUs, a TPU slice or several hosts (after
``jax.distributed.initialize()``): losses are ordinary means over the global batch, and only the
placement of state and batch says where the work is done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding
from jaxtyping import Array, Key, PyTree

from jaxsym._check import require

AXIS, MODEL_AXIS = "data", "model"

Metrics: TypeAlias = dict[str, Array]
Loss: TypeAlias = Callable[[PyTree, Any, Key[Array, ""]], tuple[Array, Metrics]]


def data_mesh(devices: Sequence[jax.Device] | None = None, *, model: int = 1) -> Mesh:
    """A mesh over ``devices``, by default all devices of all hosts.

    Args:
      devices: to be used.
      model: how many of them share the matrices of a network between them, for networks whose
        state or activations are too large for one; the batch is split over the others. With 1
        each device has the whole network, and the mesh has one axis.

    Raises:
      ValueError: a number of devices that `model` does not divide.

    >>> data_mesh(jax.devices()[:1]).size
    1
    """
    devices = jax.devices() if devices is None else devices
    count = len(devices)
    require(
        model >= 1 and count % model == 0,
        f"model is {model}; expected a number that divides the {count} devices equally",
    )
    shape = (count,) if model == 1 else (count // model, model)
    axes = (AXIS, MODEL_AXIS)[: len(shape)]
    # Explicit axes, the default of `jax.make_mesh`, would put the sharding into every type
    return jax.make_mesh(shape, axes, axis_types=(AxisType.Auto,) * len(axes), devices=devices)


def one_core() -> bool:
    """Whether the work is done by a CPU of which this process may use a single core."""
    known = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if known else os.cpu_count()
    return jax.default_backend() == "cpu" and cores == 1


def replicated(mesh: Mesh) -> NamedSharding:
    """The sharding of what every device holds whole."""
    return NamedSharding(mesh, jax.P())


def split(mesh: Mesh) -> NamedSharding:
    """The sharding of what is split along its leading axis: rows of a batch, stacked seeds."""
    return NamedSharding(mesh, jax.P(AXIS))


def replicate(tree: PyTree, mesh: Mesh) -> PyTree:
    """Put a whole copy of ``tree``, the same on all hosts, on every device of the mesh.

    Arrays that lie on the mesh already, split or whole, stay as they are.
    """
    return place(tree, replicated(mesh))


def place_network(tree: PyTree, mesh: Mesh) -> PyTree:
    """Put parameters, or a state that holds them, on a mesh.

    Where the mesh has an axis for the model, matrices and stacks of them are split over it along
    their last axis, if that can be; everything else is whole on every device. The compiler does
    the rest (Xu et al. 2021, arXiv:2105.04663).
    """

    def columns(leaf: Any) -> NamedSharding:
        shape = np.shape(leaf)
        shared = mesh.shape.get(MODEL_AXIS, 1)
        if shared == 1 or len(shape) < 2 or shape[-1] % shared:
            return replicated(mesh)
        return NamedSharding(mesh, jax.P(*[None] * (len(shape) - 1), MODEL_AXIS))

    return jax.tree.map(lambda leaf: place(leaf, columns(leaf)), tree)


def place(tree: PyTree, sharding: NamedSharding) -> PyTree:
    """Put ``tree``, known whole on every host, on a mesh; arrays that lie there already stay."""

    def put(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array):
            if getattr(leaf.sharding, "mesh", None) == sharding.mesh:
                return leaf
            if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
                data = put(jax.random.key_data(leaf))
                return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        host = np.asarray(leaf)
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    # not `jax.device_put`, which refuses keys and committed arrays when there are several hosts
    return jax.tree.map(put, tree)


def shard_batch(batch: PyTree, mesh: Mesh) -> PyTree:
    """Split every array of ``batch`` along its leading axis over the devices of the mesh.

    Args:
      batch: arrays ``[B, ...]``; scalars are kept whole. With several hosts each brings its own
        part of the rows, and the result is the global batch, in the order of the processes.
      mesh: of `data_mesh`.

    Raises:
      ValueError: a leading axis that the devices cannot share equally.
    """
    check_divisible("batch", batch, mesh.local_mesh.shape[AXIS])
    return jax.tree.map(
        lambda leaf: jax.make_array_from_process_local_data(
            NamedSharding(mesh, _rows(leaf)), np.asarray(leaf)
        ),
        batch,
    )


def constrain_batch(batch: PyTree, mesh: Mesh) -> PyTree:
    """Inside jit: split the global ``batch``, generated or indexed there, over the mesh.

    Raises:
      ValueError: a leading axis that the devices cannot share equally.
    """
    check_divisible("batch", batch, mesh.shape[AXIS])
    shardings = jax.tree.map(lambda leaf: NamedSharding(mesh, _rows(leaf)), batch)
    return jax.lax.with_sharding_constraint(batch, shardings)


def data_parallel(loss: Loss, mesh: Mesh) -> Loss:
    """``loss`` computed apart on each device's rows, and averaged.

    For losses that the compiler cannot split well by itself, such as a scatter over the nodes of
    graphs that are batched per device. Each device draws its own noise. Differentiate the result;
    a gradient taken of ``loss`` inside a ``shard_map`` may count every device twice over.
    """

    def local(params: PyTree, batch: Any, key: Key[Array, ""]) -> tuple[Array, Metrics]:
        key = jax.random.fold_in(key, jax.lax.axis_index(AXIS))
        return jax.lax.pmean(loss(params, batch, key), AXIS)

    def mean(params: PyTree, batch: Any, key: Key[Array, ""]) -> tuple[Array, Metrics]:
        specs = (jax.P(), jax.tree.map(_rows, batch), jax.P())
        return jax.shard_map(local, mesh=mesh, in_specs=specs, out_specs=jax.P())(
            params, batch, key
        )

    return mean


def to_host(array: Array) -> np.ndarray:
    """A small array as NumPy's, also where its parts lie on several hosts."""
    if array.is_fully_addressable or array.is_fully_replicated:
        return np.asarray(array)
    return np.asarray(multihost_utils.process_allgather(array, tiled=True))


def agree(*numbers: int) -> tuple[int, ...]:
    """The numbers of process 0, on every process: a decision that all hosts must take alike."""
    if jax.process_count() == 1:
        return numbers
    return tuple(int(n) for n in multihost_utils.broadcast_one_to_all(np.array(numbers)))


def check_divisible(name: str, tree: PyTree, devices: int) -> None:
    """Raise ``ValueError`` unless ``devices`` can share every leading axis equally."""
    for path, leaf in jax.tree.leaves_with_path(tree):
        shape = np.shape(leaf)
        require(
            not shape or shape[0] % devices == 0,
            f"{name}{jax.tree_util.keystr(path)} has shape {shape}; expected a leading axis that "
            f"{devices} devices can share equally",
        )


def _rows(leaf: Any) -> jax.P:
    """Split along the leading axis, where there is one."""
    return jax.P(AXIS) if np.ndim(leaf) else jax.P()
