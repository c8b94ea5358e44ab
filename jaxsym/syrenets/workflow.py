"""`discover_lagrangian`: from motion and torque to a Lagrangian."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Int

from jaxsym._check import require, unknown_name
from jaxsym._compiling import compile_clock
from jaxsym._settings import implicit_broadcasting
from jaxsym.datasets import MechanicalData, mechanical_data
from jaxsym.expr import Expression, UnsupportedError, parse
from jaxsym.progress import PhaseProgress
from jaxsym.syrenets.besides import Options
from jaxsym.syrenets.direct import betters, direct_route
from jaxsym.syrenets.discovery import LagrangianDiscovery
from jaxsym.syrenets.fitting import EXACT, FittedLagrangian, fit_lagrangian
from jaxsym.syrenets.fourier import same_lagrangian
from jaxsym.syrenets.hardening import Hardened, harden
from jaxsym.syrenets.hints import hints
from jaxsym.syrenets.network.losses import Batch
from jaxsym.syrenets.network.symbolic import Architecture
from jaxsym.syrenets.network.training import train_network
from jaxsym.syrenets.preparation import prepared
from jaxsym.training import Event, interrupt_flag

ROUTES = ("auto", "network", "direct")
_FEWEST = 20  # states
_BLOCKS = 50  # of neighboring states: each longer than what they remember of one another
_NETWORK_STEPS = 300  # until the factors are there; their combinations are the regression's work
_NETWORK_LEAST = 30.0  # seconds; with less, compiling would leave none for the direct route


@implicit_broadcasting()
def discover_lagrangian(
    q: Float[ArrayLike, "n D"],
    qd: Float[ArrayLike, "n D"],
    qdd: Float[ArrayLike, "n D"],
    tau: Float[ArrayLike, "n D"],
    *,
    seed: int = 0,
    route: str = "auto",
    friction: bool = True,
    gains: bool = False,
    library: Sequence[str | Expression] | None = None,
    time_limit: float | None = None,
    truth: Expression | None = None,
    name: str = "system",
    callback: Callable[[PhaseProgress], None] | None = None,
) -> LagrangianDiscovery:
    """Find the Lagrangian of a system from its motion and the torques that caused it.

    ``route="network"``: a network of Valle & Haddadin 2021 with entmax selection is trained on the
    torques; the terms that it consists of are the library of a sparse regression through
    Euler-Lagrange in float64. ``"direct"``: libraries of growing size instead. ``"auto"``: the
    network's, and where it is not exact the direct route as well; the better one is the result.
    ``route`` of the result is ``"network"`` if the network consists of all the terms, else
    ``"recombined"`` (see `harden`), or ``"direct"``.

    Rows are taken in their order: neighbors of one motion that err alike count as fewer rows.
    Angles that jump by full turns are continued, coordinates that never move are left out; hints
    tell so.
    States that occur more than once, to nine digits, count once.

    A Lagrangian is determined up to constants and total time derivatives, which are left out.
    With unknown gains it is in units of the first actuator's.

    Args:
      q, qd, qdd: coordinates (angles in radians) and their time derivatives.
      tau: torques or forces, or commands if gains are unknown; zero where nothing acts.
      seed: of everything random.
      route: see above.
      friction: whether to look for friction as well: viscous with a matrix that is symmetric and
        positive semidefinite, and Coulomb's, quadratic and Stribeck's for each coordinate.
      gains: whether the actuators' gains are unknown.
      library: terms to choose from, in ``q1 .. qD qd1 .. qdD``, instead of the usual libraries and
        the network's.
      time_limit: seconds for the whole; compilation cannot be broken off. With less than half a
        minute ``"auto"`` is the direct route.
      truth: the true Lagrangian, to compare with.
      name: of the system.
      callback: told of phases.

    Raises:
      ValueError: shapes that disagree, values that are not finite, too few states for a library,
        torques that are all zero, velocities that obey a constraint, a singular mass matrix, an
        unknown route, a library that cannot be read.

    >>> import jax
    >>> from jaxsym.simulate import mechanical
    >>> data = mechanical("cart-pole").sample(jax.random.key(0), 500)
    >>> found = discover_lagrangian(*data, route="direct")
    >>> found.lagrangian
    Expression(0.65*qd1**2 + 0.18*qd1*qd2*cos(q2) + 0.072*qd2**2 - 1.7658*cos(q2))
    >>> found.exact, found.route
    (True, 'direct')
    """
    begin, compiling = time.monotonic(), compile_clock()
    if route not in ROUTES:
        raise unknown_name("route", route, ROUTES)
    require(
        time_limit is None or time_limit > 0,
        f"time_limit is {time_limit}; expected a positive number of seconds, or None",
    )
    data = mechanical_data(q, qd, qdd, tau)
    rows = len(data.q)
    # states that came twice must not be learned from and tested on
    data = distinct(data)
    differ = "" if len(data.q) == rows else f" that differ, in {rows} rows"
    require(len(data.q) >= _FEWEST, f"{len(data.q)} states{differ}; expected at least {_FEWEST}")
    require(
        bool(np.any(data.tau != 0)),
        "tau is zero everywhere, which L = 0 explains; expected torques that move the system",
    )
    data, told = prepared(data)
    tell = callback or (lambda progress: None)
    terms = None if library is None else [parse(t) if isinstance(t, str) else t for t in library]
    search = _Search(data, seed, Options(friction, gains), terms, time_limit, begin, tell)
    with interrupt_flag() as interrupted:
        search.interrupted = interrupted
        fit, used = search.run(route)
        stopped = interrupted()
    tell(PhaseProgress("verify", 0.0, ""))
    system, error = fit.system(name), fit.error(search.test)
    fit.check_mass_matrix(search.test)
    found = LagrangianDiscovery(
        system,
        fit,
        error,
        used,
        time.monotonic() - begin,
        seed,
        recovered(system.lagrangian, truth, error),
        told + hints(search.test, fit),
        stopped or search.over(),
        compiling(),
    )
    tell(PhaseProgress("verify", 1.0, f"{found.seconds:.1f} s"))
    return found


def distinct(data: MechanicalData) -> MechanicalData:
    """Each state with its torques once, in the order of the first, alike to nine digits.

    >>> twice = MechanicalData(*(np.array([[1.0], [2.0], [1.0 + 1e-12]]),) * 4)
    >>> distinct(twice).q.ravel().tolist()
    [1.0, 2.0]
    """
    rows = np.concatenate(data, axis=1)
    size = np.abs(rows).max(axis=0)
    alike = np.round(rows / np.where(size > 0, size, 1.0), 9)
    first = np.sort(np.unique(alike, axis=0, return_index=True)[1])
    return MechanicalData(*(values[first] for values in data))


def split(rows: int, seed: int) -> tuple[Int[np.ndarray, " n"], ...]:
    """Places of three fifths, a fifth and a fifth of the rows, in blocks of neighbors.

    Neighboring states of one motion are nearly the same, and so are their errors: drawn one by one,
    what is kept apart would be known already. The places are in order.

    >>> [len(part) for part in split(200, 0)]
    [120, 40, 40]
    """
    blocks = np.array_split(np.arange(rows), min(rows, _BLOCKS))
    order = np.random.default_rng(seed).permutation(len(blocks))
    parts = np.split(order, [round(0.6 * len(order)), round(0.8 * len(order))])
    return tuple(np.sort(np.concatenate([blocks[b] for b in part])) for part in parts)


def rows_of(data: MechanicalData, places: Int[np.ndarray, " n"]) -> MechanicalData:
    """Some of the states."""
    return MechanicalData(*(values[places] for values in data))


class _Search:
    """The data in three parts, and the two routes."""

    def __init__(
        self,
        data: MechanicalData,
        seed: int,
        options: Options,
        library: list[Expression] | None,
        time_limit: float | None,
        begin: float,
        tell: Callable[[PhaseProgress], None],
    ):
        train, kept_apart, test = split(len(data.q), seed)
        self.train, self.kept_apart, self.test = (
            rows_of(data, part) for part in (train, kept_apart, test)
        )
        self.known = rows_of(data, np.sort(np.concatenate([train, kept_apart])))
        self.seed, self.options, self.library, self.tell = seed, options, library, tell
        self.end = np.inf if time_limit is None else begin + time_limit
        self.interrupted: Callable[[], bool] = lambda: False

    def run(self, route: str) -> tuple[FittedLagrangian, str]:
        """The better fit, and the route that it took."""
        hardened = None
        in_time = route == "network" or self.end - time.monotonic() > _NETWORK_LEAST
        if route != "direct" and self.library is None and in_time:
            hardened = self._network()
        if hardened is not None:
            network, used = hardened.fit, "network" if hardened.own else "recombined"
            error = network.error(self.kept_apart)
            if route == "network" or error <= EXACT:
                return self._final(network), used
        require(
            route != "network",
            "the network has no terms that a regression could use; train it longer, or take "
            "route='direct'",
        )
        try:
            direct = self._direct()
        except ValueError:  # no library fits the states; what the network found is not lost
            if hardened is None:
                raise
            return self._final(network), used
        if hardened is not None and betters(network, direct, self.kept_apart):
            return self._final(network), used
        return self._final(direct), "direct"

    def over(self) -> bool:
        return time.monotonic() > self.end

    def _network(self) -> Hardened | None:
        self.tell(PhaseProgress("network", 0.0, ""))
        begin, train = time.monotonic(), self.train
        dims = train.q.shape[1]
        scale = np.std(train.tau, axis=0).max()
        left = self.end - begin
        trained = train_network(
            Batch(*(jnp.asarray(v, jnp.float32) for v in (*train[:3], train.tau / scale))),
            seeds=[self.seed],
            architecture=Architecture(inputs=2 * dims, selection="entmax"),
            steps=_NETWORK_STEPS,
            time_limit=None if left == np.inf else max(0.5 * left, 1.0),
            callback=self._on_training,
        )
        self.tell(PhaseProgress("network", 1.0, f"{time.monotonic() - begin:.1f} s"))
        self.tell(PhaseProgress("harden", 0.0, ""))
        begin = time.monotonic()
        hardened = harden(trained.network, trained.seed(0), self.train, self.options)
        self.tell(PhaseProgress("harden", 1.0, f"{time.monotonic() - begin:.1f} s"))
        return hardened

    def _on_training(self, event: Event, errors: np.ndarray) -> bool:
        note = f"step {event.step} of {event.steps}, error {errors[0]:.3g}"
        self.tell(PhaseProgress("network", event.step / event.steps, note, event.seconds_left))
        return self.interrupted()

    def _direct(self) -> FittedLagrangian:
        self.tell(PhaseProgress("direct", 0.0, ""))
        begin = time.monotonic()
        fit = direct_route(
            self.train,
            self.kept_apart,
            self.options,
            library=self.library,
            time_limit=max(self.end - begin, 0.1),
            stop=self.interrupted,
        )
        self.tell(PhaseProgress("direct", 1.0, f"{time.monotonic() - begin:.1f} s"))
        return fit

    def _final(self, fit: FittedLagrangian) -> FittedLagrangian:
        """Constants once more, from all states but those of the test."""
        if not len(fit.library) or fit.error(self.kept_apart) <= EXACT:
            return fit
        return fit_lagrangian(fit.library, self.known, self.options)


def recovered(found: Expression, truth: Expression | None, error: float) -> bool | None:
    """Whether a Lagrangian is the true one; with noise to a percent of every constant.

    Args:
      found: the Lagrangian.
      truth: if it is known.
      error: of the torques on held-out states, over their variance.
    """
    if truth is None:
        return None
    dims = sum(name.startswith("qd") for name in {*found.variables, *truth.variables})
    try:
        return same_lagrangian(found, truth, dims, tolerance=1e-8 if error <= EXACT else 1e-2)
    except UnsupportedError:
        return None
