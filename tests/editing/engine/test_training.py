from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from editing.engine.denoiser import new_unet
from editing.engine.training import CHECKPOINT_NAME, train

SIZE = 16


def a_unet(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return new_unet(SIZE, (8, 32))


def faces(n: int = 64) -> np.ndarray:
    """Pictures of two flat colours."""
    levels = np.random.default_rng(0).choice([40, 200], (n, 1, 1, 3))
    return np.broadcast_to(levels, (n, SIZE, SIZE, 3)).astype(np.uint8)


def weights(unet: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in unet.parameters()])


def test_the_loss_falls_and_the_average_follows(tmp_path):
    told = []
    average, end = train(
        a_unet(),
        faces(),
        folder=tmp_path,
        n_images=1600,
        batch=16,
        bf16=False,
        on_progress=told.append,
    )
    assert end.images_seen == 1600
    assert end.fraction == 1
    assert end.loss < 0.8  # an untrained network's is 1
    assert not torch.equal(weights(average), weights(a_unet()))
    assert all(b.images_seen > a.images_seen for a, b in pairwise(told))


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    def run(folder, unet, stop_at=None):
        steps = iter(range(10**6))
        stop = (lambda: next(steps) >= stop_at) if stop_at else None
        return train(
            unet,
            faces(),
            folder=folder,
            n_images=320,
            batch=16,
            bf16=False,
            should_stop=stop,
            seed=7,
        )

    whole, _ = run(tmp_path / "whole", a_unet())
    _, half = run(tmp_path / "parts", a_unet(), stop_at=8)
    assert half.images_seen == 128
    rest, end = run(tmp_path / "parts", a_unet(seed=5))
    assert end.images_seen == 320
    assert torch.allclose(weights(rest), weights(whole), atol=1e-5)


def test_a_finished_training_only_hands_its_network_back(tmp_path):
    first, _ = train(a_unet(), faces(), folder=tmp_path, n_images=64, batch=16, bf16=False)
    again, end = train(a_unet(seed=3), faces(), folder=tmp_path, n_images=64, batch=16, bf16=False)
    assert end.images_seen == 64
    assert torch.equal(weights(again), weights(first))


def test_another_networks_checkpoint_is_refused_with_both_shapes(tmp_path):
    train(a_unet(), faces(), folder=tmp_path, n_images=16, bf16=False)
    with pytest.raises(ValueError, match=r"another network.*\(8,\) there, \(16,\) here"):
        train(new_unet(SIZE, (16, 32)), faces(), folder=tmp_path, n_images=32, bf16=False)


def test_the_checkpoint_holds_arrays_only_and_is_handed_to_whoever_asks(tmp_path):
    given = []
    train(
        a_unet(),
        faces(),
        folder=tmp_path,
        n_images=48,
        batch=16,
        bf16=False,
        checkpoint_seconds=0,
        on_checkpoint=lambda average, progress: given.append(progress.images_seen),
    )
    assert given == [16, 32, 48, 48]
    assert [path.name for path in tmp_path.iterdir()] == [CHECKPOINT_NAME]
    kinds = {name.split("/")[0] for name in load_file(tmp_path / CHECKPOINT_NAME)}
    assert kinds == {"weights", "average", "exp_avg", "exp_avg_sq", "step", "draw"}


def test_training_with_bf16_stays_near_training_without(tmp_path):
    fine, _ = train(a_unet(), faces(), folder=tmp_path / "a", n_images=160, bf16=False)
    rough, end = train(a_unet(), faces(), folder=tmp_path / "b", n_images=160, bf16=True)
    assert end.loss < 1.5
    moved = (weights(fine) - weights(a_unet())).norm()
    assert (weights(rough) - weights(fine)).norm() < moved


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (np.zeros((4, 8, 8, 3), np.uint8), r"\(4, 8, 8, 3\)"),
        (np.zeros((4, SIZE, SIZE, 3)), "float64"),
        (np.zeros((0, SIZE, SIZE, 3), np.uint8), "no training images"),
    ],
)
def test_images_that_do_not_fit_are_refused(tmp_path, images, told):
    with pytest.raises(ValueError, match=told):
        train(a_unet(), images, folder=tmp_path, n_images=16)


def test_training_without_a_budget_is_refused(tmp_path):
    with pytest.raises(ValueError, match="needs a budget"):
        train(a_unet(), faces(), folder=tmp_path)
