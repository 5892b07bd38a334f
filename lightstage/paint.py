"""What colour the surfaces have, in linear light: skin, eyes, lips, brows, beard, hair, cloth."""

# numba infers the types of compiled functions from their first call
# mypy: disallow-untyped-defs=False

import math

from numba import njit

from lightstage.shapes import noise, smooth
from lightstage.surface import hair_window, mouth_bend


@njit(cache=True, fastmath=True)
def _mix(r, g, b, r2, g2, b2, t):
    return r + (r2 - r) * t, g + (g2 - g) * t, b + (b2 - b) * t


@njit(cache=True, fastmath=True)
def _skin(x, y, z, g):
    ax = abs(x)
    tone = 0.94 + 0.08 * noise(x * 0.05 + g.texture, y * 0.05, z * 0.05)
    tone += 0.05 * (noise(x * 0.35, y * 0.35 + g.texture, z * 0.35) - 0.5)
    r, gr, b = g.skin[0] * tone, g.skin[1] * tone, g.skin[2] * tone
    flush = 0.8 * math.exp(-(((ax - 40.0) / 17.0) ** 2) - ((y - g.cheek_y - 4.0) / 14.0) ** 2)
    flush += 0.7 * math.exp(-((ax / 11.0) ** 2) - ((y - g.nose_y) / 9.0) ** 2)
    flush += 0.25 * math.exp(-((ax / 16.0) ** 2) - ((y - g.chin_y) / 9.0) ** 2)
    flush *= 0.8 + 0.5 * g.makeup
    gr *= 1.0 - 0.16 * flush
    b *= 1.0 - 0.14 * flush
    tired = math.exp(-(((ax - g.eye_x + 2.0) / 13.0) ** 2) - ((y - 11.0) / 4.5) ** 2)
    dark = 1.0 - (0.08 + 0.12 * g.age) * tired
    # folds from the nose to the mouth's corners, deeper with age and with a smile
    fold_x = 0.72 * g.nose_w + (g.mouth_w + 5.0 - 0.72 * g.nose_w) * (y - g.nose_y) / (
        g.mouth_y - g.nose_y
    )
    if g.nose_y < y < g.mouth_y + 4.0 and z > -20.0:
        fold = math.exp(-(((ax - fold_x) / 2.2) ** 2))
        dark *= 1.0 - (0.06 + 0.14 * g.age + 0.12 * max(g.smile, 0.0)) * fold
    if y < -28.0 and g.age > 0.25 and z > -20.0:
        wave = math.sin(y * 0.75 + 0.4 * math.sin(x * 0.09 + g.texture))
        dark *= 1.0 - 0.10 * g.age * smooth(0.75, 1.0, wave) * smooth(48.0, 20.0, ax)
    hole = math.exp(-(((ax - 0.40 * g.nose_w) / 2.6) ** 2) - ((y - g.nose_y - 7.5) / 2.0) ** 2)
    if z > 0.0:
        dark *= 1.0 - 0.65 * hole
    return r * dark, gr * dark, b * dark


@njit(cache=True, fastmath=True)
def _beard(r, gr, b, x, y, z, g):
    ax = abs(x)
    grain = noise(x * 0.9 + g.texture, y * 0.9, z * 0.9)
    under = y - g.mouth_y - mouth_bend(x, g)
    if g.beard > 0.0:
        # the upper edge runs from the sideburn by the ear down the cheek to the mouth's corner
        edge = g.mouth_y + 8.0 - smooth(18.0, 62.0, ax) * 48.0
        on = smooth(edge - 4.0, edge + 7.0, y) * smooth(5.0, 9.0, under + 0.25 * ax)
        on *= smooth(g.chin_y + 24.0, g.chin_y + 8.0, y + 0.25 * z)
        cover = (
            min(1.0, g.beard * 1.1) * (0.62 + 0.38 * grain)
            if g.beard > 0.45
            else g.beard * (0.55 + 0.6 * grain)
        )
        r, gr, b = _mix(r, gr, b, g.brow[0], g.brow[1], g.brow[2], on * cover)
    if g.mustache > 0.0:
        top = g.nose_y + 8.5 + 0.16 * ax
        on = smooth(top - 1.5, top + 2.0, y) * smooth(
            0.5, -2.5, under + 5.0 * g.lip * (1 - (ax / g.mouth_w) ** 2)
        )
        on *= smooth(g.mouth_w + 5.0, g.mouth_w - 2.0, ax)
        cover = g.mustache * (0.55 + 0.45 * grain) * max(0.45, min(1.0, 0.4 + g.beard))
        r, gr, b = _mix(r, gr, b, g.brow[0], g.brow[1], g.brow[2], on * cover)
    return r, gr, b


