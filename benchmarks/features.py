"""Vectors per second from 178 x 218 JPEGs, beside reading each face by itself.

First the numbers of light, then those of appearance that other questions learn from.

`make bench NAME=features ARGS="--faces 1000"`. Rates are per CPU second times the cores used, so
that other work on the machine does not count; wall-clock rates stand beside them.
"""

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
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


def _projected(basis: Any, raw: Any, seen: Any) -> Any:
    return basis.project(np.hstack(raw(seen)))


def measure(n_faces: int) -> dict[str, Any]:
    with throw_away_database(), tempfile.TemporaryDirectory() as folder:
        from labeling.describing import see
        from labeling.learning import appearance, features

        def together(paths: list[Path], extract: Any) -> None:
            """As the worker does it: pictures by threads, vectors by chunks."""
            with ThreadPoolExecutor(CORES) as pool:
                for start in range(0, len(paths), CHUNK):
                    extract(list(pool.map(see, paths[start : start + CHUNK])))

        def of_light(seen: Any) -> Any:
            points = np.tile(POINTS, (len(seen), 1, 1))
            crops = np.stack([one.crop for one in seen])
            return features.extract(crops, yaw=np.zeros(len(seen)), landmarks=points)

        def raw(seen: Any) -> Any:
            return appearance.extract(
                np.stack([one.whole for one in seen]),
                np.stack([one.crop for one in seen]),
                yaw=np.zeros(len(seen)),
                landmarks=np.tile(POINTS, (len(seen), 1, 1)),
            )

        def singly(paths: list[Path]) -> None:
            for path in paths:
                of_light([see(path)])

        say(f"writing {n_faces} faces")
        paths = write_faces(Path(folder), n_faces)
        ours, naive, of_appearance = [], [], []
        with threadpool_limits(1):
            odd, even = raw([see(path) for path in paths[:CHUNK]])
            basis = appearance.fit_basis(np.hstack([odd, even]), odd.shape[1])
            projected = partial(_projected, basis, raw)
            together(paths[:CHUNK], of_light)
            for round_number in range(ROUNDS):
                say(f"round {round_number + 1} of {ROUNDS}")
                ours.append(rate(partial(together, extract=of_light), paths))
                of_appearance.append(rate(partial(together, extract=projected), paths))
                naive.append(rate(singly, paths))
        numbers = len(features.mirror_signs())
    by_cpu, by_clock = np.median(ours, axis=0)
    others_by_cpu, others_by_clock = np.median(of_appearance, axis=0)
    return {
        "faces": n_faces,
        "numbers": numbers,
        "faces_per_second": rounded(by_cpu),
        "faces_per_second_min_max": [rounded(f([a for a, _ in ours])) for f in (min, max)],
        "naive_faces_per_second": rounded(float(np.median(naive, axis=0)[0])),
        "faces_per_second_by_clock": rounded(by_clock),
        "cpu_ms_per_face": rounded(CORES * 1000 / by_cpu),
        "appearance_numbers": len(basis.mirror_signs()),
        "appearance_faces_per_second": rounded(others_by_cpu),
        "appearance_faces_per_second_by_clock": rounded(others_by_clock),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1000)
    given = parser.parse_args()
    report("features", lambda: measure(given.faces))
