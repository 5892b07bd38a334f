"""Signed distances, in mm, to the surfaces of one scene: smoothly joined ellipsoids.

Points are in the head's frame (x to the viewer's right, y down, z out of the face, the
origin between the pupils) or in the body's (origin at the base of the skull). `g` is a
SCENE record. Distances are lower bounds, as sphere tracing needs.
"""

# numba infers the types of compiled functions from their first call
# mypy: disallow-untyped-defs=False

import math

from numba import njit

from lightstage.shapes import capsule, carve, ellipsoid, join, noise, smooth

HEAD, HAIR, BODY, GLASSES = 0, 1, 2, 3


@njit(cache=True, fastmath=True)
def mouth_bend(x, g):
    """How far the mouth's line lies below its straight place at x: a smile lifts the corners."""
    t = x / g.mouth_w
    return g.smile * (1.5 - 6.0 * min(t * t, 1.6))


@njit(cache=True, fastmath=True)
def _nose(d, ax, y, z, g):
    tip_y, tip_z = g.nose_y - 2.0, g.nose_z - 9.5
    bridge = capsule(
        ax * 1.15, y, z, 0.0, -8.0, -2.0 + g.nose_bridge, 0.0, tip_y - 4.0, tip_z - 1.0, 6.5, 7.5
    )
    d = join(d, bridge, 10.0)
    d = join(d, ellipsoid(ax, y - tip_y, z - tip_z, 0.33 * g.nose_w + 3.2, 8.2, 9.5), 5.0)
    wing = ellipsoid(ax - 0.64 * g.nose_w, y - g.nose_y - 3.0, z - tip_z + 11.5, 5.2, 5.8, 9.0)
    d = join(d, wing, 4.5)
    hole = ellipsoid(ax - 0.38 * g.nose_w, y - g.nose_y - 7.5, z - tip_z + 6.5, 3.0, 3.0, 5.5)
    return carve(d, hole, 2.5)


@njit(cache=True, fastmath=True)
def _lips(d, x, y, z, g):
    t = x / g.mouth_w
    full = 1.0 - min(t * t, 1.0)
    yb = y - g.mouth_y - mouth_bend(x, g)
    zb = z - g.mouth_z + 5.5 * t * t + 1.5 * g.smile
    upper = ellipsoid(x, yb + 3.6 * g.lip + 0.3 * g.open, zb, g.mouth_w, 4.0 * g.lip + 0.5, 8.0)
    lower = ellipsoid(
        x, yb - 5.0 * g.lip - 0.7 * g.open, zb + 0.5, 0.86 * g.mouth_w, 4.8 * g.lip + 0.6, 8.2
    )
    d = join(d, upper, 4.0)
    d = join(d, lower, 4.0)
    groove = ellipsoid(
        x, yb - 0.25 * g.open, z - g.mouth_z - 8.0, 0.95 * g.mouth_w, 0.9 + 0.5 * g.open * full, 7.0
    )
    return carve(d, groove, 2.5)


@njit(cache=True, fastmath=True)
def _eyes(d, ax, y, z, g):
    px = ax - g.eye_x
    d = carve(d, ellipsoid(px + 1.0, y - 0.5, z - 8.0, 18.0, 10.5, 10.0), 11.0)
    d = join(d, ellipsoid(px, y, z + 12.8, 14.5, 11.5, 13.0), 3.5)
    return d


@njit(cache=True, fastmath=True)
def head_distance(x, y, z, g):
    ax = abs(x)
    d = ellipsoid(x, y - g.skull_y, z + 84.0, g.skull_rx, g.skull_ry, 95.0)
    d = join(d, ellipsoid(x, y - g.face_y, z + 63.0, g.face_rx, g.face_ry, 70.0), 22.0)
    if d > 70.0:
        return d - 32.0
    jaw = ellipsoid(ax - g.jaw_x, y - g.jaw_y, z + 52.0, g.jaw_w, 33.0, 44.0)
    d = join(d, jaw, 26.0)
    d = join(d, ellipsoid(x, y - g.mouth_y, z + 23.0, 36.0, 32.0, 33.0), 18.0)
    d = join(d, ellipsoid(x, y - g.chin_y, z - g.chin_z, g.chin_w, 16.0, 19.0), 20.0)
    cheek = ellipsoid(ax - 37.0, y - g.cheek_y, z - g.cheek_z, g.cheek_r + 3.0, g.cheek_r, 23.0)
    d = join(d, cheek, 18.0)
    if d > 45.0:
        return d - 20.0
    ear = ellipsoid(
        ax - g.face_rx - 8.0,
        y - 16.0 + 0.2 * (z + 88.0),
        z + 88.0 + 0.5 * (ax - 72.0),
        5.5,
        30.0 * g.ear,
        17.0,
    )
    if z < -40.0:
        d = join(d, ear, 5.0)
        return d
    ridge = ellipsoid(ax - 23.0, y + 17.0 - 0.05 * ax, z + 15.5 - g.brow_z, 25.0, 8.5, 15.0)
    d = join(d, ridge, 12.0)
    d = _eyes(d, ax, y, z, g)
    d = _nose(d, ax, y, z, g)
    d = _lips(d, x, y, z, g)
    if g.beard > 0.45:
        d -= 4.0 * (g.beard - 0.45) * smooth(0.1, 0.9, (y - g.mouth_y - 8.0) / 20.0)
    return join(d, ear, 5.0)