@njit(cache=True, fastmath=True)
def _mouth(r, gr, b, x, y, g):
    t = x / g.mouth_w
    shape = 1.0 - t * t
    if shape <= 0.0:
        return r, gr, b, 0.0
    yb = y - g.mouth_y - mouth_bend(x, g)
    inner_up = -0.3 * g.open * shape
    inner_low = 0.7 * g.open * shape
    bow = (
        1.0 - 0.22 * math.exp(-((t / 0.16) ** 2)) + 0.12 * math.exp(-(((abs(t) - 0.28) / 0.2) ** 2))
    )
    thin = 1.0 - 0.25 * max(g.smile, 0.0)
    upper = inner_up - 7.8 * g.lip * thin * shape**0.8 * bow
    lower = inner_low + 9.8 * g.lip * thin * shape**0.7
    on = smooth(upper - 0.7, upper + 0.7, yb) * smooth(lower + 0.9, lower - 0.9, yb)
    r, gr, b = _mix(r, gr, b, g.lips[0], g.lips[1], g.lips[2], 0.85 * on)
    line = math.exp(-((yb / 0.9) ** 2)) if g.open < 0.5 else 0.0
    r, gr, b = _mix(r, gr, b, 0.25 * r, 0.15 * gr, 0.15 * b, 0.75 * line)
    if g.open > 0.5:
        inside = smooth(inner_up - 0.6, inner_up + 0.4, yb) * smooth(
            inner_low + 0.6, inner_low - 0.4, yb
        )
        r, gr, b = _mix(r, gr, b, 0.05, 0.012, 0.012, inside)
        low = inner_up + min(0.8 * (inner_low - inner_up), 8.5)
        teeth = inside * smooth(low + 0.6, low - 0.6, yb) * smooth(0.98, 0.8, abs(t))
        gap = 0.93 + 0.07 * math.cos(x * 0.85)
        r, gr, b = _mix(
            r, gr, b, 0.72 * gap, 0.66 * gap, 0.56 * gap, teeth * smooth(0.5, 2.5, g.open)
        )
        on = max(on - inside, 0.0)
    return r, gr, b, on


@njit(cache=True, fastmath=True)
def _eye(r, gr, b, x, y, g):
    sign = 1.0 if x > 0.0 else -1.0
    px = sign * x - g.eye_x
    u = px / g.eye_w
    yt = y + g.eye_tilt * px
    shape = max(1.0 - u * u, 0.0)
    up = -g.eye_up * shape**0.62 * (1.0 + 0.12 * u)
    low = g.eye_low * shape**0.8 * (1.0 + 0.2 * u)
    shadow = g.makeup * math.exp(-(((yt + 8.5) / 4.5) ** 2) - (u / 1.05) ** 2)
    r, gr, b = _mix(r, gr, b, 0.35 * r, 0.28 * gr, 0.32 * b, 0.65 * shadow)
    crease = -g.eye_up * shape**0.5 - 3.4
    fold = math.exp(-(((yt - crease) / 1.0) ** 2)) * smooth(1.08, 0.7, abs(u))
    r, gr, b = _mix(r, gr, b, 0.4 * r, 0.34 * gr, 0.34 * b, 0.6 * fold)
    if abs(u) > 1.2:
        return r, gr, b, 0.0
    lash = 1.1 + 0.8 * g.makeup
    edge = smooth(lash + 0.7, 0.15, abs(yt - up + 0.35)) * smooth(1.12, 0.9, abs(u))
    rim = math.exp(-(((yt - low) / 0.9) ** 2)) * smooth(1.05, 0.7, abs(u))
    inside = (
        smooth(up - 0.4, up + 0.5, yt) * smooth(low + 0.4, low - 0.5, yt) * smooth(1.0, 0.9, abs(u))
    )
    ix, iy = px - sign * g.gaze_x, y - g.gaze_y + 0.8
    rho = math.sqrt(ix * ix + iy * iy)
    white = 0.46 - 0.18 * u * u
    er, eg, eb = white, 0.93 * white, 0.9 * white
    disc = smooth(g.iris + 0.5, g.iris - 0.5, rho)
    rays = (0.55 + 0.75 * smooth(g.iris, 2.0, rho)) * smooth(g.iris + 0.6, g.iris - 1.3, rho)
    er, eg, eb = _mix(er, eg, eb, g.eye[0] * rays, g.eye[1] * rays, g.eye[2] * rays, disc)
    er, eg, eb = _mix(er, eg, eb, 0.006, 0.006, 0.006, smooth(2.9, 2.2, rho))
    lid = 0.45 + 0.55 * smooth(0.0, 3.5, yt - up)
    r, gr, b = _mix(r, gr, b, er * lid, eg * lid, eb * lid, inside)
    r, gr, b = _mix(r, gr, b, 0.02, 0.014, 0.012, edge * (0.85 + 0.15 * g.makeup))
    r, gr, b = _mix(
        r, gr, b, 0.5 * r, 0.35 * gr, 0.33 * b, (0.35 + 0.3 * g.makeup) * rim * (1 - inside)
    )
    return r, gr, b, inside


@njit(cache=True, fastmath=True)
def _brows(r, gr, b, x, y, g):
    ax = abs(x)
    t = (ax - 13.0) / 37.0
    if t < -0.1 or t > 1.1:
        return r, gr, b
    arch = (
        g.brow_y
        - 4.5 * math.sin(min(max(t, 0.0), 1.0) * 2.3)
        - g.brow_tilt * 22.0 * (t - 0.4)
        + 7.5 * t * t * t
    )
    half = g.brow_w * (1.15 - 0.75 * t) * smooth(-0.08, 0.12, t)
    hairs = 0.62 + 0.5 * noise(ax * 0.9 + 0.5 * y + g.texture, y * 0.35, 2.0)
    on = smooth(half + 1.1, half - 0.9, abs(y - arch)) * smooth(1.05, 0.85, t)
    return _mix(r, gr, b, g.brow[0], g.brow[1], g.brow[2], min(1.0, on * hairs * 0.95))


