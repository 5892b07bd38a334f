"""Votes needed for 95% of full-data accuracy: our way of asking beside random, margin and others'.

On rendered faces, and on real faces under known lights (yale_b, where the shared data lies beside
the project). `make bench NAME=replay ARGS="--seeds 20"`; badge and typiclust are scikit-activeml's
(requirements-bench.txt).
"""

import argparse
import csv
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks._real import CHOICES, SHARED_DATA, yale_b
from benchmarks._reporting import absent, report, say
from labeling.learning import features, replay
from labeling.learning.crowd import Crowd, Kind
from labeling.learning.looking import CROP_BOX, SIZE
from labeling.learning.peers import peers
from labeling.learning.replay import Pool

MIRROR = np.array([2, 1, 0])
BUDGETS = [4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300]
CROWD = Crowd([Kind.CAREFUL] * 3 + [Kind.CARELESS], MIRROR)
# Degrees of azimuth on either side of a border within which annotators waver.
WAVER_DEGREES = 5.0


def light_stage(n_faces: int) -> Callable[[int], Pool]:
    from lightstage.celeba import write_dataset
    from lightstage.light import CENTER_DEGREES

    with tempfile.TemporaryDirectory() as folder:
        say(f"rendering {n_faces} faces")
        write_dataset(Path(folder), n_faces, 5, processes=1)
        with (Path(folder) / "truth.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))[:n_faces]
        images = Path(folder) / "img_align_celeba"
        crops = np.stack([_aligned_crop(images / row["file"]) for row in rows])
    yaw = np.array([float(row["yaw_degrees"]) for row in rows])
    azimuth = np.array([float(row["azimuth_degrees"]) for row in rows])
    vectors = features.extract(crops, yaw=yaw).astype(np.float64)
    return replay.split_by_people(
        vectors,
        np.array([CHOICES.index(row["side"]) for row in rows]),
        np.array([int(row["identity"]) for row in rows]),
        ambiguity=np.exp(-(((np.abs(azimuth) - CENTER_DEGREES) / WAVER_DEGREES) ** 2)),
        contrast=features.side_contrast(vectors),
        yaw=yaw,
        mirror_of=MIRROR,
        signs=features.mirror_signs(),
    )


def _aligned_crop(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        small = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX, CROP_BOX)
        return np.asarray(small)


def under_known_lights() -> Callable[[int], Pool]:
    lit = yale_b()
    vectors = lit.vectors.astype(np.float64)
    return replay.split_by_people(
        vectors,
        lit.sides,
        lit.subjects,
        ambiguity=np.zeros(len(lit.sides)),
        contrast=features.side_contrast(vectors),
        yaw=np.zeros(len(lit.sides)),
        mirror_of=MIRROR,
        signs=features.mirror_signs(),
    )


def of_dataset(name: str, pools: Callable[[int], Pool], n_seeds: int) -> dict[str, Any]:
    strategies = {**replay.STRATEGIES, **peers()}
    curves = replay.compare(
        pools,
        strategies,
        CROWD,
        budgets=BUDGETS,
        seeds=range(n_seeds),
        tell=lambda text: say(f"{name}: {text}"),
    )
    full = float(np.mean([replay.full_accuracy(pools(seed)) for seed in range(n_seeds)]))
    needed = {curve.name: curve.votes_to(0.95 * full) for curve in curves}
    mean = {curve.name: curve.mean for curve in curves}
    best = min(needed, key=lambda way: needed[way][0])
    # Accuracy over the whole curve, seed by seed, against the lot: the same pools, so it is paired.
    by_name = {curve.name: curve.accuracy.mean(axis=1) for curve in curves}
    gain = by_name["ours"] - by_name["random"]
    return {
        "full_accuracy": round(full, 4),
        "votes_to_95": {way: votes_or_none(votes) for way, (votes, _, _) in needed.items()},
        "intervals": {
            way: [votes_or_none(low), votes_or_none(high)] for way, (_, low, high) in needed.items()
        },
        "best": best,
        "ours_within_best": needed["ours"][1] <= needed[best][2],
        "mean_accuracy": {way: round(float(row.mean()), 4) for way, row in mean.items()},
        "gain_over_random": [
            round(float(gain.mean()), 4),
            round(1.96 * float(gain.std(ddof=1)) / np.sqrt(n_seeds), 4),
        ],
        "below_random": bool(gain.mean() < 0),
    }


def votes_or_none(votes: float) -> float | None:
    """None: not within the budget."""
    return round(votes, 1) if np.isfinite(votes) else None


def measure(n_faces: int, n_seeds: int) -> dict[str, Any]:
    if not (SHARED_DATA / "yale_b").is_dir():
        absent(f"real faces under known lights at {SHARED_DATA / 'yale_b'}")
    found = {
        "light_stage": of_dataset("light stage", light_stage(n_faces), n_seeds),
        "yale_b": of_dataset("yale_b", under_known_lights(), n_seeds),
    }
    return {
        "seeds": n_seeds,
        "peers": sorted(peers()),
        **found,
        "below_random": any(one["below_random"] for one in found.values()),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    report("replay", lambda: measure(given.faces, given.seeds))
