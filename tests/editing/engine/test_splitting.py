import pytest
import torch
from diffusers import UNet1DModel, UNet2DModel

from editing.engine.denoiser import Denoiser, new_unet, training_alpha_bar

PLAIN = {
    "sample_size": 16,
    "layers_per_block": 1,
    "block_out_channels": (8, 16),
    "down_block_types": ("DownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "UpBlock2D"),
    "norm_num_groups": 4,
    "attention_head_dim": 8,
}
NETWORKS = {
    "ours": {},
    "no attention": {"add_attention": False},
    "attention on the way": {
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
        "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    },
    "two layers, three levels": {
        "layers_per_block": 2,
        "block_out_channels": (8, 16, 16),
        "down_block_types": ("DownBlock2D",) * 3,
        "up_block_types": ("UpBlock2D",) * 3,
    },
    "skips beside the network": {
        "block_out_channels": (32, 32),
        "down_block_types": ("SkipDownBlock2D", "AttnSkipDownBlock2D"),
        "up_block_types": ("AttnSkipUpBlock2D", "SkipUpBlock2D"),
        "time_embedding_type": "fourier",
        "center_input_sample": True,
    },
    "scale and shift": {"resnet_time_scale_shift": "scale_shift"},
    "resampled by residual blocks": {"downsample_type": "resnet", "upsample_type": "resnet"},
}


def denoiser_of(settings, prediction_type="epsilon"):
    torch.manual_seed(3)
    unet = UNet2DModel(**(PLAIN | settings)) if settings else new_unet(16, (8, 32))
    return Denoiser(unet, training_alpha_bar(), prediction_type)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_two_halves_are_the_whole_network(name):
    denoiser = denoiser_of(NETWORKS[name])
    x_t = torch.randn(2, 3, 16, 16)
    whole = denoiser.predict_noise(x_t, 400)
    h, context = denoiser.encode(x_t, 400)
    assert h.dim() == 4
    size = whole.abs().max()
    assert (denoiser.decode(h, context) - whole).abs().max() <= 1e-6 * size
    # The bottleneck is really what the decoder answers to.
    assert (denoiser.decode(h + 1, context) - whole).abs().max() > 1e-2 * size


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_halves_give_noise_whatever_the_network_predicts(prediction_type, dtype):
    denoiser = denoiser_of({}, prediction_type)
    x_t = torch.randn(2, 3, 16, 16, dtype=dtype)
    h, context = denoiser.encode(x_t, 250)
    noise = denoiser.decode(h, context)
    assert noise.dtype == h.dtype == dtype
    assert (noise - denoiser.predict_noise(x_t, 250)).abs().max() <= 1e-6


def test_one_context_serves_many_bottlenecks():
    denoiser = denoiser_of({})
    h, context = denoiser.encode(torch.randn(1, 3, 16, 16), 250)
    many = torch.cat([h, 1.5 * h, 0 * h])
    apart = torch.cat([denoiser.decode(one[None], context) for one in many])
    assert torch.allclose(denoiser.decode(many, context), apart, atol=1e-5)


def test_bottlenecks_that_do_not_fit_the_context_are_refused():
    denoiser = denoiser_of({})
    h, context = denoiser.encode(torch.randn(2, 3, 16, 16), 250)
    with pytest.raises(ValueError, match="3 bottlenecks do not fit the context of 2 latents"):
        denoiser.decode(h[:1].expand(3, -1, -1, -1), context)


def test_a_network_without_a_middle_block_is_refused_by_name():
    denoiser = denoiser_of({"mid_block_type": None})
    with pytest.raises(ValueError, match="UNet2DModel has no middle block"):
        denoiser.encode(torch.randn(1, 3, 16, 16), 250)


def test_a_network_that_asks_for_a_class_is_refused_by_name():
    denoiser = denoiser_of({"num_class_embeds": 10})
    with pytest.raises(ValueError, match=r"conditioned on classes.*num_class_embeds 10"):
        denoiser.encode(torch.randn(1, 3, 16, 16), 250)


def test_a_network_of_another_architecture_is_refused_by_name():
    denoiser = denoiser_of({})
    denoiser.unet = UNet1DModel(block_out_channels=(8, 8, 16))
    with pytest.raises(ValueError, match=r"A UNet1DModel cannot be split.* conv_in"):
        denoiser.encode(torch.randn(1, 3, 16, 16), 250)
