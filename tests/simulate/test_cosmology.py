"""The dark-matter simulation against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from jaxsym.simulate.cosmology import (
    Cosmology,
    cic_paint,
    cic_read,
    evolve,
    expansion,
    friends_of_friends,
    growth,
    growth_momentum,
    linear_density,
    linear_power,
    measured_power,
    particle_mass,
    simulate_matter,
    smoothed_overdensity,
    transfer,
    zeldovich,
)
from jaxsym.simulate.cosmology.particle_mesh import pull

BOX = 64.0


def test_growth_is_heath_integral_and_its_slope():
    cosmology = Cosmology()

    def rate(a):
        return np.sqrt(cosmology.omega_m / a**3 + 1 - cosmology.omega_m)

    def heath(a):
        return rate(a) * quad(lambda b: (b * rate(b)) ** -3, 1e-8, a)[0]

    for a in (0.1, 0.4, 0.8):
        np.testing.assert_allclose(growth(cosmology, a), heath(a) / heath(1.0), rtol=2e-5)
        slope = (growth(cosmology, a + 1e-2) - growth(cosmology, a - 1e-2)) / 2e-2
        expected = a**3 * expansion(cosmology, a) * slope
        np.testing.assert_allclose(growth_momentum(cosmology, a), expected, rtol=2e-3)


def test_power_spectrum_has_sigma8_and_the_primordial_slope():
    cosmology = Cosmology()

    def integrand(log_k):
        k = np.exp(log_k)
        x = 8 * k
        window = 3 * (np.sin(x) - x * np.cos(x)) / x**3
        return k**3 * float(linear_power(cosmology, k)) * window**2 / (2 * np.pi**2)

    grid = np.linspace(np.log(1e-3), np.log(20.0), 500)
    variance = np.trapezoid([integrand(k) for k in grid], grid)
    np.testing.assert_allclose(np.sqrt(variance), cosmology.sigma8, rtol=1e-3)
    low = linear_power(cosmology, jnp.array([1e-5, 2e-5]))
    np.testing.assert_allclose(np.log2(low[1] / low[0]), cosmology.spectral_index, rtol=1e-3)
    assert bool(jnp.all(jnp.diff(transfer(cosmology, jnp.logspace(-4, 1, 50))) < 0))


def test_random_fields_have_the_power_that_they_were_asked_for():
    noise = jax.random.normal(jax.random.key(0), (48,) * 3)
    k, power = measured_power(linear_density(noise, BOX, Cosmology()), BOX, bins=12)
    expected = linear_power(Cosmology(), k)
    np.testing.assert_allclose(power[4:], expected[4:], rtol=0.1)  # thousands of modes a shell


def test_painting_keeps_mass_and_is_the_transpose_of_reading():
    position = BOX * jax.random.uniform(jax.random.key(0), (500, 3), minval=-1.0, maxval=2.0)
    field = jax.random.normal(jax.random.key(1), (16,) * 3)
    painted = cic_paint(position, 16, BOX)
    np.testing.assert_allclose(painted.sum(), 500.0, rtol=1e-5)
    np.testing.assert_allclose(
        jnp.vdot(painted, field), cic_read(field, position, BOX).sum(), rtol=1e-3, atol=1e-3
    )
    shifted = cic_paint(position + jnp.array([[BOX / 16, 0, 0]]), 16, BOX)
    np.testing.assert_allclose(shifted, jnp.roll(painted, 1, axis=0), atol=1e-3)


def plane_wave(mesh, amplitude, number=1):
    phase = 2 * jnp.pi * number * jnp.arange(mesh) / mesh
    return jnp.broadcast_to(amplitude * jnp.cos(phase)[:, None, None], (mesh,) * 3)


def test_zeldovich_displacement_of_a_plane_wave():
    a, amplitude = 0.3, 0.1
    position, momentum = zeldovich(plane_wave(16, amplitude), BOX, Cosmology(), a)
    wave = 2 * np.pi / BOX
    q = BOX / 16 * jnp.arange(16)
    shift = -amplitude * jnp.sin(wave * q) / wave
    along = position.reshape(16, 16, 16, 3)[:, 3, 5]
    np.testing.assert_allclose(along[:, 0] - q, growth(Cosmology(), a) * shift, atol=1e-4)
    np.testing.assert_allclose(along[:, 1], 3 * BOX / 16, atol=1e-4)
    moving = momentum.reshape(16, 16, 16, 3)[:, 3, 5, 0]
    np.testing.assert_allclose(moving, growth_momentum(Cosmology(), a) * shift, atol=1e-4)


def test_a_plane_wave_grows_as_linear_theory_says_until_it_breaks():
    cosmology, start, density = Cosmology(), 0.2, plane_wave(32, 0.5)
    state = zeldovich(density, BOX, cosmology, start)
    position, momentum = evolve(
        *state, mesh=32, box=BOX, cosmology=cosmology, start=start, end=1.0, steps=8
    )
    # in one dimension linear theory's displacement is exact until orbits cross
    expected, moving = zeldovich(density, BOX, cosmology, 1.0)
    travelled = float(jnp.linalg.norm(expected - state[0]))
    assert float(jnp.linalg.norm(position - expected)) < 0.03 * travelled
    assert float(jnp.linalg.norm(momentum - moving)) < 0.03 * float(jnp.linalg.norm(moving))


def test_momentum_is_conserved_and_pulls_are_equal_and_opposite():
    position = BOX * jax.random.uniform(jax.random.key(2), (300, 3))
    force = pull(position, 16, BOX)
    assert float(jnp.abs(force.sum(0)).max()) < 1e-4 * float(jnp.abs(force).sum())
    _, momentum = evolve(
        position,
        jnp.zeros_like(position),
        mesh=16,
        box=BOX,
        cosmology=Cosmology(),
        start=0.5,
        end=1.0,
        steps=5,
    )
    assert float(jnp.abs(momentum.sum(0)).max()) < 1e-4 * float(jnp.abs(momentum).sum())


def test_gradient_of_the_final_field_reaches_the_first_noise_and_the_cosmology():
    with jax.enable_x64(True):
        noise = jax.random.normal(jax.random.key(3), (6,) * 3, jnp.float64)
        weights = jax.random.normal(jax.random.key(4), (8,) * 3, jnp.float64)

        @jax.jit
        def final(noise, omega_m):
            cosmology = Cosmology(omega_m=omega_m)
            state = zeldovich(linear_density(noise, 30.0, cosmology), 30.0, cosmology, 0.2)
            position, _ = evolve(
                *state, mesh=8, box=30.0, cosmology=cosmology, start=0.2, end=1.0, steps=2
            )
            return jnp.vdot(weights, cic_paint(position, 8, 30.0))

        slope, slope_omega = jax.jit(jax.grad(final, argnums=(0, 1)))(noise, 0.3)
        direction = jax.random.normal(jax.random.key(5), noise.shape, noise.dtype)
        h = 1e-6
        difference = final(noise + h * direction, 0.3) - final(noise - h * direction, 0.3)
        np.testing.assert_allclose(jnp.vdot(slope, direction), difference / (2 * h), rtol=1e-4)
        difference = final(noise, 0.3 + h) - final(noise, 0.3 - h)
        np.testing.assert_allclose(slope_omega, difference / (2 * h), rtol=1e-4)


def test_compiled_and_eager_pulls_agree():
    position = BOX * jax.random.uniform(jax.random.key(2), (50, 3))
    with jax.disable_jit():
        eager = pull(position, 8, BOX)
    np.testing.assert_allclose(
        jax.jit(pull, static_argnums=(1, 2))(position, 8, BOX), eager, atol=1e-4
    )


def test_friends_of_friends_finds_constructed_clusters():
    rng = np.random.default_rng(0)
    centers = np.array([[0.0, 0.1, 63.9], [20.0, 20.0, 20.0], [40.0, 10.0, 50.0]])
    sizes = (60, 40, 10)
    clusters = [c + 0.1 * rng.normal(size=(n, 3)) for c, n in zip(centers, sizes, strict=True)]
    line = (np.arange(12) + 0.5) * BOX / 12
    lonely = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    position = np.concatenate([*clusters, lonely]) % BOX
    velocity = np.concatenate(
        [np.full((n, 3), 100.0 * i) for i, n in enumerate(sizes)] + [0 * lonely]
    )
    order = rng.permutation(len(position))
    halos = friends_of_friends(
        position[order], velocity[order], box=BOX, particle_mass=2.0, least=20
    )
    assert halos.mass.tolist() == [120.0, 80.0]
    for i in range(2):
        beyond = (halos.position[i] - clusters[i].mean(0) + BOX / 2) % BOX - BOX / 2
        np.testing.assert_allclose(beyond, 0.0, atol=1e-9)
        np.testing.assert_allclose(halos.velocity[i], 100.0 * i)
    assert np.all((halos.position >= 0) & (halos.position < BOX))


def test_friends_of_friends_says_what_is_wrong():
    with pytest.raises(ValueError, match=r"position has shape \(4, 2\); expected \[n, 3\]"):
        friends_of_friends(np.zeros((4, 2)), np.zeros((4, 2)), box=1.0, particle_mass=1.0)
    with pytest.raises(ValueError, match="linking is -1; expected a positive number"):
        friends_of_friends(
            np.zeros((4, 3)), np.zeros((4, 3)), box=1.0, particle_mass=1.0, linking=-1
        )
    with pytest.raises(ValueError, match="velocity has a non-finite value"):
        friends_of_friends(np.zeros((4, 3)), np.full((4, 3), np.nan), box=1.0, particle_mass=1.0)


def test_smoothed_overdensity_counts_particles_in_balls():
    matter = simulate_matter(jax.random.key(6), particles=24, box=BOX, steps=6)
    position = np.asarray(matter.position)
    at = position[::1500]
    smooth = smoothed_overdensity(matter.position, at, mesh=48, box=BOX, radius=12.0)
    beyond = (position[None] - at[:, None] + BOX / 2) % BOX - BOX / 2
    count = np.sum(np.sum(beyond**2, -1) < 12.0**2, axis=1)
    counted = count / (len(position) * 4 / 3 * np.pi * 12.0**3 / BOX**3) - 1
    np.testing.assert_allclose(smooth, counted, atol=0.1)  # some 400 particles a ball
    np.testing.assert_allclose(smooth.mean(), counted.mean(), atol=0.03)
    assert np.ptp(counted) > 0.3
    with pytest.raises(ValueError, match="radius is 0.1; expected from a cell"):
        smoothed_overdensity(matter.position, at, mesh=48, box=BOX, radius=0.1)


def test_halos_share_the_mass_of_the_box():
    total = particle_mass(Cosmology(), BOX, 100) * 100
    np.testing.assert_allclose(total, particle_mass(Cosmology(), BOX, 1))
    with pytest.raises(ValueError, match="start is 2.0; expected a scale factor between 0 and 1"):
        simulate_matter(jax.random.key(0), particles=4, start=2.0)
