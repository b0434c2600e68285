"""Minimizers of the potential energy that run without Python between start and minimum."""

from typing import Any

import numpy as np
from numba import njit

from vitrify.protocols._kernels import build_list, forces_at, is_outdated

MEMORY = 10
SKIN = 0.3


@njit(cache=True)
def _dot(a: Any, b: Any) -> Any:
    total = 0.0
    for i in range(len(a)):
        for k in range(3):
            total += a[i, k] * b[i, k]
    return total


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def dot(a, b):
    t = 0.0
    for k in range(len(a)):
        t += a[k] * b[k]
    return t


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def axpy(c, a, b):
    for k in range(len(a)):
        b[k] += c * a[k]


@njit(cache=True)
def longest(f):
    m = 0.0
    for i in range(len(f)):
        m = max(m, f[i, 0] * f[i, 0] + f[i, 1] * f[i, 1] + f[i, 2] * f[i, 2])
    return np.sqrt(m)


@njit(cache=True)
def lbfgs(potential, system, cutoffs, start, tol, max_iterations, mem, max_step, skin0, hist):
    n = len(start)
    N3 = 3 * n
    x = start.copy()
    xf = x.reshape(-1)
    f = np.empty_like(x)
    xn = np.empty_like(x)
    fn = np.empty_like(x)
    d = np.empty_like(x)
    S = np.empty((mem, N3))
    Y = np.empty((mem, N3))
    rho = np.empty(mem)
    al = np.empty(mem)
    v = build_list(x, system, cutoffs, skin0, 64)
    builds = 1
    evals = 1
    E, rest = forces_at(potential, system, v, x, f)
    k = 0
    gamma = 0.0
    it = 0
    stuck = False
    fails = 0
    skin = skin0
    while it < max_iterations:
        fm = longest(f)
        hist[it, 0] = fm
        hist[it, 1] = E + rest
        hist[it, 2] = evals
        if fm < tol:
            break
        it += 1
        ff = f.reshape(-1)
        df = d.reshape(-1)
        df[:] = ff
        m = min(k, mem)
        for q in range(m):
            h = (k - 1 - q) % mem
            al[h] = rho[h] * dot(S[h], df)
            axpy(-al[h], Y[h], df)
        if m > 0:
            for q in range(N3):
                df[q] *= gamma
        for q in range(m - 1, -1, -1):
            h = (k - 1 - q) % mem
            axpy(al[h] - rho[h] * dot(Y[h], df), S[h], df)
        slope = -dot(ff, df)
        if slope >= 0.0:
            k = 0
            m = 0
            df[:] = ff
            slope = -dot(ff, df)
        step = 1.0
        dm = longest(d)
        if m == 0:
            step = min(1.0, 0.02 / dm)
        step = min(step, max_step / dm)
        ok = False
        for trial in range(20):
            for i in range(n):
                for a in range(3):
                    xn[i, a] = x[i, a] + step * d[i, a]
            if is_outdated(v, xn):
                if step * dm < 1e-3:
                    skin = 0.05
                v = build_list(xn, system, cutoffs, skin, int(v.first[-1] * 1.1))
                builds += 1
            En, rest = forces_at(potential, system, v, xn, fn)
            evals += 1
            if En <= E + 1e-4 * step * slope:
                ok = True
                break
            if En <= E + 1e-12 * abs(E):
                sn = -dot(fn.reshape(-1), df)
                if sn <= 0.9998 * abs(slope):
                    ok = True
                    break
            # quadratic through E, slope, En
            den = 2 * (En - E - step * slope)
            ns = -slope * step * step / den if den > 0 else 0.5 * step
            step = min(max(ns, 0.1 * step), 0.5 * step)
        if not ok:
            if m == 0:
                break
            k = 0
            fails += 1
            continue
        h = k % mem
        ys = 0.0
        yy = 0.0
        ss = 0.0
        fnf = fn.reshape(-1)
        xnf = xn.reshape(-1)
        xff = x.reshape(-1)
        for q in range(N3):
            S[h, q] = xnf[q] - xff[q]
            Y[h, q] = ff[q] - fnf[q]
        ys = dot(S[h], Y[h])
        yy = dot(Y[h], Y[h])
        ss = dot(S[h], S[h])
        if ys > 1e-10 * np.sqrt(ss * yy):
            rho[h] = 1 / ys
            gamma = ys / yy
            k += 1
        x, xn = xn, x
        f, fn = fn, f
        E = En
    return x, E + rest, longest(f), it, evals, builds, fails
