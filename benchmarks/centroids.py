"""Yaw clusters of all of CelebA's latents: one filtered pass over 5 GB of fp16, beside memcpy.

`make bench NAME=centroids ARGS="--rows 202599"`. The latents are written once, in the store's own
chunks, under $PENUMBRA_VAR or var/ and found there again. Both are read by the code that fitting
uses. Rates are bytes of the rows that pass, per second of this process's own time: with everything
cached nothing waits for a disk, and what else runs on the machine does not count. Rates by the
clock stand beside them. The kernel caches a file in pages as big as its first reader asked for: so
the files are let go first, once to be read by a plain loop (small_pages), once by our code.
"""

import argparse
import gc
import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks._memory import Peak
from benchmarks._reporting import absent, report, rounded, say

DIMENSIONS, CHUNK, ROUNDS, PAIRS = 12_288, 64, 3, 9
EDGES = (-45.0, -30.0, -20.0, -10.0, 10.0, 20.0, 30.0, 45.0)
SHARES = (0.01, 0.1, 0.3)
SHA, SPACE = "be" * 32, "bench"


def stored(n_rows: int) -> Any:
    """The store with its latents, written now if they are not there."""
    from editing.store import LatentStore

    var = Path(os.environ.get("PENUMBRA_VAR", "var")).resolve()
    store = LatentStore(var / "bench" / "centroids", SPACE, SHA)
    missing = sorted(set(range(n_rows)) - store.present(range(n_rows)))
    needed = len(missing) * DIMENSIONS * 2
    store.folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(store.folder).free < needed + 2**30:
        absent(f"{needed / 2**30:.1f} GB of free disk under {store.folder}")
    draw = np.random.default_rng(0)
    # Rows of a pool in a new order each time: drawing 2.5 billion numbers would take minutes.
    pool = draw.standard_normal((2048, DIMENSIONS), np.float32).astype(np.float16)
    for at in range(0, len(missing), CHUNK):
        if at % (CHUNK * 200) == 0:
            say(f"writing latents, {at} of {len(missing)}")
        ids = missing[at : at + CHUNK]
        store.write(ids, pool[draw.integers(0, len(pool), len(ids))])
    return store


def summed(store: Any, ids: np.ndarray, yaw: np.ndarray) -> Any:
    """Centroids of these faces, as fitting takes them."""
    from editing.engine.moments import Moments

    moments = Moments(EDGES, DIMENSIONS, yaw, is_joint=False)
    for latents, rows, at in store.blocks(ids):
        moments.add(latents, rows, at)
    return moments.clusters()


def naive(store: Any, ids: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """The same with a plain loop: every chunk loaded, a mask per bin, float64."""
    edges = np.array(EDGES)
    sums, counts = np.zeros((len(EDGES) - 1, DIMENSIONS)), np.zeros(len(EDGES) - 1)
    wanted = dict(zip(ids.tolist(), yaw.tolist(), strict=True))
    for path in sorted(store.folder.glob("*.safetensors")):
        from safetensors.numpy import load_file

        latents = load_file(path)["latents"]
        first = int(path.name.split("-")[0])
        yaws = np.array([wanted.get(first + row, np.nan) for row in range(len(latents))])
        bins = np.where(np.isnan(yaws), -1, np.searchsorted(edges, yaws, side="right") - 1)
        for b in range(len(counts)):
            if (bins == b).any():
                sums[b] += latents[bins == b].astype(np.float64).sum(axis=0)
                counts[b] += (bins == b).sum()
    return sums / counts[:, None]


def let_go(store: Any) -> None:
    """Have the kernel forget what it holds of these files."""
    for path in store.folder.glob("*.safetensors"):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of this process, seconds by the clock, and what the work gave."""
    cpu, clock = time.process_time(), time.perf_counter()
    found = work()
    return time.process_time() - cpu, time.perf_counter() - clock, found


def copying(store: Any, n_rows: int) -> tuple[Callable[[], None], int]:
    """What copies a gibibyte of such latents in memory, and how many bytes these are."""
    block = store.read(range(min(n_rows, 2**30 // (DIMENSIONS * 2)))).astype(np.float16)
    target = block.copy()
    return lambda: target.__setitem__(slice(None), block), block.nbytes


def measure(n_rows: int) -> dict[str, Any]:
    if psutil.virtual_memory().available < n_rows * DIMENSIONS * 2 + 2 * 2**30:
        absent("as much free memory as the latents need to stay cached, and 2 GB")
    store = stored(n_rows)
    draw = np.random.default_rng(1)
    ids, yaw = np.arange(n_rows), draw.uniform(-45, 45, n_rows)
    say("a plain loop reads all of it")
    let_go(store)
    naive(store, ids, yaw)
    in_small = [timed(lambda: summed(store, ids, yaw))[0] for _ in range(ROUNDS)]
    say("our code reads all of it")
    let_go(store)
    summed(store, ids, yaw)
    gc.collect()
    peak = Peak()
    peak.start()
    ours = summed(store, ids, yaw).mean
    peak.ended.set()
    peak.join()
    by_share = {}
    for share in SHARES:
        few = np.sort(draw.choice(n_rows, max(int(share * n_rows), 1), replace=False))
        runs = [timed(lambda few=few: summed(store, few, yaw[few]))[0] for _ in range(ROUNDS)]
        by_share[str(share)] = rounded(statistics.median(runs))
    copy, n_copied = copying(store, n_rows)
    passes, copies = [], []
    # Side by side, as the machine's pace changes from one minute to the next.
    for number in range(PAIRS):
        say(f"a pass and a copy, {number + 1} of {PAIRS}")
        passes.append(timed(lambda: summed(store, ids, yaw)))
        copies.append(timed(copy)[0])
    say("naive loop")
    cpu, clock, means = timed(lambda: naive(store, ids, yaw))
    seconds = statistics.median(one[0] for one in passes)
    n_bytes = n_rows * DIMENSIONS * 2
    copied = statistics.median(n_copied / spent for spent in copies)
    shares = [
        n_bytes / spent / (n_copied / beside)
        for (spent, _, _), beside in zip(passes, copies, strict=True)
    ]
    return {
        "rows": n_rows,
        "bytes": n_bytes,
        "seconds": rounded(seconds),
        "seconds_min_max": [rounded(f(one[0] for one in passes)) for f in (min, max)],
        "seconds_by_clock": rounded(statistics.median(one[1] for one in passes)),
        "bytes_per_second": rounded(n_bytes / seconds),
        "memcpy_bytes_per_second": rounded(copied),
        "fraction_of_limit": rounded(statistics.median(shares)),
        "fraction_of_limit_min_max": [rounded(f(shares)) for f in (min, max)],
        "fraction_of_limit_in_small_pages": rounded(n_bytes / statistics.median(in_small) / copied),
        "seconds_by_share_of_rows": by_share,
        "peak_rss_mb": round(peak.most / 2**20),
        "naive_seconds": rounded(cpu),
        "naive_seconds_by_clock": rounded(clock),
        "largest_relative_difference_from_naive": rounded(
            float(np.max(np.linalg.norm(ours - means, axis=1) / np.linalg.norm(means, axis=1)))
        ),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=202_599)
    given = parser.parse_args()
    report("centroids", lambda: measure(given.rows))
