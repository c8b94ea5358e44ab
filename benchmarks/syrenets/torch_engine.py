"""The symbolic network in torch: one engine of `benchmarks.syrenets`.

Written for the comparison from the paper (Valle & Haddadin 2021, arXiv 2105.14396, sections 3 and
4), as a user of torch would: a module for each part, the encoder's Jacobian by `torch.func`, the
Euler-Lagrange equation by `torch.autograd.grad`, torch's own Adam and plateau schedule.
"""

from __future__ import annotations

import math
import sys

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap
from torch.nn.functional import normalize, softplus

from benchmarks import common
from benchmarks.common.processes import Message, serve

INPUTS, LAYERS, HEADS, HIDDEN, LATENT, HEAD_HIDDEN, BATCH = 4, 3, 12, 128, 16, 64, 32
SYMBOLS = INPUTS + HEADS
COUNT = SYMBOLS * (SYMBOLS + 1) + 2 * SYMBOLS
ROWS, COLUMNS = torch.triu_indices(SYMBOLS, SYMBOLS)


def candidates(u: Tensor) -> Tensor:
    """Sums and products of all pairs, sines and cosines."""
    first, second = u[:, ROWS], u[:, COLUMNS]
    return torch.cat([first + second, first * second, torch.sin(u), torch.cos(u)], dim=1)


class Head(nn.Module):
    """A selection head: distribution, gate and scale."""

    def __init__(self) -> None:
        super().__init__()
        self.focus = nn.Linear(LATENT, 1, bias=False)
        self.hidden = nn.Linear(LATENT, HEAD_HIDDEN, bias=False)
        self.hidden_norm = nn.LayerNorm(HEAD_HIDDEN)
        self.output = nn.Linear(HEAD_HIDDEN, COUNT, bias=False)
        self.output_norm = nn.LayerNorm(COUNT)
        self.own = nn.Linear(COUNT, 1, bias=False)
        self.before = nn.Linear(COUNT, 1, bias=False)
        self.constants = nn.Linear(COUNT, COUNT, bias=False)

    def forward(self, similarity: Tensor, joint: Tensor) -> tuple[Tensor, Tensor]:
        focused = self.focus(similarity)[:, 0]
        hidden = softplus(self.hidden_norm(self.hidden(focused)))
        probability = torch.softmax(self.output_norm(self.output(hidden)), dim=0)
        gate = torch.sigmoid(self.own(probability) + self.before(joint))
        return gate * self.constants(torch.ones(COUNT)) * probability, probability


class SyReNet(nn.Module):
    """Symbolic layers with a shared contractive autoencoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(COUNT, HIDDEN),
            nn.Softplus(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.Softplus(),
            nn.Linear(HIDDEN, LATENT),
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENT, HIDDEN),
            nn.Softplus(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.Softplus(),
            nn.Linear(HIDDEN, COUNT),
        )
        self.norm = nn.LayerNorm(COUNT, elementwise_affine=False)
        self.mix = nn.ModuleList(nn.Linear(LATENT, LATENT, bias=False) for _ in range(LAYERS))
        self.heads = nn.ModuleList(
            nn.ModuleList(Head() for _ in range(HEADS)) for _ in range(LAYERS)
        )

    def select(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """The weights of all candidates in all heads, and the autoencoder's loss."""
        outputs, joint = torch.zeros(len(x), HEADS), torch.zeros(COUNT)
        weights, total = [], torch.zeros(())
        for mix, heads in zip(self.mix, self.heads, strict=True):
            values = candidates(torch.cat([x, outputs], dim=1))
            normal = self.norm(values)
            code = self.encoder(normal)
            jacobian = vmap(jacrev(self.encoder))(normal)
            misfit = ((normal - self.decoder(code)) ** 2).mean() / LAYERS
            total = total + misfit + (jacobian**2).sum((1, 2)).mean()
            unit = normalize(code, dim=0)
            similarity = mix(unit.T @ unit)
            rows, probabilities = zip(*(head(similarity, joint) for head in heads), strict=True)
            weights.append(torch.stack(rows))
            joint = torch.stack(probabilities).log().sum(0).exp()
            outputs = values @ weights[-1].T
        return weights, total


def lagrangian(weights: list[Tensor], x: Tensor) -> Tensor:
    """The selected formula."""
    outputs = torch.zeros(len(x), HEADS)
    for rows in weights:
        outputs = candidates(torch.cat([x, outputs], dim=1)) @ rows.T
    return outputs.sum(1)


def torques(weights: list[Tensor], q: Tensor, qd: Tensor, qdd: Tensor) -> Tensor:
    """Euler-Lagrange: the rate of each momentum by its gradients."""
    q, qd = q.requires_grad_(), qd.requires_grad_()
    value = lagrangian(weights, torch.cat([q, qd], dim=1)).sum()
    slope, momentum = torch.autograd.grad(value, (q, qd), create_graph=True)
    rates = []
    for i in range(q.shape[1]):
        by_q, by_qd = torch.autograd.grad(momentum[:, i].sum(), (q, qd), create_graph=True)
        rates.append((by_q * qd + by_qd * qdd).sum(1))
    return torch.stack(rates, dim=1) - slope


def truth(q: Tensor, qd: Tensor, qdd: Tensor) -> Tensor:
    """Equation 15, differentiated by hand, with the paper's masses and lengths."""
    cos, sin = torch.cos(q[:, 0] - q[:, 1]), torch.sin(q[:, 0] - q[:, 1])
    shared, inertia, weight = 2.22945, (14.2578, 0.9296333), (65.48175, 8.19135)
    first = inertia[0] * qdd[:, 0] + shared * (qdd[:, 1] * cos + qd[:, 1] ** 2 * sin)
    second = inertia[1] * qdd[:, 1] + shared * (qdd[:, 0] * cos - qd[:, 0] ** 2 * sin)
    load = [w * torch.sin(q[:, i]) for i, w in enumerate(weight)]
    return torch.stack([first + load[0], second + load[1]], dim=1)


def main(device: str) -> None:
    """Train when asked, on one thread of "cpu" or on "cuda"."""
    if device == "cpu":
        torch.set_num_threads(1)
    torch.set_default_device(device)
    if device != "cpu":
        torch.set_float32_matmul_precision("high")  # tf32, as JAX has it by default
    torch.manual_seed(0)
    model = SyReNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.1, patience=1000, min_lr=1e-5
    )

    def step() -> float:
        q, qd, qdd = (torch.rand(3, BATCH, 2) - 0.5) * math.pi
        target = truth(q, qd, qdd)
        optimizer.zero_grad()
        weights, extra = model.select(torch.cat([q, qd], dim=1))
        error = ((torques(weights, q, qd, qdd) - target) ** 2).mean()
        (error + extra).backward()
        optimizer.step()
        schedule.step(error.item())
        return error.item()

    step()

    def obey(steps: int) -> Message:
        return common.clock(lambda: [step() for _ in range(steps)])

    parameters = sum(p.numel() for p in model.parameters())
    serve({"parameters": parameters, "torch": torch.__version__}, obey)


if __name__ == "__main__":
    main(sys.argv[1])
