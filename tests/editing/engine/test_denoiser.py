import json
import shutil

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file

from editing.engine.denoiser import (
    Denoiser,
    describe,
    load_denoiser,
    new_unet,
    save_generator,
    training_alpha_bar,
)

SIZE = 16


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small generator folder with random weights, stored as float32."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("generators") / "tiny"
    save_generator(folder, new_unet(SIZE, (8, 32)), {"data": "none"}, dtype=torch.float32)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of it that a test may damage."""
    return shutil.copytree(saved, tmp_path / "tiny")


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_saved_generator_is_what_diffusers_itself_loads(saved):
    pipeline = diffusers.DDIMPipeline.from_pretrained(saved)
    pictures = pipeline(batch_size=1, num_inference_steps=2, output_type="np").images
    assert pictures.shape == (1, SIZE, SIZE, 3)
    x = torch.randn(1, 3, SIZE, SIZE)
    ours = load_denoiser(saved)
    assert torch.allclose(pipeline.unet(x, 300).sample, ours.unet(x, 300).sample, atol=1e-5)
    theirs = pipeline.scheduler.alphas_cumprod.double()
    assert torch.allclose(ours.alpha_bar, theirs, atol=1e-5)
    assert json.loads((saved / "training_record.json").read_text()) == {"data": "none"}


def test_saving_again_replaces_the_folder_and_leaves_nothing_beside_it(folder):
    before = describe(folder)
    save_generator(folder, new_unet(SIZE, (8, 32)), {"data": "other"})
    after = describe(folder)
    assert after.sha256 != before.sha256
    assert after.n_parameters == before.n_parameters
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


def test_the_card_says_what_the_folder_holds(saved):
    card = describe(saved)
    assert (card.image_size, card.channels, card.train_timesteps) == (SIZE, 3, 1000)
    assert (card.schedule, card.prediction_type) == ("squaredcos_cap_v2", "v_prediction")
    assert card.n_parameters == sum(p.numel() for p in load_denoiser(saved).unet.parameters())
    assert describe(saved) == card


def test_the_hash_covers_the_schedule_too(saved, folder):
    change(folder / "scheduler" / "scheduler_config.json", prediction_type="epsilon")
    assert describe(folder).sha256 != describe(saved).sha256


def test_a_bare_network_folder_with_its_schedule_at_the_root_loads(saved, tmp_path):
    for path in (
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
    ):
        shutil.copy(saved / path, tmp_path)
    x = torch.randn(1, 3, SIZE, SIZE)
    same = load_denoiser(saved).predict_noise(x, 100)
    assert torch.equal(load_denoiser(tmp_path).predict_noise(x, 100), same)


def test_attention_weights_under_their_old_names_load(saved, folder):
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    state, old = load_file(path), {}
    for name, value in state.items():
        for new, former in (("to_q", "query"), ("to_k", "key"), ("to_v", "value")):
            name = name.replace(f".{new}.", f".{former}.")
        old[name.replace(".to_out.0.", ".proj_attn.")] = value
    assert old.keys() != state.keys()
    save_file(old, path)
    x = torch.randn(1, 3, SIZE, SIZE)
    expected = load_denoiser(saved).predict_noise(x, 100)
    assert torch.equal(load_denoiser(folder).predict_noise(x, 100), expected)


def test_weights_in_a_bin_file_load_as_tensors_only(saved, folder):
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()
    x = torch.randn(1, 3, SIZE, SIZE)
    expected = load_denoiser(saved).predict_noise(x, 100)
    assert torch.equal(load_denoiser(folder).predict_noise(x, 100), expected)
    torch.save({"conv_in.weight": shutil.copytree}, path.with_suffix(".bin"))
    with pytest.raises(ValueError, match="more than tensors"):
        load_denoiser(folder)


@pytest.mark.parametrize(
    ("file", "values", "told"),
    [
        ("unet/config.json", {"_class_name": "UNet2DConditionModel"}, "UNet2DConditionModel"),
        ("unet/config.json", {"num_class_embeds": 10}, "unconditional"),
        ("unet/config.json", {"out_channels": 6}, "takes 3 channels and gives 6"),
        ("unet/config.json", {"in_channels": 4, "out_channels": 4}, "takes 4 channels"),
        ("unet/config.json", {"sample_size": [16, 32]}, r"\[16, 32\]"),
        ("unet/config.json", {"block_out_channels": [8, 33]}, "config.json"),
        ("scheduler/scheduler_config.json", {"_class_name": "ScoreSdeVeScheduler"}, "ScoreSdeVe"),
        ("scheduler/scheduler_config.json", {"prediction_type": "flow"}, "'flow'"),
        ("model_index.json", {"unet": ["diffusers", "DiTTransformer2DModel"]}, "DiT"),
        ("model_index.json", {"unet": ["diffusers", "UNet2DConditionModel"]}, "wants a text"),
        ("model_index.json", {"vqvae": ["diffusers", "VQModel"]}, r"latents \(vqvae\)"),
        ("model_index.json", {"vae": ["diffusers", "AutoencoderKL"]}, r"latents \(vae\)"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(folder, file, values, told):
    change(folder / file, **values)
    with pytest.raises(ValueError, match=told):
        describe(folder)
    with pytest.raises(ValueError, match=told):
        load_denoiser(folder)


def test_missing_and_damaged_files_are_refused_by_name(folder):
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    state = load_file(weights)
    state.pop("conv_in.bias")
    save_file(state, weights)
    with pytest.raises(ValueError, match=r"conv_in\.bias"):
        load_denoiser(folder)
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ValueError, match="cannot be read as weights"):
        load_denoiser(folder)
    weights.unlink()
    with pytest.raises(ValueError, match="no weights"):
        describe(folder)
    (folder / "scheduler" / "scheduler_config.json").unlink()
    with pytest.raises(ValueError, match=r"scheduler_config\.json is missing"):
        describe(folder)


class Answers(torch.nn.Module):
    """A network that knows the photo and the noise, and answers in a given convention."""

    def __init__(self, kind: str, x_0: torch.Tensor, eps: torch.Tensor, alpha_bar) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
        self.config = {"sample_size": SIZE, "in_channels": 3}
        self.answer = {
            "epsilon": lambda a: eps,
            "sample": lambda a: x_0,
            "v_prediction": lambda a: a**0.5 * eps - (1 - a) ** 0.5 * x_0,
        }[kind]
        self.alpha_bar = alpha_bar

    def forward(self, x_t, t, return_dict=False):
        return (self.answer(self.alpha_bar[int(t[0])]),)


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
def test_every_convention_comes_out_as_noise(kind):
    x_0, eps = torch.randn(2, 2, 3, SIZE, SIZE, dtype=torch.float64)
    alpha_bar = training_alpha_bar()
    denoiser = Denoiser(Answers(kind, x_0, eps, alpha_bar), alpha_bar, kind)
    a = alpha_bar[400]
    x_t = a**0.5 * x_0 + (1 - a) ** 0.5 * eps
    assert torch.allclose(denoiser.predict_noise(x_t, 400), eps)


def test_the_state_keeps_its_type_and_the_network_its_own(saved):
    denoiser = load_denoiser(saved, dtype=torch.bfloat16)
    assert denoiser.dtype == torch.bfloat16
    x = torch.randn(1, 3, SIZE, SIZE, dtype=torch.float64)
    rough = denoiser.predict_noise(x, 300)
    assert rough.dtype == torch.float64
    fine = denoiser.to(dtype=torch.float32).predict_noise(x, 300)
    assert (rough - fine).abs().max() < 0.1


def test_noise_can_be_differentiated_twice_as_jacobians_need(saved):
    denoiser = load_denoiser(saved)
    x = torch.randn(1, 3, SIZE, SIZE, requires_grad=True)
    v, u = torch.randn(2, 1, 3, SIZE, SIZE)
    cotangent = u.clone().requires_grad_()
    (pulled,) = torch.autograd.grad(denoiser.predict_noise(x, 300), x, cotangent, create_graph=True)
    (pushed,) = torch.autograd.grad(pulled, cotangent, v)  # J v, by differentiating J^T u in u
    with torch.no_grad():
        ahead, behind = (denoiser.predict_noise(x + h * v, 300) for h in (1e-2, -1e-2))
    difference = (ahead - behind) / 2e-2
    assert torch.allclose(pushed, difference, atol=1e-2)
    assert (pushed * u).sum().item() == pytest.approx((pulled * v).sum().item(), rel=1e-3)


def test_the_squared_cosine_schedule_is_usable_up_to_978(saved):
    assert load_denoiser(saved).last_timestep == 978


@pytest.mark.parametrize("size", [0, 8, 48, 65])
def test_a_size_without_an_8x8_bottleneck_is_refused(size):
    with pytest.raises(ValueError, match=f"not {size}"):
        new_unet(size)


@pytest.mark.parametrize("size", [16, 32, 64])
def test_new_networks_have_an_8x8_bottleneck(size):
    unet, seen = new_unet(size), []
    unet.mid_block.register_forward_hook(lambda module, given, out: seen.append(out.shape[-2:]))
    assert unet(torch.zeros(1, 3, size, size), 0).sample.shape == (1, 3, size, size)
    assert seen == [(8, 8)]
