"""Equations of the search benchmark that are written here, with the ranges of their variables.

AI Feynman: the equations of the Feynman Symbolic Regression Database (Udrescu and Tegmark 2020,
arXiv 1905.11481) with at most three variables, which are 52 (Biggio et al. 2021, arXiv 2106.06427).
Nguyen: Uy et al. 2011, with the ranges that Petersen et al. 2021 (arXiv 1912.04871) use. Messages:
what graph networks learn of the laws of Cranmer et al. 2020 (arXiv 2006.11287), mixed linearly.
"""

from __future__ import annotations

Row = tuple[str, str, str]  # name, formula, "variable least most, ..."

AI_FEYNMAN: tuple[Row, ...] = (
    ("I.6.2a", "exp(-theta**2/2)/sqrt(2*pi)", "theta 1 3"),
    ("I.6.2", "exp(-(theta/sigma)**2/2)/(sqrt(2*pi)*sigma)", "sigma 1 3, theta 1 3"),
    (
        "I.6.2b",
        "exp(-((theta - theta1)/sigma)**2/2)/(sqrt(2*pi)*sigma)",
        "sigma 1 3, theta 1 3, theta1 1 3",
    ),
    ("I.10.7", "m0/sqrt(1 - v**2/c**2)", "m0 1 5, v 1 2, c 3 10"),
    ("I.12.1", "mu*N", "mu 1 5, N 1 5"),
    ("I.12.4", "q*r/(4*pi*epsilon*r**3)", "q 1 5, epsilon 1 5, r 1 5"),
    ("I.12.5", "q*E_f", "q 1 5, E_f 1 5"),
    ("I.14.3", "m*g*z", "m 1 5, g 1 5, z 1 5"),
    ("I.14.4", "k*x**2/2", "k 1 5, x 1 5"),
    ("I.15.1", "m0*v/sqrt(1 - v**2/c**2)", "m0 1 5, v 1 2, c 3 10"),
    ("I.16.6", "(u + v)/(1 + u*v/c**2)", "c 1 5, v 1 5, u 1 5"),
    ("I.18.12", "r*F*sin(theta)", "r 1 5, F 1 5, theta 0 5"),
    ("I.25.13", "q/C", "q 1 5, C 1 5"),
    ("I.26.2", "asin(n*sin(theta))", "n 0 1, theta 1 5"),
    ("I.27.6", "1/(1/d1 + n/d2)", "d1 1 5, d2 1 5, n 1 5"),
    ("I.29.4", "omega/c", "omega 1 10, c 1 10"),
    ("I.30.3", "I0*sin(n*theta/2)**2/sin(theta/2)**2", "I0 1 5, theta 1 5, n 1 5"),
    ("I.30.5", "asin(w/(n*d))", "w 1 2, d 2 5, n 1 5"),
    ("I.34.1", "omega0/(1 - v/c)", "c 3 10, v 1 2, omega0 1 5"),
    ("I.34.14", "(1 + v/c)/sqrt(1 - v**2/c**2)*omega0", "c 3 10, v 1 2, omega0 1 5"),
    ("I.34.27", "h/(2*pi)*omega", "omega 1 5, h 1 5"),
    ("I.37.4", "I1 + I2 + 2*sqrt(I1*I2)*cos(delta)", "I1 1 5, I2 1 5, delta 1 5"),
    ("I.39.1", "3*p*V/2", "p 1 5, V 1 5"),
    ("I.39.11", "p*V/(gamma - 1)", "gamma 2 5, p 1 5, V 1 5"),
    ("I.43.31", "mob*T*kb", "mob 1 5, T 1 5, kb 1 5"),
    ("I.47.23", "sqrt(gamma*p/rho)", "gamma 1 5, p 1 5, rho 1 5"),
    ("I.48.2", "m*c**2/sqrt(1 - v**2/c**2)", "m 1 5, v 1 2, c 3 10"),
    ("II.3.24", "P/(4*pi*r**2)", "P 1 5, r 1 5"),
    ("II.4.23", "q/(4*pi*epsilon*r)", "q 1 5, epsilon 1 5, r 1 5"),
    ("II.8.7", "3*q**2/(5*4*pi*epsilon*d)", "q 1 5, epsilon 1 5, d 1 5"),
    ("II.8.31", "epsilon*E_f**2/2", "epsilon 1 5, E_f 1 5"),
    ("II.10.9", "sigma/epsilon/(1 + chi)", "sigma 1 5, epsilon 1 5, chi 1 5"),
    ("II.11.28", "1 + n*alpha/(1 - n*alpha/3)", "n 0 1, alpha 0 1"),
    ("II.13.23", "rho0/sqrt(1 - v**2/c**2)", "rho0 1 5, v 1 2, c 3 10"),
    ("II.13.34", "rho0*v/sqrt(1 - v**2/c**2)", "rho0 1 5, v 1 2, c 3 10"),
    ("II.15.4", "-mom*B*cos(theta)", "mom 1 5, B 1 5, theta 1 5"),
    ("II.15.5", "-p*E_f*cos(theta)", "p 1 5, E_f 1 5, theta 1 5"),
    ("II.24.17", "sqrt(omega**2/c**2 - pi**2/d**2)", "omega 4 6, c 1 2, d 2 4"),
    ("II.27.16", "epsilon*c*E_f**2", "epsilon 1 5, c 1 5, E_f 1 5"),
    ("II.27.18", "epsilon*E_f**2", "epsilon 1 5, E_f 1 5"),
    ("II.34.2a", "q*v/(2*pi*r)", "q 1 5, v 1 5, r 1 5"),
    ("II.34.2", "q*v*r/2", "q 1 5, v 1 5, r 1 5"),
    ("II.34.29a", "q*h/(4*pi*m)", "q 1 5, h 1 5, m 1 5"),
    ("II.37.1", "mom*(1 + chi)*B", "mom 1 5, B 1 5, chi 1 5"),
    ("II.38.14", "Y/(2*(1 + sigma))", "Y 1 5, sigma 1 5"),
    ("III.7.38", "2*mom*B/(h/(2*pi))", "mom 1 5, B 1 5, h 1 5"),
    ("III.8.54", "sin(E_n*t/(h/(2*pi)))**2", "E_n 1 2, t 1 2, h 1 4"),
    ("III.12.43", "n*h/(2*pi)", "n 1 5, h 1 5"),
    ("III.15.12", "2*U*(1 - cos(k*d))", "U 1 5, k 1 5, d 1 5"),
    ("III.15.14", "(h/(2*pi))**2/(2*E_n*d**2)", "h 1 5, E_n 1 5, d 1 5"),
    ("III.15.27", "2*pi*alpha/(n*d)", "alpha 1 5, n 1 5, d 1 5"),
    ("III.17.37", "beta*(1 + alpha*cos(theta))", "beta 1 5, alpha 1 5, theta 1 5"),
)

