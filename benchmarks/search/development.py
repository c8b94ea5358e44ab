"""The set that the native search engine was tuned on; no published score comes from it.

Formulas of physics, chemistry, engineering and biology from outside the Feynman lectures, each with
ranges of its variables (`log` where they span decades), and random compositions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym.expr import OPERATORS, Expression, apply, literal, parse, variable


class Law(NamedTuple):
    """A formula to be found.

    Attributes:
      name: in words.
      text: the formula.
      ranges: low and high of each variable; log-uniform where low is above 0 and high/low > 30.
    """

    name: str
    text: str
    ranges: dict[str, tuple[float, float]]

    def table(
        self, rows: int, rng: np.random.Generator
    ) -> tuple[Float[np.ndarray, "n V"], Float[np.ndarray, " n"]]:
        """Random rows on which the formula has a finite value."""
        X = np.column_stack([_draw(low, high, 4 * rows, rng) for low, high in self.ranges.values()])
        y = parse(self.text).evaluate(X, list(self.ranges))
        kept = np.flatnonzero(np.isfinite(y) & (np.abs(y) < 1e100))[:rows]
        return X[kept], y[kept]


def _draw(low: float, high: float, count: int, rng: np.random.Generator) -> np.ndarray:
    if low > 0 and high / low > 30:
        return np.exp(rng.uniform(np.log(low), np.log(high), count))
    return rng.uniform(low, high, count)


# name | formula | variable low high, ...
_TABLE = """
van der Waals | 8.314*n*T/(V - 0.04*n) - 0.14*n**2/V**2 | n 0.5 2, T 250 400, V 0.5 3
ideal gas density | p*M/(8.314*T) | p 5e4 3e5, M 0.002 0.05, T 200 600
Nernst | 0.0257*log(a/b)/z | a 0.1 10, b 0.1 10, z 1 4
Michaelis-Menten | V*S/(K + S) | V 1 5, S 0.1 10, K 0.5 5
competitive inhibition | V*S/(K*(1 + I/J) + S) | V 1 5, S 0.5 10, K 0.5 5, I 0.1 4, J 0.5 3
substrate inhibition | V*S/(K + S + S**2/J) | V 1 5, S 0.5 10, K 0.5 5, J 0.5 3
Hill | x**2/(k**2 + x**2) | x 0.1 5, k 0.5 3
Hill of order 4 | 1/(1 + (k/x)**4) | x 0.5 4, k 0.5 3
Antoine | 10**(8.07 - 1730.63/(233.4 + T)) | T 1 100
Tsiolkovsky | u*log(m/f) | u 2000 4500, m 10 50, f 1 9
thin lens | a*f/(a - f) | a 3 10, f 0.5 2
lensmaker | 1/((n - 1)*(1/a - 1/b)) | n 1.3 1.9, a 1 3, b 4 9
Manning | A*(A/P)**(2/3)*sqrt(s)/n | A 1 20, P 2 15, s 1e-4 1e-2, n 0.01 0.05
Weibull density | (k/l)*(x/l)**(k - 1)*exp(-(x/l)**k) | x 0.5 3, k 1 4, l 1 3
Weibull of shape 2 | 2*x*exp(-(x/l)**2)/l**2 | x 0.2 4, l 1 3
Debye length | sqrt(8.854e-12*1.381e-23*T/(2*n*q**2)) | T 200 1000, n 1e20 1e25, q 1.6e-19 5e-19
Butler-Volmer | j*(exp(19.5*v) - exp(-19.5*v)) | j 0.1 3, v -0.1 0.1
relativistic rocket | 299792458*tanh(u*log(m)/299792458) | u 1e7 1e8, m 2 10
relativistic addition | (u + v)/(1 + u*v/8.98755e16) | u 1e7 2.9e8, v 1e7 2.9e8
time dilation | t/sqrt(1 - v**2/8.98755e16) | t 1 10, v 1e7 2.8e8
Doppler of light | f*sqrt((c - v)/(c + v)) | f 1 5, c 3 6, v 0.5 2.5
kinetic energy of a fast body | m*c**2*(1/sqrt(1 - v**2/c**2) - 1) | m 1 5, c 4 8, v 1 3
Clausius-Clapeyron | p*exp(-L/8.314*(1/T - 1/S)) | p 1 5, L 2e4 5e4, T 280 400, S 280 400
Arrhenius | A*exp(-Y/(8.314*T)) | A 1e5 1e8, Y 1e4 5e4, T 250 500
Eyring | 2.084e10*T*exp(-G/(8.314*T)) | T 280 400, G 4e4 8e4
Breit-Wigner | G**2/(4*((Y - R)**2 + G**2/4)) | Y 1 5, R 2 4, G 0.5 2
Lorentzian | a*g/((x - b)**2 + g**2) | a 1 3, g 0.5 2, x -4 4, b -2 2
Planck-like | a*f**3/(exp(f/T) - 1) | a 1 3, f 0.5 5, T 0.5 3
Planck's radiance | 1.4745e-50*f**3/(exp(4.7992e-11*f/T) - 1) | f 1e12 1e15, T 500 6000
Kepler's third law | 2*pi*sqrt(a**3/(6.674e-11*M)) | a 1e10 1e12, M 1e29 1e31
Kepler's equation | M - h*sin(M) | M 0 6, h 0.05 0.9
orbit | a*(1 - w**2)/(1 + w*cos(t)) | a 1 5, w 0.1 0.8, t 0 6.28
vis-viva | sqrt(3.986e14*(2/r - 1/a)) | r 7e6 1e7, a 8e6 4e7
Bernoulli | p + d*v**2/2 + d*9.81*h | p 1e4 1e5, d 800 1200, v 1 10, h 0 10
damped oscillation | A*exp(-g*t)*cos(w*t) | A 1 3, g 0.1 1, t 0 4, w 1 4
driven oscillator | F/sqrt((k - m*w**2)**2 + (c*w)**2) | F 1 3, k 2 5, m 1 2, w 0.5 3, c 0.5 2
two exponentials | a*exp(-x) + b*exp(-3*x) | a 1 5, b 1 5, x 0 2
decay chain | a*(exp(-k*t) - exp(-l*t)) | a 1 3, k 0.2 1, l 1.2 3, t 0.1 4
hypotenuse | sqrt(x**2 + y**2 + z**2) | x 1 5, y 1 5, z 1 5
impedance | sqrt(R**2 + (w*L - 1/(w*C))**2) | R 1 5, w 1 4, L 1 3, C 0.2 1
parallel resistors | a*b/(a + b) | a 1 100, b 1 100
three parallel resistors | 1/(1/a + 1/b + 1/c) | a 1 10, b 1 10, c 1 10
diode | i*(exp(v/u) - 1) | i 1e-12 1e-9, v 0.2 0.6, u 0.025 0.05
voltage divider | V*b/(a + b) | V 1 10, a 100 900, b 100 900
Reynolds | d*v*l/m | d 800 1200, v 0.1 10, l 0.01 2, m 1e-4 1e-2
Stokes settling | 2*(a - b)*9.81*r**2/(9*m) | a 2000 8000, b 900 1100, r 1e-6 1e-4, m 1e-4 1e-2
drag with buoyancy | sqrt(4*9.81*D*(a - b)/(3*C*b)) | D 1e-3 0.1, a 2000 8000, b 900 1100, C 0.3 1
Darcy-Weisbach | f*L*v**2/(2*D*9.81) | f 0.01 0.05, L 10 100, v 0.5 5, D 0.05 1
heat exchanger | (a - b)/log(a/b) | a 20 60, b 1 15
Langmuir | q*k*p/(1 + k*p) | q 1 5, k 0.1 2, p 0.1 10
BET | v*c*x/((1 - x)*(1 + (c - 1)*x)) | v 1 3, c 2 9, x 0.05 0.6
Monod growth with decay | u*S/(K + S) - d | u 0.5 2, S 0.2 8, K 0.5 3, d 0.05 0.4
logistic growth | K/(1 + (K - P)/P*exp(-r*t)) | K 5 10, P 0.5 4, r 0.2 1, t 0 6
Gompertz | a*exp(-b*exp(-c*t)) | a 1 5, b 1 4, c 0.2 1, t 0 6
Holling type 2 | a*N/(1 + a*h*N) | a 0.2 2, N 0.5 10, h 0.1 1
Beverton-Holt | R*N/(1 + N/M) | R 1 3, N 1 20, M 2 10
Goldman | 25.7*log((k + 0.04*s)/(l + 0.04*m)) | k 2 8, s 100 160, l 100 160, m 5 20
Henderson-Hasselbalch | 6.1 + log(a/b)/log(10) | a 5 50, b 0.5 4
Gibbs | H - T*S | H -5e4 5e4, T 250 500, S -100 100
two-level heat capacity | (d/T)**2*exp(d/T)/(1 + exp(d/T))**2 | d 1 5, T 0.5 4
Einstein heat capacity | 3*(u/T)**2*exp(u/T)/(exp(u/T) - 1)**2 | u 1 4, T 0.5 3
Fermi occupation | 1/(exp((Y - m)/T) + 1) | Y 0 5, m 1 3, T 0.3 2
Lennard-Jones | 4*w*((s/r)**12 - (s/r)**6) | w 0.5 2, s 0.8 1.2, r 0.9 2
Morse | D*(1 - exp(-a*(r - b)))**2 | D 1 5, a 0.5 2, r 0.5 4, b 1 2
Yukawa | -g*exp(-m*r)/r | g 1 5, m 0.2 2, r 0.5 4
Buckingham | A*exp(-B*r) - C/r**6 | A 100 900, B 2 4, r 1 3, C 1 50
Schwarzschild dilation | sqrt(1 - 1.4851e-27*M/r) | M 1e30 1e31, r 5e4 1e6
light bending | 4*6.674e-11*M/(8.98755e16*b) | M 1e30 1e32, b 1e9 1e11
escape velocity | sqrt(2*6.674e-11*M/r) | M 1e22 1e27, r 1e6 1e8
Larmor formula | q**2*a**2/(6*pi*8.854e-12*2.6944e25) | q 1.6e-19 1e-18, a 1e15 1e20
Compton shift | l + 2.4263e-12*(1 - cos(t)) | l 1e-12 1e-11, t 0 3.14
Rydberg | 1/(1.0974e7*(1/n**2 - 1/m**2)) | n 1 3, m 4 9
de Broglie of an electron | 6.626e-34/sqrt(2*9.109e-31*1.602e-19*U) | U 10 1e4
cyclotron | q*B/(2*pi*m) | q 1.6e-19 5e-19, B 0.1 5, m 1e-27 1e-25
Hall voltage | I*B/(n*1.602e-19*d) | I 0.1 5, B 0.1 2, n 1e25 1e28, d 1e-5 1e-3
Child-Langmuir | 3.935e-12*sqrt(2*q/m)*V**1.5/d**2 | q 1e-19 5e-19, m 1e-30 1e-27, V 9 1e3, d 0.01 1
projectile height | h + v*t*sin(a) - 9.81*t**2/2 | h 0 10, v 5 30, t 0 3, a 0.2 1.4
projectile range | v**2*sin(2*a)/9.81 | v 5 30, a 0.1 1.4
physical pendulum | 2*pi*sqrt((k**2 + d**2)/(9.81*d)) | k 0.1 1, d 0.1 1
Snell | asin(n*sin(a)/m) | n 1 1.4, m 1.5 2, a 0.1 1.4
Fresnel at normal incidence | ((n - m)/(n + m))**2 | n 1 2, m 2.2 4
Bragg | a*l/(2*sin(t)) | a 1 4, l 0.5 2, t 0.2 1.4
grating of two slits | a*cos(3.14159265*d*sin(t)/l)**2 | a 1 3, d 0.5 2, t -1 1, l 0.5 2
wave | A*sin(k*x - w*t) | A 1 3, k 0.5 2, x 0 4, w 0.5 2, t 0 3
beats | cos(a*t) + cos(b*t) | a 1 3, b 1 3, t 0 4
law of cosines | sqrt(a**2 + b**2 - 2*a*b*cos(c)) | a 1 5, b 1 5, c 0.2 3
haversine | sin(d/2)**2 + cos(a)*cos(b)*sin(l/2)**2 | d -1 1, a -1 1, b -1 1, l -3 3
distance in a plane | sqrt((a - b)**2 + (c - d)**2) | a 1 5, b 6 9, c 1 5, d 6 9
torque of forces | x*f*sin(a) + z*g*sin(b) | x 1 3, f 1 5, a 0 3, z 1 3, g 1 5, b 0 3
center of mass | (a*x + b*y + c*z)/(a + b + c) | a 1 5, b 1 5, c 1 5, x -3 3, y -3 3, z -3 3
pull in space | 6.674e-11*m*M/((a-b)**2 + (c-d)**2) | m 10 99, M 10 99, a 1 4, b 5 9, c 1 4, d 5 9
beam deflection | F*x**2*(3*L - x)/(6*Y*J) | F 100 1e3, x 0.1 1, L 1.1 3, Y 1e10 2e11, J 1e-6 1e-4
Euler buckling | pi**2*Y*J/(K*L)**2 | Y 1e10 2e11, J 1e-8 1e-5, K 0.5 2, L 1 5
Hertz contact | 4/3*Y*sqrt(R)*d**1.5 | Y 1e9 1e11, R 1e-3 0.1, d 1e-6 1e-4
Poiseuille profile | p*(R**2 - r**2)/(4*m*L) | p 10 1e3, R 1.1 2, r 0.1 1, m 1e-3 0.1, L 1 5
fin efficiency | tanh(m*L)/(m*L) | m 0.5 3, L 0.2 2
normal density | exp(-((x - m)/s)**2/2)/(s*sqrt(2*pi)) | x -3 3, m -1 1, s 0.5 2
softplus | log(1 + exp(a*x))/a | a 0.5 3, x -2 2
entropy of a coin | -p*log(p) - (1 - p)*log(1 - p) | p 0.02 0.98
Black-body of a star | 4*pi*R**2*5.670e-8*T**4 | R 1e8 1e10, T 3e3 3e4
Saha-like | (T**1.5/n)*exp(-x/T) | T 0.5 3, n 1 10, x 1 6
Gaussian beam | w*sqrt(1 + (z/r)**2) | w 1 3, z 0 5, r 1 3
radioactive dating | log(1 + d/p)/l | d 0.1 3, p 1 5, l 0.05 0.5
compound interest | p*(1 + r/n)**(n*t) | p 1 5, r 0.02 0.3, n 1 12, t 1 5
"""


def laws() -> list[Law]:
    """The formulas.

    >>> laws()[0].name
    'van der Waals'
    """
    return [_law(line) for line in _TABLE.strip().splitlines()]


def _law(line: str) -> Law:
    name, text, ranges = (part.strip() for part in line.split("|"))
    rows = (entry.split() for entry in ranges.split(","))
    return Law(name, text, {v: (float(low), float(high)) for v, low, high in rows})


_UNARY = {"square": 3.0, "cube": 1.0, "sqrt": 4.0, "log": 4.0, "exp": 4.0, "sin": 4.0, "cos": 4.0}
_BINARY = {"add": 10.0, "mul": 10.0, "sub": 5.0, "div": 5.0}


def compositions(count: int, seed: int = 0) -> Iterator[Law]:
    """Random compositions of up to three variables, without constants.

    >>> len(list(compositions(3)))
    3
    """
    rng = np.random.default_rng(seed)
    found = 0
    while found < count:
        expression = _tree(int(rng.integers(2, 7)), int(rng.integers(1, 4)), rng).canonical()
        names = expression.variables
        if not names or expression.complexity < 3:
            continue
        law = Law(f"composition {found}", str(expression), dict.fromkeys(names, (-10.0, 10.0)))
        _, y = law.table(512, np.random.default_rng(seed))
        if len(y) == 512 and np.ptp(y) > 0 and np.max(np.abs(y)) < 1e6:
            found += 1
            yield law


def _tree(operators: int, variables: int, rng: np.random.Generator) -> Expression:
    """A random tree with a number of operators."""
    if operators == 0:
        return variable(f"x{rng.integers(variables)}") if rng.random() < 0.95 else literal(1)
    names = [*_UNARY, *_BINARY]
    weights = np.array([*_UNARY.values(), *_BINARY.values()])
    name = names[rng.choice(len(names), p=weights / weights.sum())]
    if OPERATORS[name].arity == 1:
        return apply(name, _tree(operators - 1, variables, rng))
    left = int(rng.integers(0, operators))
    return apply(name, _tree(left, variables, rng), _tree(operators - 1 - left, variables, rng))
