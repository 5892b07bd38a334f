"""One face on the stage, rendered: sphere tracing, cast shadow, Lambert, a little gloss."""

# numba infers the types of compiled functions from their first call
# mypy: disallow-untyped-defs=False

import math

import numpy as np
from numba import njit

from lightstage.camera import HEIGHT, WIDTH
from lightstage.paint import paint_background, paint_body, paint_hair, paint_head
from lightstage.people import Person, Shot
from lightstage.scene import build_scene
from lightstage.surface import BODY, GLASSES, HAIR, distance, distance_to, part_at, to_body, to_head

NEAR_Z, FAR_Z = 140.0, -230.0
MISS = -1e4
BLOCK = 4  # a coarse ray for each 4x4 pixels finds where the fine rays may start

# twelve places around a point where its sky may be closed: x, y in mm, 1 / distance
SKY_RAYS = np.array(
    [
        (radius * math.cos(k * math.pi / 6), radius * math.sin(k * math.pi / 6), 1 / radius)
        for k, radius in enumerate((13.0, 5.0) * 6)
    ]
)


@njit(cache=True, fastmath=True)
def _approach(x, y, z, reach, g):
    """Go from z away from the camera until nearer than reach; MISS if nothing is there."""
    for _ in range(60):
        d = distance(x, y, z, g)
        if d < reach:
            return z
        z -= max(d, 0.05)
        if z < FAR_Z:
            return MISS
    return z


@njit(cache=True, fastmath=True)
def _hit(x, y, z, last, g):
    """z of the surface between z and last to 0.3 mm, or MISS.

    Steps follow the slope of the distance along the ray, so a slanted surface takes few;
    one step too far is taken back by the negative distance it finds.
    """
    before, step, d = 0.0, 0.0, 1e3
    for _ in range(32):
        d = distance(x, y, z, g)
        if abs(d) < 0.3:
            return z
        step = d if before <= d else min(max(d, 0.96 * d * step / (before - d)), 3.0 * d)
        if d < 0.0:
            step = d
        z -= step
        before = d
        if z < last:
            return MISS
    return z if abs(d) < 1.5 else MISS


