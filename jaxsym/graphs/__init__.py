"""Graph networks on `jraph.GraphsTuple`: models, messages, losses and batches."""

from jaxsym.graphs.batches import graph_batches
from jaxsym.graphs.bodies import Bodies, Snapshots, Topology, graph, snapshots, topology
from jaxsym.graphs.central import (
    CentralStart,
    central_network,
    central_start,
    momentum_masses,
)
from jaxsym.graphs.chunked import chunked_network
from jaxsym.graphs.hamiltonian import hamiltonian_network
from jaxsym.graphs.losses import (
    ErrorFn,
    absolute_error,
    decades_error,
    log_relative_error,
    relative_error,
    training_loss,
)
from jaxsym.graphs.messages import EdgeSample, live_components, record_messages
from jaxsym.graphs.models import (
    MLP,
    VARIANTS,
    GraphModel,
    particle_network,
)
from jaxsym.graphs.multistep import MultiStepNetwork
from jaxsym.graphs.neighbor_list import (
    Grid,
    NeighborList,
    checked,
    make_grid,
    neighbor_list,
)
from jaxsym.graphs.network import Prediction, interaction_network
from jaxsym.graphs.pruning import principal_messages, pruned

__all__ = [
    "MLP",
    "VARIANTS",
    "Bodies",
    "CentralStart",
    "ErrorFn",
    "EdgeSample",
    "GraphModel",
    "Grid",
    "MultiStepNetwork",
    "NeighborList",
    "Prediction",
    "Snapshots",
    "Topology",
    "absolute_error",
    "central_network",
    "central_start",
    "checked",
    "chunked_network",
    "decades_error",
    "graph",
    "graph_batches",
    "hamiltonian_network",
    "interaction_network",
    "live_components",
    "log_relative_error",
    "make_grid",
    "momentum_masses",
    "neighbor_list",
    "particle_network",
    "principal_messages",
    "pruned",
    "record_messages",
    "relative_error",
    "snapshots",
    "topology",
    "training_loss",
]