@njit(cache=True, fastmath=True)
def paint_head(x, y, z, g):
    """Albedo, gloss of wet or painted surface (0..1) at a point of the head."""
    r, gr, b = _skin(x, y, z, g)
    gloss = 0.0
    if g.hair_on > 0.0 and y < 25.0:
        r, gr, b = _roots(r, gr, b, x, y, z, g)
    if z > -75.0 and y > 0.0 and (g.beard > 0.0 or g.mustache > 0.0):
        r, gr, b = _beard(r, gr, b, x, y, z, g)
    if z > -35.0:
        if -16.0 < y < 16.0:
            r, gr, b, wet = _eye(r, gr, b, x, y, g)
            gloss = wet
        if y < -6.0:
            r, gr, b = _brows(r, gr, b, x, y, g)
        if abs(y - g.mouth_y) < 30.0:
            r, gr, b, lips = _mouth(r, gr, b, x, y, g)
            gloss = max(gloss, 0.35 * lips * (0.5 + g.makeup))
    return r, gr, b, gloss


@njit(cache=True, fastmath=True)
def _roots(r, gr, b, x, y, z, g):
    """Hair does not begin at an edge: its roots show on the skin next to it."""
    window = hair_window(x, y, z, 0.0, g)
    grain = noise(x * 0.8, y * 0.25, z * 0.8 + g.texture)
    on = smooth(-9.0, 1.0, window) * smooth(25.0, 0.0, y) * (0.35 + 0.65 * grain)
    return _mix(r, gr, b, g.hair[0], g.hair[1], g.hair[2], 0.75 * on)


@njit(cache=True, fastmath=True)
def paint_hair(x, y, z, g):
    """Albedo of hair and a strand value 0..1 that breaks up its highlight."""
    phi = math.atan2(x - 18.0 * g.part, z + 95.0)
    if g.curl > 0.0 or g.buzz > 0.0:
        strand = noise(x * 0.45 + g.texture, y * 0.45, z * 0.45)
        fine = noise(x * 1.2, y * 1.2 + g.texture, z * 1.2)
    else:
        bend = g.wave * 0.10 * math.sin(y * 0.09 + g.texture)
        strand = noise((phi + bend) * 22.0 + g.texture, y * 0.02, z * 0.02)
        fine = noise((phi + bend) * 75.0 + g.texture, y * 0.03, 9.0)
    tone = 0.55 + 0.6 * strand + 0.45 * (fine - 0.5)
    return g.hair[0] * tone, g.hair[1] * tone, g.hair[2] * tone, 0.5 * strand + 0.5 * fine


@njit(cache=True, fastmath=True)
def paint_body(x, y, z, g):
    """Albedo of neck and clothes; the neckline is a V or a round collar."""
    depth = 62.0 + 45.0 * g.neckline
    edge = depth - abs(x) * (0.55 + 0.5 * g.neckline) if z > 0.0 else 38.0 + 0.12 * abs(x)
    edge = min(edge, depth)
    on = smooth(edge - 1.0, edge + 1.0, y)
    tone = 0.95 + 0.06 * noise(x * 0.05 + g.texture, y * 0.05, z * 0.05)
    weave = 0.86 + 0.2 * noise(x * 0.06, y * 0.03 + g.texture, z * 0.06)
    hem = 1.0 - 0.25 * smooth(4.0, 0.0, abs(y - edge - 2.0))
    weave *= hem
    return (
        g.skin[0] * tone * (1 - on) + g.cloth[0] * weave * on,
        g.skin[1] * tone * (1 - on) + g.cloth[1] * weave * on,
        g.skin[2] * tone * (1 - on) + g.cloth[2] * weave * on,
        on,
    )


@njit(cache=True, fastmath=True)
def paint_background(u, v, g):
    """Linear colour behind the person at image coordinates 0..1."""
    a, b, c = g.back_a, g.back_b, g.back_c
    seed = g.background_seed
    t = 0.25 * v
    if g.background > 0.5:
        t = u * math.cos(seed) + v * math.sin(seed)
        t = smooth(-0.9, 1.3, t)
    r, gr, bl = _mix(a[0], a[1], a[2], b[0], b[1], b[2], t)
    if g.background > 1.5:
        cloud = noise(u * 3.0 + seed, v * 3.5, 0.5)
        r, gr, bl = _mix(r, gr, bl, c[0], c[1], c[2], 0.75 * smooth(0.45, 0.75, cloud))
        spot = noise(u * 6.0, v * 7.0 + seed, 4.5)
        r, gr, bl = _mix(r, gr, bl, b[0], b[1], b[2], 0.6 * smooth(0.55, 0.8, spot))
    return r, gr, bl
