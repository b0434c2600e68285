"""Minimizers of the potential energy that run without Python between the start and the minimum.

L-BFGS starts as itself: the way down then ends in the basin that steepest descent, conjugate gradients or FIRE choose,
as often as these agree with each other. A metric that knows the bonds would end elsewhere for ten per cent of the
particles, so it comes in only when every particle is within `NEAR` of balance against its own bonds; from there on it
halves the number of force evaluations.
"""

from collections import namedtuple
from typing import Any

import numpy as np
from numba import njit, uint64

from vitrify.models._kernels import as_row, interact
from vitrify.protocols._kernels import MATH, build_list, forces_at, is_outdated

MEMORY = 8
MAX_STEP = 0.1
FIRST_STEP = 0.02
NEAR = 0.005
MOVED = 0.15
SOFT = 0.03
GAMMA_EVERY = 1

Springs = namedtuple(
    "Springs",
    [
        "first",  # (N + 1,) where the bonds of each particle with later ones begin
        "other",  # (B,) their second ends
        "direction",  # (B, 3) unit vector times the root of the stiffness
        "inverse",  # (N, 3, 3) of the sum over bonds of each particle
        "stiffness",  # mean over particles of what one direction feels
        "built_at",  # (N, 3)
    ],
)


@njit(cache=True)
def _stiffness(potential, r2, row):
    """Second derivative of the pair energy, by differences of the force."""
    step = 1e-4
    _, below = interact(potential, r2 * (1.0 - step), row)
    _, here = interact(potential, r2, row)
    _, above = interact(potential, r2 * (1.0 + step), row)
    return -here - (above - below) / step


@njit(cache=True)
def _bond_lengths(potential):
    """Squared distance below which pairs of each two species resist being pressed: the outermost V'' > 0, (S, S)."""
    limits = potential.squared_cutoffs.copy()
    for a in range(len(limits)):
        for b in range(len(limits)):
            row = as_row(potential.parameters[a, b])
            r2 = 0.999 * limits[a, b]
            while r2 > 0.01 * limits[a, b] and _stiffness(potential, r2, row) <= 0.0:
                r2 *= 0.99
            limits[a, b] = r2
    return limits


@njit(cache=True)
def _find_bonds(potential, system, verlet, limits):
    """Bonds of the particles as they stand in `verlet.copies`: both ends, and direction times root of stiffness."""
    n, n_species = len(verlet.built_at), len(limits)
    low, high = np.empty(8 * n + 64, np.int64), np.empty(8 * n + 64, np.int64)
    direction = np.empty((8 * n + 64, 3))
    found = run = 0
    for a in range(n_species):
        for b in range(n_species):
            row = as_row(potential.parameters[a, b])
            for i in range(system.blocks[a], system.blocks[a + 1]):
                if found + verlet.first[run + 1] - verlet.first[run] > len(low):
                    low, high = np.append(low, low), np.append(high, high)
                    direction = np.concatenate((direction, direction))
                for k in range(verlet.first[run], verlet.first[run + 1]):
                    j = verlet.neighbour[k]
                    dx = verlet.copies[i, 0] - verlet.copies[j, 0]
                    dy = verlet.copies[i, 1] - verlet.copies[j, 1]
                    dz = verlet.copies[i, 2] - verlet.copies[j, 2]
                    r2 = dx * dx + dy * dy + dz * dz
                    o = np.int64(verlet.owner[j])
                    if r2 > limits[a, b] or o == i:
                        continue
                    factor = np.sqrt(max(_stiffness(potential, r2, row), 0.0) / r2)
                    low[found], high[found] = min(i, o), max(i, o)
                    direction[found, 0], direction[found, 1], direction[found, 2] = factor * dx, factor * dy, factor * dz
                    found += 1
                run += 1
    return low[:found], high[:found], direction[:found]


@njit(cache=True)
def _add_outer(block, m):
    for a in range(3):
        for b in range(3):
            block[a, b] += m[a] * m[b]