@njit(cache=True, fastmath=True)
def _depths(g, coarse, depth):
    rows, columns = coarse.shape
    radius = 0.7072 * BLOCK / g.scale
    for i in range(rows):
        for j in range(columns):
            x = ((j + 0.5) * BLOCK - g.eyes_x - 0.5) / g.scale
            y = ((i + 0.5) * BLOCK - g.eyes_y - 0.5) / g.scale
            coarse[i, j] = _approach(x, y, NEAR_Z, radius, g)
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            start = coarse[i // BLOCK, j // BLOCK]
            depth[i, j] = MISS
            if start > MISS:
                x, y = (j - g.eyes_x) / g.scale, (i - g.eyes_y) / g.scale
                depth[i, j] = _hit(x, y, start, FAR_Z, g)


@njit(cache=True, fastmath=True)
def _lit(px, py, z, g, depth):
    """How much of the light reaches a point, 0..1: a walk over the depths towards the light."""
    height, width = depth.shape
    lx, ly, lz = g.light[0], g.light[1], g.light[2]
    across = math.sqrt(lx * lx + ly * ly)
    if across < 0.02:
        return 1.0
    dx, dy = lx / across, ly / across
    climb = lz / across / g.scale
    lit = 1.0
    step = 1.3
    for _ in range(24):
        i, j = int(py + dy * step + 0.5), int(px + dx * step + 0.5)
        if i < 0 or j < 0 or i >= height or j >= width:
            break
        over = z + climb * step + 0.8 - depth[i, j]
        if over > -95.0:
            lit = min(lit, 0.5 + g.penumbra * over * g.scale / (step + 4.0))
        if lit < 0.0:
            return 0.0
        step *= 1.2
    return lit * lit * (3.0 - 2.0 * lit)


@njit(cache=True, fastmath=True)
def _open_sky(px, py, z, g, depth):
    """Ambient light that is left in folds, 0..1, from the depths around."""
    height, width = depth.shape
    closed = 0.0
    for k in range(12):
        dx, dy = SKY_RAYS[k, 0], SKY_RAYS[k, 1]
        i, j = int(py + g.scale * dy + 0.5), int(px + g.scale * dx + 0.5)
        if 0 <= i < height and 0 <= j < width:
            rise = (depth[i, j] - z) * SKY_RAYS[k, 2]
            if 0.0 < rise < 12.0:
                closed += min(rise, 1.6)
    return 1.0 - min(0.62, closed / 12.0 * 0.75)


@njit(cache=True, fastmath=True)
def _normal(part, x, y, z, g):
    """Unit normal from the distances at four corners of a tetrahedron."""
    e = 0.35
    a = distance_to(part, x + e, y - e, z - e, g)
    b = distance_to(part, x - e, y - e, z + e, g)
    c = distance_to(part, x - e, y + e, z - e, g)
    d = distance_to(part, x + e, y + e, z + e, g)
    nx, ny, nz = a - b - c + d, -a - b + c + d, -a + b - c + d
    length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
    return nx / length, ny / length, nz / length


@njit(cache=True, fastmath=True)
def _material(part, x, y, z, g):
    """Albedo, gloss (below 0: dull cloth) and strand value at a point of a part's surface."""
    if part == HAIR:
        r, gr, b, strand = paint_hair(*to_head(x, y, z, g), g)
        return r, gr, b, 0.0, strand
    if part == GLASSES:
        return g.frame[0], g.frame[1], g.frame[2], 0.8, 0.0
    if part == BODY:
        r, gr, b, cloth = paint_body(*to_body(x, y, z, g), g)
        return r, gr, b, -cloth, 0.0
    r, gr, b, gloss = paint_head(*to_head(x, y, z, g), g)
    return r, gr, b, gloss, 0.0


@njit(cache=True, fastmath=True)
def _highlight(nx, ny, nz, part, gloss, strand, g):
    """Specular strength, camera straight ahead: skin's sheen, wet eyes and lips, hair's ring."""
    hx, hy, hz = g.light[0], g.light[1], g.light[2] + 1.0
    length = math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
    hx, hy, hz = hx / length, hy / length, hz / length
    if part == HAIR:
        tx, ty, tz = -ny * nx, 1.0 - ny * ny, -ny * nz
        length = math.sqrt(tx * tx + ty * ty + tz * tz) + 1e-6
        along = (tx * hx + ty * hy + tz * hz) / length
        return 0.03 * max(1.0 - along * along, 0.0) ** 14 * (0.25 + strand)
    facing = max(nx * hx + ny * hy + nz * hz, 0.0)
    if gloss < 0.0:
        return 0.0
    return 0.055 * facing**18 + gloss * 0.45 * facing**90


@njit(cache=True, fastmath=True)
def _shade(px, py, z, g, depth):
    x, y = (px - g.eyes_x) / g.scale, (py - g.eyes_y) / g.scale
    part = part_at(x, y, z, g)
    r, gr, b, gloss, strand = _material(part, x, y, z, g)
    nx, ny, nz = _normal(part, x, y, z, g)
    facing = nx * g.light[0] + ny * g.light[1] + nz * g.light[2]
    lift = 1.6  # off the surface, or it would shade itself
    lit = (
        _lit(px + lift * nx * g.scale, py + lift * ny * g.scale, z + lift * nz, g, depth)
        if facing > -0.15
        else 0.0
    )
    sky = _open_sky(px, py, z, g, depth)
    ambient = g.ambient * sky * (0.78 - 0.3 * ny + 0.12 * nz)
    wrap = 0.12 if part != GLASSES else 0.0
    direct = max((facing + wrap) / (1.0 + wrap), 0.0) * g.key * lit
    # blood under the skin carries red across the terminator
    red = max((facing + 0.3) / 1.3, 0.0) * g.key * (0.35 + 0.65 * lit) if part != HAIR else direct
    shine = (
        _highlight(nx, ny, nz, part, gloss, strand, g)
        * lit
        * g.key
        * max(min(4.0 * facing + 0.2, 1.0), 0.0)
    )
    lr = g.light_colour[0] * (0.86 * direct + 0.14 * red)
    r = r * (lr + g.fill_colour[0] * ambient) + shine
    gr = gr * (g.light_colour[1] * direct + g.fill_colour[1] * ambient) + shine
    b = b * (g.light_colour[2] * direct + g.fill_colour[2] * ambient) + shine
    return r, gr, b


@njit(cache=True, fastmath=True)
def _is_edge(i, j, depth):
    height, width = depth.shape
    z = depth[i, j]
    for di, dj in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        k, m = i + di, j + dj
        if 0 <= k < height and 0 <= m < width and abs(depth[k, m] - z) > 9.0:
            return True
    return False


@njit(cache=True, fastmath=True)
def _front_and_back(i, j, depth):
    """Rows and columns of the nearest and the farthest pixel around (i, j)."""
    height, width = depth.shape
    front, back = (i, j), (i, j)
    for k in range(max(i - 1, 0), min(i + 2, height)):
        for m in range(max(j - 1, 0), min(j + 2, width)):
            if depth[k, m] > depth[front[0], front[1]]:
                front = (k, m)
            if depth[k, m] < depth[back[0], back[1]]:
                back = (k, m)
    return front, back


@njit(cache=True, fastmath=True)
def _smooth_edge(i, j, g, depth, light, mean):
    """The mean light of four rays through a pixel that a silhouette crosses.

    A ray that meets what is in front takes the light of the nearest pixel around, or its
    own pixel's if that is in front too; any other ray the light of what is behind.
    """
    front, back = _front_and_back(i, j, depth)
    near = depth[front[0], front[1]]
    own = abs(depth[i, j] - near) < 9.0
    mean[:] = 0.0
    for k in range(4):
        py, px = i + (k // 2 - 0.5) * 0.5, j + (k % 2 - 0.5) * 0.5
        x, y = (px - g.eyes_x) / g.scale, (py - g.eyes_y) / g.scale
        row, column = (i, j) if own else front
        z = _hit(x, y, near + 10.0, near - 40.0, g)
        if z - depth[back[0], back[1]] < near - z:
            row, column = back if own else (i, j)
        for channel in range(3):
            mean[channel] += 0.25 * light[row, column, channel]


@njit(cache=True, fastmath=True)
def _film(value, exposure):
    """Linear light to an 8-bit sRGB-like value with a soft shoulder."""
    value = 1.0 - math.exp(-1.35 * exposure * max(value, 0.0))
    return min(max(255.0 * value ** (1.0 / 2.2) + 0.5, 0.0), 255.0)


@njit(cache=True, fastmath=True)
def _picture(g, coarse, depth, light, image):
    _depths(g, coarse, depth)
    height, width = depth.shape
    for i in range(height):
        for j in range(width):
            if depth[i, j] > MISS:
                r, gr, b = _shade(float(j), float(i), depth[i, j], g, depth)
            else:
                r, gr, b = paint_background(j / width, i / height, g)
            light[i, j, 0], light[i, j, 1], light[i, j, 2] = r, gr, b
    mean = np.empty(3)
    for i in range(height):
        for j in range(width):
            if _is_edge(i, j, depth):
                _smooth_edge(i, j, g, depth, light, mean)
            else:
                mean[:] = light[i, j]
            for channel in range(3):
                image[i, j, channel] = int(_film(mean[channel], g.exposure))


def render(person: Person, shot: Shot) -> np.ndarray:
    """The picture of a person in a shot: uint8 (218, 178, 3), eyes where CelebA has them."""
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    coarse = np.empty((-(-HEIGHT // BLOCK), -(-WIDTH // BLOCK)))
    depth = np.empty((HEIGHT, WIDTH))
    light = np.empty((HEIGHT, WIDTH, 3))
    _picture(build_scene(person, shot), coarse, depth, light, image)
    return image
