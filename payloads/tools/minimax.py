"""Fits the polynomials of payloads/llama98/math.c: the best of their degree, by linear programming.

Run by hand, `python minimax.py`; needs numpy, scipy and mpmath. What is minimised is the largest error
over the interval: relative for the exponential and (against x) for the sine, absolute for the cosine.
"""

from collections.abc import Callable

import numpy as np
from mpmath import cos, mp, mpf, pi, sin
from scipy.optimize import linprog

mp.dps = 40
POINTS = 4001
Real = Callable[[mpf], mpf]


def fit(f: Real, powers: list[int], weight: Real, low: mpf, high: mpf) -> list[mpf]:
    """Coefficients of x^p, p in `powers`, with the least max of |weight * (f - polynomial)|."""
    xs = [
        (low + high) / 2 - (high - low) / 2 * cos(pi * mpf(i) / (POINTS - 1)) for i in range(POINTS)
    ]
    basis = np.array([[float(weight(x) * x**p) for p in powers] for x in xs])
    size = np.abs(basis).max(0)
    basis /= size
    found = [mpf(0)] * len(powers)
    for _ in range(6):  # each round refines what the last one left over, beyond doubles
        left = [
            weight(x) * (f(x) - sum(c * x**p for c, p in zip(found, powers, strict=True)))
            for x in xs
        ]
        unit = max(abs(e) for e in left)
        rest = np.array([float(e / unit) for e in left])
        slack = -np.ones(POINTS)
        best = linprog(
            np.r_[np.zeros(len(powers)), 1],
            A_ub=np.vstack([np.c_[-basis, slack], np.c_[basis, slack]]),
            b_ub=np.r_[-rest, rest],
            bounds=[(None, None)] * len(powers) + [(0, None)],
            method="highs-ds",
        ).x
        found = [c + mpf(b) * unit / mpf(s) for c, b, s in zip(found, best, size, strict=False)]
    return found


def main() -> None:
    """Prints the coefficients as C doubles."""
    half, quarter = mpf(1) / 2, pi / 4
    one: Real = lambda x: mpf(1)  # noqa: E731
    per_x: Real = lambda x: 1 / x if x else mpf(0)  # noqa: E731
    cases = {
        "EXP": fit(lambda r: 2 ** (r / 32) - 1, [1, 2, 3], lambda r: 2 ** (-r / 32), -half, half),
        "SIN": fit(lambda x: sin(x) - x, [3, 5, 7], per_x, mpf(0), quarter),
        "COS": fit(lambda x: cos(x) - 1, [2, 4, 6, 8], one, mpf(0), quarter),
    }
    for name, coefficients in cases.items():
        print(name, *(repr(float(c)) for c in coefficients))


if __name__ == "__main__":
    main()
