"""The original's training in torch and torch-geometric: one engine of `benchmarks.graph_training`.

Written for the comparison from the paper (Cranmer et al. 2020, arXiv 2006.11287, section 2) as a
user of torch-geometric would: a `MessagePassing` module, a `DataLoader` of `Data`, and torch's own
`Adam` and `OneCycleLR`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
import torch_geometric
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import MessagePassing

from benchmarks import common
from benchmarks.common.processes import Message, serve
from benchmarks.graphs.settings import SETTINGS, read_snapshots


class InteractionNetwork(MessagePassing):
    """A message function of both bodies, their sum, and a node function."""

    def __init__(self, features: int, messages: int, dims: int, hidden: tuple[int, ...]):
        super().__init__(aggr="add")
        self.message_net = perceptron(2 * features, hidden, messages)
        self.node_net = perceptron(features + messages, hidden, dims)
        self.messages = torch.empty(0)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.propagate(edge_index, x=x)

    def message(self, x_i: Tensor, x_j: Tensor) -> Tensor:
        # kept for the penalty, which then needs no second pass
        self.messages = self.message_net(torch.cat([x_i, x_j], dim=-1))
        return self.messages

    def update(self, total: Tensor, x: Tensor) -> Tensor:
        return self.node_net(torch.cat([x, total], dim=-1))


def perceptron(inputs: int, hidden: tuple[int, ...], outputs: int) -> nn.Sequential:
    """Linear layers with rectifiers between them."""
    layers: list[nn.Module] = []
    for before, width in itertools.pairwise((inputs, *hidden)):
        layers += [nn.Linear(before, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], outputs))


def main(folder: Path, device: str) -> None:
    """Load data and the other engine's weights, and train when asked, on "cpu" or "cuda"."""
    if device == "cpu":
        torch.set_num_threads(1)
    dataset = _dataset(folder)
    model = InteractionNetwork(
        dataset[0].x.shape[1], SETTINGS["messages"], SETTINGS["dims"], SETTINGS["hidden"]
    )
    _read_weights(model, folder / "weights.npz")
    model = model.to(device)
    loader = DataLoader(dataset, batch_size=SETTINGS["batch"], shuffle=True, drop_last=True)
    first = next(iter(DataLoader(dataset, batch_size=SETTINGS["batch"]))).to(device)
    loss_at_start = loss(model, first.x, first).item()
    if device != "cpu":
        torch.set_float32_matmul_precision("high")  # tf32, as JAX has it by default
    train = _trainer(model, device)
    graphs = itertools.chain.from_iterable(itertools.repeat(loader))
    endless = (batch.to(device, non_blocking=True) for batch in graphs)
    train(itertools.islice(endless, 3), False)

    def obey(steps: int, second_pass: bool, collated: bool) -> Message:
        batches: Iterable[Data] = itertools.islice(endless, steps)
        if collated:
            batches = list(batches)

        def run() -> None:
            train(batches, second_pass)
            if device == "cuda":
                torch.cuda.synchronize()

        return common.clock(run)

    ready = {
        "loss_at_start": loss_at_start,
        "parameters": sum(p.numel() for p in model.parameters()),
        "versions": {"torch": torch.__version__, "torch_geometric": torch_geometric.__version__},
        "threads": torch.get_num_threads(),
    }
    serve(ready, obey)


def loss(model: InteractionNetwork, x: Tensor, batch: Data, second_pass: bool = False) -> Tensor:
    """Mean absolute error of the accelerations and the penalty on the messages.

    Args:
      model: in training.
      x: shifted features of the nodes.
      batch: graphs, their features not shifted.
      second_pass: penalize, as the original's code does, messages computed once more, those of the
        batch's first graph; otherwise those of all graphs, kept from the first pass.
    """
    error = (model(x, batch.edge_index) - batch.y).abs().sum(dim=-1).mean()
    if second_pass:
        senders, receivers = batch.edge_index[:, batch.batch[batch.edge_index[0]] == 0]
        messages = model.message(batch.x[receivers], batch.x[senders])
    else:
        messages = model.messages
    return error + SETTINGS["message_penalty"] * messages.abs().sum(dim=-1).mean()


def _trainer(model: InteractionNetwork, device: str) -> Callable[[Iterable[Data], bool], None]:
    rate, dims = SETTINGS["learning_rate"], SETTINGS["dims"]
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=SETTINGS["weight_decay"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=rate,
        total_steps=SETTINGS["schedule_steps"],
        final_div_factor=SETTINGS["final_division"],
    )

    def train(batches: Iterable[Data], second_pass: bool) -> None:
        for batch in batches:
            optimizer.zero_grad()
            x = batch.x.clone()
            x[:, :dims] += SETTINGS["shift"] * torch.randn(1, dims, device=device)
            loss(model, x, batch, second_pass).backward()
            optimizer.step()
            schedule.step()

    return train


def _dataset(folder: Path) -> list[Data]:
    arrays = read_snapshots(folder)
    scalars = np.stack([arrays["charge"], arrays["mass"]], axis=-1)
    nodes = torch.from_numpy(
        np.concatenate([arrays["position"], arrays["velocity"], scalars], axis=-1)
    )
    target = torch.from_numpy(arrays["acceleration"])
    pairs = [(j, i) for i in range(nodes.shape[1]) for j in range(nodes.shape[1]) if i != j]
    edges = torch.tensor(pairs).T.contiguous()
    return [Data(x=x, edge_index=edges, y=y) for x, y in zip(nodes, target, strict=True)]


def _read_weights(model: InteractionNetwork, path: Path) -> None:
    """The weights that jaxsym starts from; its kernels are ``[in, out]``."""
    with np.load(path) as file, torch.no_grad():
        for name, net in (("message", model.message_net), ("node", model.node_net)):
            layers = [layer for layer in net if isinstance(layer, nn.Linear)]
            for k, layer in enumerate(layers):
                layer.weight.copy_(torch.from_numpy(file[f"{name}_{k}_kernel"].T))
                layer.bias.copy_(torch.from_numpy(file[f"{name}_{k}_bias"]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