@njit(cache=True)
def _invert(block, ridge):
    """Replace a symmetric 3 × 3 block by the inverse of itself plus `ridge` on the diagonal."""
    a, b, c = block[0, 0] + ridge, block[0, 1], block[0, 2]
    d, e, f = block[1, 1] + ridge, block[1, 2], block[2, 2] + ridge
    x, y, z = d * f - e * e, c * e - b * f, b * e - c * d
    over = 1.0 / (a * x + b * y + c * z)
    block[0, 0], block[0, 1], block[0, 2] = x * over, y * over, z * over
    block[1, 0], block[1, 1], block[1, 2] = y * over, (a * f - c * c) * over, (b * c - a * e) * over
    block[2, 0], block[2, 1], block[2, 2] = z * over, (b * c - a * e) * over, (a * d - b * b) * over


@njit(cache=True)
def make_springs(potential, system, verlet, x, limits):
    """The network of stiff bonds at `x`, where `verlet.copies` must stand."""
    n = len(x)
    low, high, direction = _find_bonds(potential, system, verlet, limits)
    first, inverse = np.zeros(n + 1, np.int64), np.zeros((n, 3, 3))
    for k in range(len(low)):
        first[low[k] + 1] += 1
        _add_outer(inverse[low[k]], direction[k])
        _add_outer(inverse[high[k]], direction[k])
    for i in range(n):
        first[i + 1] += first[i]
    fill = first[:-1].copy()
    other, sorted_direction = np.empty(len(low), np.uint32), np.empty((len(low), 3))
    for k in range(len(low)):
        to = fill[low[k]]
        other[to] = high[k]
        for a in range(3):
            sorted_direction[to, a] = direction[k, a]
        fill[low[k]] += 1
    trace = 0.0
    for i in range(n):
        trace += inverse[i, 0, 0] + inverse[i, 1, 1] + inverse[i, 2, 2]
    stiffness = trace / (3.0 * n) if trace > 0.0 else 1.0
    for i in range(n):
        _invert(inverse[i], SOFT * stiffness)
    return Springs(first, other, sorted_direction, inverse, stiffness, x.copy())


@njit(cache=True, fastmath=MATH, error_model="numpy")
def relax_springs(springs, v):
    """Replace `v` (N, 3) by what one symmetric Gauss-Seidel sweep makes of the response of the springs to it."""
    first, other, direction, inverse = springs.first, springs.other, springs.direction, springs.inverse
    for i in range(len(v)):
        m = inverse[i]
        x = m[0, 0] * v[i, 0] + m[0, 1] * v[i, 1] + m[0, 2] * v[i, 2]
        y = m[1, 0] * v[i, 0] + m[1, 1] * v[i, 1] + m[1, 2] * v[i, 2]
        z = m[2, 0] * v[i, 0] + m[2, 1] * v[i, 1] + m[2, 2] * v[i, 2]
        for k in range(uint64(first[i]), uint64(first[i + 1])):
            j = other[k]
            along = direction[k, 0] * x + direction[k, 1] * y + direction[k, 2] * z
            v[j, 0] += along * direction[k, 0]
            v[j, 1] += along * direction[k, 1]
            v[j, 2] += along * direction[k, 2]
    for i in range(len(v) - 1, -1, -1):
        x, y, z = v[i, 0], v[i, 1], v[i, 2]
        for k in range(uint64(first[i]), uint64(first[i + 1])):
            j = other[k]
            along = direction[k, 0] * v[j, 0] + direction[k, 1] * v[j, 1] + direction[k, 2] * v[j, 2]
            x += along * direction[k, 0]
            y += along * direction[k, 1]
            z += along * direction[k, 2]
        m = inverse[i]
        v[i, 0] = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
        v[i, 1] = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
        v[i, 2] = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z


@njit(cache=True, fastmath={"reassoc","contract","nsz"})
def dot(a,b):
    t=0.0
    for k in range(len(a)): t+=a[k]*b[k]
    return t
@njit(cache=True, fastmath={"reassoc","contract","nsz"})
def axpy(c,a,b):
    for k in range(len(a)): b[k]+=c*a[k]
@njit(cache=True)
def longest(f):
    m=0.0
    for i in range(len(f)):
        m=max(m,f[i,0]*f[i,0]+f[i,1]*f[i,1]+f[i,2]*f[i,2])
    return np.sqrt(m)

