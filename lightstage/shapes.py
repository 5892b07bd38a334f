"""The shapes a scene is joined from, as signed distances in mm, and noise for their surfaces.

After I. Quilez, "distance functions" and "smooth minimum".
"""

import math

from numba import njit

# numba infers the types of compiled functions from their first call
# mypy: disallow-untyped-defs=False


@njit(cache=True, fastmath=True)
def ellipsoid(x, y, z, rx, ry, rz):
    ix, iy, iz = 1.0 / rx, 1.0 / ry, 1.0 / rz
    a, b, c = x * ix, y * iy, z * iz
    k0 = math.sqrt(a * a + b * b + c * c)
    a, b, c = a * ix, b * iy, c * iz
    return k0 * (k0 - 1.0) / (math.sqrt(a * a + b * b + c * c) + 1e-9)


@njit(cache=True, fastmath=True)
def join(a, b, k):
    h = max(k - abs(a - b), 0.0) / k
    return min(a, b) - h * h * k * 0.25


@njit(cache=True, fastmath=True)
def carve(a, b, k):
    """The solid a without the solid b, the rim rounded over k mm."""
    h = max(k - abs(a + b), 0.0) / k
    return max(a, -b) + h * h * k * 0.25


@njit(cache=True, fastmath=True)
def capsule(x, y, z, ax, ay, az, bx, by, bz, ra, rb):
    px, py, pz = x - ax, y - ay, z - az
    ex, ey, ez = bx - ax, by - ay, bz - az
    h = (px * ex + py * ey + pz * ez) / (ex * ex + ey * ey + ez * ez)
    h = min(max(h, 0.0), 1.0)
    px, py, pz = px - ex * h, py - ey * h, pz - ez * h
    return math.sqrt(px * px + py * py + pz * pz) - (ra + (rb - ra) * h)


@njit(cache=True, fastmath=True)
def smooth(low, high, value):
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@njit(cache=True, fastmath=True)
def hashed(i, j, k):
    n = (i * 374761393 + j * 668265263 + k * 2147483647) & 0x7FFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0x7FFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@njit(cache=True, fastmath=True)
def noise(x, y, z):
    """Value noise 0..1 with lattice spacing 1."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    near = (hashed(i, j, k) * (1 - u) + hashed(i + 1, j, k) * u) * (1 - v)
    near += (hashed(i, j + 1, k) * (1 - u) + hashed(i + 1, j + 1, k) * u) * v
    far = (hashed(i, j, k + 1) * (1 - u) + hashed(i + 1, j, k + 1) * u) * (1 - v)
    far += (hashed(i, j + 1, k + 1) * (1 - u) + hashed(i + 1, j + 1, k + 1) * u) * v
    return near * (1 - w) + far * w