@njit(cache=True, fastmath=True)
def _shell(x, y, z, g):
    """The mass of hair, before the face, the ears and the ends are cut free."""
    top = g.hair_top
    rx, rz = g.skull_rx + g.hair_x, 95.0 + g.hair_front
    d = ellipsoid(x, y - g.skull_y + 0.55 * top, z + 86.0, rx, g.skull_ry + 0.55 * top, rz)
    if g.quiff > 0.0:
        swept = ellipsoid(
            x + 16.0 * g.part, y - g.hairline + 0.3 * g.quiff, z + 34.0, 40.0, g.quiff, 34.0
        )
        d = join(d, swept, 16.0)
    if g.updo > 0.0:
        d = join(d, ellipsoid(x, y + 108.0, z + 120.0, 36.0, 34.0, 36.0), 10.0)
    if g.long > 0.0:
        half = 0.5 * g.hair_length + 22.0
        wide = (rx + 4.0) * (1.0 + 0.10 * smooth(0.0, 160.0, y))
        d = join(d, ellipsoid(x, y - half + 52.0, z + 84.0, wide, half + 50.0, 66.0), 26.0)
    return d


@njit(cache=True, fastmath=True)
def hair_window(x, y, z, ragged, g):
    """The opening the face looks out of: an arch up to the hairline, open below."""
    rise = g.hairline - 0.16 * g.part * x * (1.0 - g.buzz) + ragged
    width = g.face_rx - 5.0 + 3.0 * g.long
    middle = 8.0
    if y < middle:
        a, b = x / width, (y - middle) / (rise - middle)
        opening = (math.sqrt(a * a * (0.55 + 0.45 * a * a) + b * b) - 1.0) * 48.0
    else:
        opening = abs(x) - width - 0.06 * (y - middle) * g.long
    back = -48.0 - 22.0 * g.long * smooth(20.0, 80.0, y)
    return max(opening, back - z)


@njit(cache=True, fastmath=True)
def _ends(d, x, y, z, g):
    """Long hair ends at its length; short hair at the nape and round the ears."""
    if g.long > 0.0:
        return carve(d, g.hair_length - y, 10.0)
    d = carve(d, 0.87 * (12.0 - y - 0.55 * (z + 62.0)), 6.0)
    if g.curl == 0.0:
        d = carve(d, ellipsoid(abs(x) - g.face_rx - 8.0, y - 20.0, z + 84.0, 30.0, 34.0, 22.0), 5.0)
    return d


@njit(cache=True, fastmath=True)
def _locks(x, y, z, g):
    """How far strands, curls and the parting move the surface of the hair, in mm outwards."""
    if g.curl > 0.0:
        curls = noise(x * 0.085 + g.texture, y * 0.085, z * 0.085) - 0.5
        return 9.0 * curls + 5.0 * (noise(x * 0.2, y * 0.2 + g.texture, z * 0.2) - 0.5)
    if g.buzz > 0.0:
        return 0.0
    out = 0.0
    if g.wave > 0.25:
        out = g.wave * 4.0 * math.sin(y * 0.11 + 0.05 * x + g.texture) * smooth(-20.0, 60.0, y)
    phi = math.atan2(x - 18.0 * g.part, z + 95.0)
    out += 2.6 * (noise(phi * 9.0 + g.texture, y * 0.025, z * 0.02) - 0.5)
    out += 0.8 * (noise(phi * 34.0 + g.texture, y * 0.03, 7.0) - 0.5)
    if y < 0.0 and g.bangs == 0.0:
        furrow = (x - 30.0 * g.part) / 5.0
        out -= 3.0 * math.exp(-furrow * furrow)
    return out


@njit(cache=True, fastmath=True)
def hair_distance(x, y, z, g):
    d = _shell(x, y, z, g)
    if d > 45.0:
        return 0.85 * (d - 10.0)
    rough = max(_ends(d, x, y, z, g), -hair_window(x, y, z, 0.0, g))
    if rough > 16.0:
        return 0.85 * (rough - 10.0)
    d = _ends(d - _locks(x, y, z, g), x, y, z, g)
    ragged = 5.0 * (noise(x * 0.16 + g.texture, 0.0, 1.0) - 0.5) * (1.0 + 1.4 * g.bangs)
    return 0.85 * carve(
        d, hair_window(x, y, z, ragged, g), 4.0 + 0.5 * g.hair_top * (1.0 - g.bangs)
    )


