"""Lighting vectors per second from 178 x 218 JPEGs, beside reading each face by itself.

`make bench NAME=features ARGS="--faces 1000"`. Rates are per CPU second times the cores used, so
that other work on the machine does not count; wall-clock rates stand beside them.
"""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks._database import throw_away_database
from benchmarks._reporting import report, rounded, say

CORES, CHUNK, ROUNDS = 2, 500, 3
POINTS = np.array([[69, 111], [108, 111], [88, 134], [72, 152], [105, 152]], dtype=float)


def write_faces(folder: Path, n_faces: int) -> list[Path]:
    """JPEGs as heavy as photographs: smooth shapes with some grain."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(n_faces):
        coarse = Image.fromarray(rng.integers(0, 256, (14, 12, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((178, 218), Image.Resampling.BICUBIC), dtype=float)
        grainy = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
        paths.append(folder / f"{number:06d}.jpg")
        Image.fromarray(grainy).save(paths[-1], quality=88)
    return paths


def rate(describe: Any, paths: list[Path]) -> tuple[float, float]:
    """Faces per second of CORES undisturbed cores, and by the clock."""
    cpu, clock = time.process_time(), time.perf_counter()
    describe(paths)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return CORES * len(paths) / cpu, len(paths) / clock


def measure(n_faces: int) -> dict[str, Any]:
    with throw_away_database(), tempfile.TemporaryDirectory() as folder:
        from labeling.learning import features
        from labeling.suggestions import read_crop

        def together(paths: list[Path]) -> None:
            """As the worker does it: crops by threads, vectors by chunks."""
            with ThreadPoolExecutor(CORES) as pool:
                for start in range(0, len(paths), CHUNK):
                    crops = list(pool.map(read_crop, paths[start : start + CHUNK]))
                    points = np.tile(POINTS, (len(crops), 1, 1))
                    features.extract(np.stack(crops), yaw=np.zeros(len(crops)), landmarks=points)

        def singly(paths: list[Path]) -> None:
            for path in paths:
                crop = read_crop(path)
                features.extract(crop[None], yaw=np.zeros(1), landmarks=POINTS[None])

        say(f"writing {n_faces} faces")
        paths = write_faces(Path(folder), n_faces)
        ours, naive = [], []
        with threadpool_limits(1):
            together(paths[:CHUNK])
            for round_number in range(ROUNDS):
                say(f"round {round_number + 1} of {ROUNDS}")
                ours.append(rate(together, paths))
                naive.append(rate(singly, paths))
        numbers = len(features.mirror_signs())
    by_cpu, by_clock = np.median(ours, axis=0)
    return {
        "faces": n_faces,
        "numbers": numbers,
        "faces_per_second": rounded(by_cpu),
        "faces_per_second_min_max": [rounded(f([a for a, _ in ours])) for f in (min, max)],
        "naive_faces_per_second": rounded(float(np.median(naive, axis=0)[0])),
        "faces_per_second_by_clock": rounded(by_clock),
        "cpu_ms_per_face": rounded(CORES * 1000 / by_cpu),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1000)
    given = parser.parse_args()
    report("features", lambda: measure(given.faces))
