"""Products and singular vectors against the exact Jacobian of a small trained network."""

import copy

import pytest
import torch
from diffusers import UNet2DModel

from editing.engine.denoiser import Denoiser, training_alpha_bar
from editing.engine.jacobian import Jacobian
from editing.engine.krylov import top_singular
from tests.editing.engine.trained import SIZE, noisy_picture

T = 400


@pytest.fixture(scope="module")
def jacobian(trained):
    return Jacobian(trained, noisy_picture(trained, T), T)


@pytest.fixture(scope="module")
def exact(trained):
    """J itself, (outputs, inputs) in float64, row by row of plain reverse differentiation."""
    with torch.no_grad():
        h, context = trained.encode(noisy_picture(trained, T), T)
    h = h.detach().requires_grad_()
    noise = trained.decode(h, context).flatten()
    rows = [torch.autograd.grad(one, h, retain_graph=True)[0].flatten() for one in noise]
    return torch.stack(rows).double()


@pytest.fixture(scope="module")
def decomposed(exact):
    """Singular values and right rows of each region's exact Jacobian."""
    parts = [torch.linalg.svd(m.double()[:, None] * exact, full_matrices=False) for m in masks()]
    return [(s, v) for _, s, v in parts]


def masks():
    """Eyes and the rest as flat weights (2, outputs); the third is feathered."""
    box = torch.zeros(SIZE, SIZE)
    box[4:9, 3:13] = 1
    soft = torch.linspace(0, 1, SIZE).expand(SIZE, SIZE)
    return torch.stack([box, 1 - box, soft])[:, None].expand(-1, 3, -1, -1).flatten(1)


def sine(a, b):
    """The sine of the largest angle between the spaces that rows span."""
    a, b = (torch.linalg.qr(rows.double().T).Q for rows in (a, b))
    return float(torch.linalg.matrix_norm(a - b @ (b.T @ a), 2))


def test_both_products_are_those_of_the_exact_jacobian(jacobian, exact):
    assert jacobian.is_linearised
    draw = torch.Generator().manual_seed(2)
    v = torch.randn(5, jacobian.n_inputs, generator=draw)
    u = torch.randn(7, jacobian.n_outputs, generator=draw)
    forward, back = v.double() @ exact.T, u.double() @ exact
    assert (jacobian.forward(v) - forward).norm() <= 1e-5 * forward.norm()
    assert (jacobian.transposed(u) - back).norm() <= 1e-5 * back.norm()


def test_the_products_are_adjoint(jacobian):
    draw = torch.Generator().manual_seed(3)
    v = torch.randn(6, jacobian.n_inputs, generator=draw)
    u = torch.randn(6, jacobian.n_outputs, generator=draw)
    ahead = (jacobian.forward(v).double() * u).sum(1)
    back = (jacobian.transposed(u).double() * v).sum(1)
    assert torch.allclose(ahead, back, rtol=1e-4, atol=1e-4 * float(ahead.abs().max()))


def test_more_vectors_than_go_through_at_once_give_the_same(jacobian, monkeypatch):
    draw = torch.Generator().manual_seed(4)
    v = torch.randn(5, jacobian.n_inputs, generator=draw)
    u = torch.randn(5, jacobian.n_outputs, generator=draw)
    whole = jacobian.forward(v), jacobian.transposed(u)
    monkeypatch.setattr(jacobian, "_at_once", 2)
    assert torch.allclose(jacobian.forward(v), whole[0], atol=1e-5)
    assert torch.allclose(jacobian.transposed(u), whole[1], atol=1e-5)


@pytest.mark.parametrize("k", [5, 10])
def test_singular_values_and_spaces_are_the_exact_ones(jacobian, decomposed, k):
    found = top_singular(jacobian, masks(), k, tolerance=1e-3)
    assert found.converged
    for (s, v), region in zip(decomposed, found.regions, strict=True):
        assert torch.allclose(region.s.double(), s[:k], rtol=1e-4)
        assert sine(region.v[:5], v[:5]) < 1e-3


def test_the_default_tolerance_gives_the_leading_space(jacobian, decomposed):
    found = top_singular(jacobian, masks(), 10)
    for (_, v), region in zip(decomposed, found.regions, strict=True):
        assert sine(region.v[:5], v[:5]) < 2e-3


