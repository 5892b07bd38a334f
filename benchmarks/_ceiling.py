"""What a generator can do at all: how far its samples are from real faces."""

from typing import Any

import numpy as np

from benchmarks._reporting import rounded, say

N_SAMPLES = 256


def ceiling(generator: Any, dataset: Any, steps: int) -> dict[str, Any]:
    """The distance of samples from real faces, beside that of real faces from each other."""
    import torch

    from editing.engine.ddim import generate, time_grid
    from editing.engine.images import to_tensor
    from editing.runs.loading import crops_of, denoiser_of
    from editing.runs.probing import identity_of

    say(f"{N_SAMPLES} samples of the generator beside real faces")
    denoiser = denoiser_of(generator)
    size = denoiser.image_size
    noise = torch.randn(
        N_SAMPLES, 3, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    grid = time_grid(denoiser.alpha_bar, steps)
    made = [generate(denoiser, part, grid) for part in noise.split(32)]
    measure, note = identity_of(dataset, size, lambda share, step="": None)
    if measure is None:
        raise SystemExit(note)
    ids = list(dataset.faces.order_by("id").values_list("id", flat=True)[: 2 * N_SAMPLES])
    real = measure.embed(to_tensor(crops_of(ids, size)))
    samples = measure.embed(torch.cat(made).float().clamp(-1, 1))
    one, other = real[::2], real[1::2]
    return {
        "samples": N_SAMPLES,
        "sample_distance": rounded(kernel_distance(samples, one)),
        "real_distance": rounded(kernel_distance(other, one)),
        "what": "squared kernel distance (as in KID, cubic) of identity vectors",
        "training": generator.card.get("training"),
    }


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased squared distance of two sets (n, d) under (<x, y> + 1)^3 [1].

    [1] Binkowski et al. 2018, arXiv 1801.01401; there on Inception's features, over d
    """

    def mean(x: np.ndarray, y: np.ndarray, same: bool) -> float:
        k = (x @ y.T + 1) ** 3
        n = len(x)
        return float((k.sum() - np.trace(k)) / (n * (n - 1)) if same else k.mean())

    return mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)