@njit(cache=True)
def lbfgs(potential, system, cutoffs, start, tol, max_iterations, mem, max_step, skin0, hist, near, moved, gevery, fixed_gamma):
    n=len(start); N3=3*n
    x=start.copy(); xf=x.reshape(-1); f=np.empty_like(x); 
    xn=np.empty_like(x); fn=np.empty_like(x); d=np.empty_like(x); w=np.empty_like(x)
    S=np.empty((mem,N3)); Y=np.empty((mem,N3)); rho=np.empty(mem); al=np.empty(mem)
    skin=skin0
    rcmax=cutoffs.max()
    v=build_list(x,system,cutoffs,skin,64); builds=1; evals=1; lastbuild=1
    E,rest=forces_at(potential,system,v,x,f)
    limits=_bond_lengths(potential)
    springs=make_springs(potential,system,v,x,limits); made=0
    use=False
    k=0; gamma=0.0; it=0; fails=0; gcount=0
    while it<max_iterations:
        fm=longest(f)
        hist[it,0]=fm; hist[it,1]=E+rest; hist[it,2]=evals
        if fm<tol: break
        it+=1
        if fm<near*springs.stiffness and not use:
            use=True
            #v=build_list(x,system,cutoffs,max(.05,min(skin,.2)),int(v.first[-1]*1.1)); builds+=1; lastbuild=evals
            #forces_at(potential,system,v,x,f)
            springs=make_springs(potential,system,v,x,limits); made+=1; gamma=1.0
        elif use and np.abs(x-springs.built_at).max()>moved:
            springs=make_springs(potential,system,v,x,limits); made+=1
        ff=f.reshape(-1); df=d.reshape(-1)
        df[:]=ff
        m=min(k,mem)
        for q in range(m):
            h=(k-1-q)%mem
            al[h]=rho[h]*dot(S[h],df); axpy(-al[h],Y[h],df)
        if use: relax_springs(springs,d)
        if m>0:
            for q in range(N3): df[q]*=gamma
        for q in range(m-1,-1,-1):
            h=(k-1-q)%mem
            axpy(al[h]-rho[h]*dot(Y[h],df),S[h],df)
        slope=-dot(ff,df)
        if slope>=0.0:
            k=0; m=0; df[:]=ff; slope=-dot(ff,df)
        step=1.0; dm=longest(d)
        if m==0 and not use: step=min(1.0,0.02/dm)
        step=min(step,max_step/dm)
        ok=False
        for trial in range(20):
            for i in range(n):
                for a in range(3): xn[i,a]=x[i,a]+step*d[i,a]
            if is_outdated(v,xn):
                speed=0.5*v.skin/(evals-lastbuild+1)
                skin=min(max(np.sqrt(14.0*speed*rcmax),0.05),0.25*rcmax)
                v=build_list(xn,system,cutoffs,skin,int(v.first[-1]*1.1)); builds+=1; lastbuild=evals
            En,rest=forces_at(potential,system,v,xn,fn); evals+=1
            if En<=E+1e-4*step*slope:
                ok=True; break
            if En<=E+1e-12*abs(E):
                sn=-dot(fn.reshape(-1),df)
                if sn<=0.9998*abs(slope):
                    ok=True; break
            # quadratic through E, slope, En
            den=2*(En-E-step*slope)
            ns=-slope*step*step/den if den>0 else 0.5*step
            step=min(max(ns,0.1*step),0.5*step)
        if not ok:
            if m==0: break
            k=0; fails+=1; continue
        h=k%mem
        ys=0.0; yy=0.0; ss=0.0
        fnf=fn.reshape(-1); xnf=xn.reshape(-1); xff=x.reshape(-1)
        for q in range(N3):
            S[h,q]=xnf[q]-xff[q]; Y[h,q]=ff[q]-fnf[q]
        ys=dot(S[h],Y[h]); yy=dot(Y[h],Y[h]); ss=dot(S[h],S[h])
        if ys>1e-10*np.sqrt(ss*yy):
            rho[h]=1/ys; k+=1
            if not use: gamma=ys/yy
            elif fixed_gamma>0: gamma=fixed_gamma
            elif gcount%gevery==0:
                w.reshape(-1)[:]=Y[h]; relax_springs(springs,w); gamma=ys/dot(Y[h],w.reshape(-1))
            gcount+=1
        x,xn=xn,x; f,fn=fn,f; E=En
    return x,E+rest,longest(f),it,evals,builds,made,fails