def test_a_search_may_be_stopped_between_steps(jacobian):
    class Enough(Exception):
        pass

    told = []

    def stop(step, residual):
        told.append(residual)
        if step == 2:
            raise Enough

    with pytest.raises(Enough):
        top_singular(jacobian, masks(), 5, tolerance=0, on_step=stop)
    assert len(told) == 2
    assert told[1] < told[0]


def test_more_vectors_than_a_region_has_are_refused(jacobian):
    dot = torch.zeros(1, SIZE * SIZE * 3)
    dot[0, :2] = 1
    with pytest.raises(
        ValueError, match="3 singular vectors were asked for; this region has at most 2"
    ):
        top_singular(jacobian, dot, 3)


class Matrix:
    """The products of a known matrix."""

    def __init__(self, j):
        self.j, (self.n_outputs, self.n_inputs) = j, j.shape

    def forward(self, v):
        return v @ self.j.T

    def transposed(self, u):
        return u @ self.j


def test_more_vectors_than_the_rank_are_refused():
    draw = torch.Generator().manual_seed(0)
    j = torch.randn(40, 3, generator=draw) @ torch.randn(3, 60, generator=draw)
    with pytest.raises(ValueError, match=r"5 singular vectors .* only 3"):
        top_singular(Matrix(j), torch.ones(1, 40), 5)


def test_a_flat_spectrum_is_still_resolved():
    # Falling by 2% per vector: where plain randomised methods find nothing.
    draw = torch.Generator().manual_seed(0)
    u, v = (torch.linalg.qr(torch.randn(200, 200, generator=draw)).Q for _ in range(2))
    j = u * 0.98 ** torch.arange(200) @ v.T
    found = top_singular(Matrix(j), torch.ones(1, 200), 10, tolerance=1e-3)
    assert found.converged
    assert sine(found.regions[0].v[:5], v.T[:5]) < 2e-3


def test_a_network_with_functions_that_have_no_rule_is_differentiated_plainly():
    torch.manual_seed(1)
    unet = UNet2DModel(
        sample_size=16,
        block_out_channels=(8, 8),
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=8,
    )
    unet.conv_act = torch.nn.Softplus()
    denoiser = Denoiser(unet, training_alpha_bar(), "epsilon")
    jacobian = Jacobian(denoiser, torch.randn(1, 3, 16, 16), T)
    assert not jacobian.is_linearised
    v, u = torch.randn(3, jacobian.n_inputs), torch.randn(3, jacobian.n_outputs)
    step = 1e-2
    h, along = jacobian.h, v.reshape(3, *jacobian.h.shape[1:])
    ahead = denoiser.decode(h + step * along, jacobian.context)
    behind = denoiser.decode(h - step * along, jacobian.context)
    differences = ((ahead - behind) / (2 * step)).flatten(1)
    assert (jacobian.forward(v) - differences).norm() <= 1e-2 * differences.norm()
    ours = (jacobian.forward(v) * u).sum(1)
    assert torch.allclose(ours, (jacobian.transposed(u) * v).sum(1), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        {"resnet_time_scale_shift": "scale_shift"},
        {"add_attention": False},
        {"upsample_type": "resnet", "downsample_type": "resnet"},
    ],
)
def test_other_architectures_are_linearised_too(settings):
    torch.manual_seed(2)
    plain = {
        "sample_size": 16,
        "block_out_channels": (8, 8),
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
        "norm_num_groups": 4,
        "attention_head_dim": 8,
    }
    unet = UNet2DModel(**(plain | settings))
    denoiser = Denoiser(unet, training_alpha_bar(), "sample")
    assert Jacobian(denoiser, torch.randn(1, 3, 16, 16), T).is_linearised


def test_half_precision_is_refused(trained):
    rough = Denoiser(copy.deepcopy(trained.unet), trained.alpha_bar, "v_prediction")
    rough.to(dtype=torch.bfloat16)
    with pytest.raises(ValueError, match=r"float32 or float64; this network is in torch.bfloat16"):
        Jacobian(rough, noisy_picture(rough, T), T)
