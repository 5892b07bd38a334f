"""Import tables of CelebA's size without opening images: rows per second and memory growth.

`make bench NAME=import ARGS="--rows 202599"`.
"""

import argparse
import gc
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks._database import throw_away_database
from benchmarks._memory import Peak
from benchmarks._reporting import report, say

# The mean of CelebA's aligned landmarks, which every row is scattered around.
LANDMARKS = (69, 111, 108, 111, 88, 135, 73, 152, 105, 152)
NAMES = [f"{place}_{axis}" for place in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
         for axis in ("x", "y")]  # fmt: skip


def write_folder(folder: Path, n_rows: int) -> None:
    """Tables in CelebA's own format, one image and as many empty files where others would lie."""
    from lightstage.attributes import ATTRIBUTE_NAMES

    rng = np.random.default_rng(0)
    names = [f"{n:06d}.jpg" for n in range(1, n_rows + 1)]
    images = folder / "img_align_celeba"
    images.mkdir(parents=True)
    for name in names:
        (images / name).touch()
    # The first one is looked at even so: landmarks must lie in a picture of its size.
    Image.new("RGB", (178, 218)).save(images / names[0])
    signs = rng.choice([-1, 1], (n_rows, 40))
    points = np.array(LANDMARKS) + rng.integers(-6, 7, (n_rows, 10))
    tables = {
        "list_attr_celeba.txt": (ATTRIBUTE_NAMES, signs, 3),
        "list_landmarks_align_celeba.txt": (NAMES, points, 5),
    }
    for table, (header, values, width) in tables.items():
        with (folder / table).open("w", newline="") as file:
            file.write(f"{n_rows}\r\n{' '.join(header)} \r\n")
            for name, row in zip(names, values.tolist(), strict=True):
                file.write(name + " " + "".join(f"{value:>{width}d}" for value in row) + "\r\n")
    with (folder / "identity_CelebA.txt").open("w", newline="") as file:
        file.writelines(f"{name} {n // 20 + 1}\r\n" for n, name in enumerate(names))


def measure(n_rows: int) -> dict[str, Any]:
    with throw_away_database() as var:
        from labeling.importing.celeba import import_faces

        say(f"writing tables of {n_rows} rows")
        write_folder(var / "faces", n_rows)
        gc.collect()
        before = psutil.Process().memory_info().rss
        say("importing")
        peak = Peak()
        peak.start()
        found = import_faces(var / "faces", "bench", verify="none")
        peak.ended.set()
        return {
            "rows": found.added,
            "seconds": round(found.seconds, 2),
            "rows_per_second": round(found.added / found.seconds),
            "rss_growth_mb": round((peak.most - before) / 2**20),
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=202_599)
    given = parser.parse_args()
    report("import", lambda: measure(given.rows))