@njit(cache=True, fastmath=True)
def body_distance(x, y, z, g):
    ax = abs(x)
    d = ellipsoid(x, y - 40.0, z - 4.0 + 0.12 * y, g.neck_w, 95.0, g.neck_w + 3.0)
    shoulders = ellipsoid(x, y - 138.0, z + 6.0, 168.0 + 24.0 * g.male, 74.0, 66.0)
    slope = capsule(ax, y, z, 20.0, 60.0, -20.0, 130.0, 100.0, -12.0, 26.0, 34.0)
    return join(join(d, slope, 34.0), shoulders, 30.0)


@njit(cache=True, fastmath=True)
def glasses_distance(x, y, z, g):
    ax = abs(x)
    px, py = (ax - g.eye_x - 1.5) / g.glasses_w, (y - 3.0) / g.glasses_h
    p = g.glasses_power
    q = (abs(px) ** p + abs(py) ** p) ** (1.0 / p)
    flat = z - 16.5 + 0.004 * ax * ax
    rim = math.sqrt(((q - 1.0) * g.glasses_h) ** 2 + flat * flat) - 1.5
    bridge = capsule(ax, y, z, 0.0, -1.0, 17.5, g.eye_x - g.glasses_w + 1.0, -1.5, 16.5, 1.3, 1.3)
    outer = g.eye_x + g.glasses_w
    arm = capsule(ax, y, z, outer, -2.0, 4.0, g.face_rx + 9.0, -2.0, -85.0, 1.6, 1.6)
    return 0.8 * min(min(rim, bridge), arm)


@njit(cache=True, fastmath=True)
def to_head(x, y, z, g):
    m = g.to_head
    return (
        m[0, 0] * x + m[0, 1] * y + m[0, 2] * z,
        m[1, 0] * x + m[1, 1] * y + m[1, 2] * z,
        m[2, 0] * x + m[2, 1] * y + m[2, 2] * z,
    )


@njit(cache=True, fastmath=True)
def to_body(x, y, z, g):
    m = g.to_body
    x, y, z = x - g.neck[0], y - g.neck[1], z - g.neck[2]
    return (
        m[0, 0] * x + m[0, 1] * y + m[0, 2] * z,
        m[1, 0] * x + m[1, 1] * y + m[1, 2] * z,
        m[2, 0] * x + m[2, 1] * y + m[2, 2] * z,
    )


@njit(cache=True, fastmath=True)
def skin_distance(x, y, z, g):
    """Head, neck and shoulders as one surface, from a point in the camera's frame."""
    head, body = head_and_body(x, y, z, g)
    return join(head, body, 8.0)


@njit(cache=True, fastmath=True)
def head_and_body(x, y, z, g):
    hx, hy, hz = to_head(x, y, z, g)
    head = _from_ball(hx, hy, hz)
    if head < 25.0:
        head = head_distance(hx, hy, hz, g)
    body = g.neck[1] - 55.0 - y  # nothing of the body is above its neck
    if body < 25.0:
        bx, by, bz = to_body(x, y, z, g)
        body = body_distance(bx, by, bz, g)
    return head, body


@njit(cache=True, fastmath=True)
def _from_ball(x, y, z):
    """Distance to a ball that holds the whole head with its short hair."""
    return math.sqrt(x * x + (y - 5.0) * (y - 5.0) + (z + 75.0) * (z + 75.0)) - 150.0


@njit(cache=True, fastmath=True)
def worn_distances(x, y, z, g):
    """Hair and glasses, from a point in the camera's frame; 1000 where there are none."""
    hair, rims = 1e3, 1e3
    if g.hair_on > 0.0 or g.glasses > 0.0:
        hx, hy, hz = to_head(x, y, z, g)
        ball = _from_ball(hx, hy, hz)
        if g.hair_on > 0.0:
            hair = ball - 60.0 * g.long
            if hair < 25.0:
                hair = hair_distance(hx, hy, hz, g)
        if g.glasses > 0.0:
            rims = ball
            if rims < 25.0:
                rims = glasses_distance(hx, hy, hz, g)
    return hair, rims


@njit(cache=True, fastmath=True)
def distance(x, y, z, g):
    hair, rims = worn_distances(x, y, z, g)
    return min(min(skin_distance(x, y, z, g), hair), rims)


@njit(cache=True, fastmath=True)
def part_at(x, y, z, g):
    """Which part's surface is nearest: HEAD, HAIR, BODY or GLASSES."""
    head, body = head_and_body(x, y, z, g)
    hair, rims = worn_distances(x, y, z, g)
    skin = min(head, body)
    if rims < hair and rims < skin:
        return GLASSES
    if hair < skin:
        return HAIR
    return HEAD if head < body else BODY


@njit(cache=True, fastmath=True)
def distance_to(part, x, y, z, g):
    """Distance to the surface that one part belongs to: skin, hair or glasses."""
    if part == HAIR:
        return hair_distance(*to_head(x, y, z, g), g)
    if part == GLASSES:
        return glasses_distance(*to_head(x, y, z, g), g)
    return skin_distance(x, y, z, g)