NGUYEN: tuple[Row, ...] = (
    ("Nguyen-1", "x**3 + x**2 + x", "x -1 1"),
    ("Nguyen-2", "x**4 + x**3 + x**2 + x", "x -1 1"),
    ("Nguyen-3", "x**5 + x**4 + x**3 + x**2 + x", "x -1 1"),
    ("Nguyen-4", "x**6 + x**5 + x**4 + x**3 + x**2 + x", "x -1 1"),
    ("Nguyen-5", "sin(x**2)*cos(x) - 1", "x -1 1"),
    ("Nguyen-6", "sin(x) + sin(x + x**2)", "x -1 1"),
    ("Nguyen-7", "log(x + 1) + log(x**2 + 1)", "x 0 2"),
    ("Nguyen-8", "sqrt(x)", "x 0 4"),
    ("Nguyen-9", "sin(x) + sin(y**2)", "x 0 1, y 0 1"),
    ("Nguyen-10", "2*sin(x)*cos(y)", "x 0 1, y 0 1"),
    ("Nguyen-11", "x**y", "x 0 1, y 0 1"),
    ("Nguyen-12", "x**4 - x**3 + y**2/2 - y", "x 0 1, y 0 1"),
)

# In terms of r, which comes after dx and dy but is the length of (dx, dy).
_MIX, _PLANE = "(0.6*dx - 0.8*dy)", "dx -2 2, dy -2 2"
MESSAGES: tuple[Row, ...] = (
    ("GN-spring", f"2*(r - 1)*{_MIX}/r", f"{_PLANE}, r 0 3"),
    ("GN-r1", f"-1.3*m1*m2*{_MIX}/r**2", f"{_PLANE}, m1 0.5 3, m2 0.5 3, r 0 3"),
    ("GN-r2", f"-1.3*m1*m2*{_MIX}/r**3", f"{_PLANE}, m1 0.5 3, m2 0.5 3, r 0 3"),
    ("GN-charge", f"1.3*q1*q2*{_MIX}/r**3", f"{_PLANE}, q1 -1 1, q2 -1 1, r 0 3"),
)
