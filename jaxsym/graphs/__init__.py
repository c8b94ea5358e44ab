"""Graph networks on `jraph.GraphsTuple`: models, messages, losses and batches."""

from jaxsym.graphs.batches import graph_batches
from jaxsym.graphs.bodies import Bodies, Snapshots, Topology, graph, snapshots, topology
from jaxsym.graphs.cell_lists import (
    Grid,
    NeighborList,
    checked,
    make_grid,
    neighbor_list,
)
from jaxsym.graphs.central import (
    CentralStart,
    central_network,
    central_start,
    momentum_masses,
)
from jaxsym.graphs.chunked import chunked_network
from jaxsym.graphs.delivery import Prediction
from jaxsym.graphs.halos import HaloNodes, HaloPairs, halo_graph, halo_network
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
from jaxsym.graphs.network import EDGES_AT_ONCE, interaction_network, predict_accelerations
from jaxsym.graphs.node_networks import (
    NodeModel,
    NodePrediction,
    Pieces,
    node_loss,
    node_network,
    node_regression,
    piece_batches,
    pieces,
)
from jaxsym.graphs.pruning import keep_messages, principal_messages, silence_messages
from jaxsym.graphs.weak_form import WeakWindows, weak_batches, weak_loss, weak_windows

__all__ = [
    "MLP",
    "VARIANTS",
    "EDGES_AT_ONCE",
    "Bodies",
    "CentralStart",
    "EdgeSample",
    "ErrorFn",
    "GraphModel",
    "Grid",
    "HaloNodes",
    "HaloPairs",
    "MultiStepNetwork",
    "NeighborList",
    "NodeModel",
    "NodePrediction",
    "Pieces",
    "Prediction",
    "Snapshots",
    "Topology",
    "WeakWindows",
    "absolute_error",
    "central_network",
    "central_start",
    "checked",
    "chunked_network",
    "decades_error",
    "graph",
    "graph_batches",
    "halo_graph",
    "halo_network",
    "hamiltonian_network",
    "interaction_network",
    "keep_messages",
    "live_components",
    "log_relative_error",
    "make_grid",
    "momentum_masses",
    "neighbor_list",
    "node_loss",
    "node_network",
    "node_regression",
    "particle_network",
    "piece_batches",
    "pieces",
    "predict_accelerations",
    "principal_messages",
    "record_messages",
    "relative_error",
    "silence_messages",
    "snapshots",
    "topology",
    "training_loss",
    "weak_batches",
    "weak_loss",
    "weak_windows",
]
