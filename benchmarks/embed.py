"""Latents per second at equal reconstruction error: ours, an encoder, and diffusers' plain loop.

`make bench NAME=embed ARGS="--faces 16"`. Each side embeds the same rendered faces in the same
batches on one thread, in turn; rates are medians per CPU second, so that other work on the machine
does not count, and wall-clock rates stand beside them. The plain loop is DDIMInverseScheduler in
float32 as its documentation has it, with as many steps as it takes to lose no more than we do;
reconstruction is by each side's own deterministic steps, mean squared error on [-1, 1].
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks._reporting import report, rounded, say

GENERATOR = Path(__file__).resolve().parents[1] / "editing" / "generators" / "lightstage64"
STEPS, REFINEMENTS, TIMESTEP = 20, 1, 509
BATCH, SEED = 16, 2026
# Plain steps of the whole schedule, few to many, until the error is no larger than ours.
LADDER = (6, 10, 16, 25, 40, 64, 80, 100, 160, 250, 400)

Embed = Callable[[torch.Tensor], torch.Tensor]


class PlainLoop:
    """Diffusers' own inversion and generation over part of the schedule."""

    def __init__(self, unet: Any, config: Any, steps: int, timestep: int) -> None:
        from diffusers import DDIMInverseScheduler, DDIMScheduler

        self.unet = unet
        self.up = DDIMInverseScheduler.from_config(config)
        self.down = DDIMScheduler.from_config(config)
        self.up.set_timesteps(steps)
        self.down.set_timesteps(steps)
        self.rising = [t for t in self.up.timesteps if t <= timestep]
        self.falling = [t for t in self.down.timesteps if t <= timestep]

    @torch.no_grad()
    def embed(self, x: torch.Tensor) -> torch.Tensor:
        for t in self.rising:
            said = self.unet(x.to(self.unet.dtype), t).sample.float()
            x = self.up.step(said, t, x).prev_sample
        return x

    @torch.no_grad()
    def generate(self, x: torch.Tensor) -> torch.Tensor:
        for t in self.falling:
            said = self.unet(x.to(self.unet.dtype), t).sample.float()
            x = self.down.step(said, t, x).prev_sample
        return x


def faces(n: int, size: int) -> torch.Tensor:
    """Rendered faces of people that no generator of ours was trained on."""
    from editing.engine.images import load_faces, to_tensor
    from lightstage.celeba import write_dataset

    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder), n, SEED, processes=1)
        return to_tensor(load_faces(sorted(Path(folder).rglob("*.jpg")), size))


def in_batches(embed: Embed, x_0: torch.Tensor) -> torch.Tensor:
    return torch.cat([embed(x_0[at : at + BATCH]) for at in range(0, len(x_0), BATCH)])


def error(embed: Embed, generate: Embed, x_0: torch.Tensor) -> float:
    back = in_batches(lambda part: generate(embed(part)), x_0)
    return float((back - x_0).square().mean())


def seconds(embed: Embed, x_0: torch.Tensor) -> tuple[float, float]:
    """Per face: of the processor, and by the clock."""
    cpu, clock = time.process_time(), time.perf_counter()
    in_batches(embed, x_0)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    return cpu / len(x_0), clock / len(x_0)


def plain_at(least: float, loops: dict[int, PlainLoop], x_0: torch.Tensor, known: dict) -> int:
    """The fewest steps whose error is at most `least`, else the most there are."""
    for steps, loop in loops.items():
        if steps not in known:
            known[steps] = error(loop.embed, loop.generate, x_0)
            say(f"diffusers, {steps} steps: {len(loop.rising)} calls, error {known[steps]:.6f}")
        if known[steps] <= least:
            return steps
    return max(loops)


def measure(n_faces: int, rounds: int, timestep: int) -> dict[str, Any]:
    # Settings, and no database: the engine's rules of number types stand beside the rows' code.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    torch.set_num_threads(1)
    from diffusers import DDIMPipeline

    from editing.engine.ddim import generate
    from editing.engine.denoiser import load_denoiser
    from editing.engine.spaces import Space
    from editing.runs.loading import number_type

    pipeline = DDIMPipeline.from_pretrained(GENERATOR)
    plain = pipeline.unet.float().eval()
    denoiser = load_denoiser(GENERATOR, "cpu", number_type("cpu"))
    denoiser.unet.to(memory_format=torch.channels_last)
    say(f"rendering {n_faces} faces")
    x_0 = faces(n_faces, denoiser.image_size)
    space = Space(timestep=timestep, steps=STEPS, refinements=REFINEMENTS)
    grid = space.grid(denoiser)
    back = partial(generate, denoiser, grid=grid)
    sides: dict[str, Embed] = {"ours": partial(space.x_t, denoiser)}
    if encoder := shipped_encoder(timestep):
        sides["encoder"] = encoder
    errors = {name: error(embed, back, x_0) for name, embed in sides.items()}
    say(f"errors {errors}")
    config = pipeline.scheduler.config
    loops = {steps: PlainLoop(plain, config, steps, timestep) for steps in LADDER}
    known: dict[int, float] = {}
    # From many steps down nothing could be stopped early; the ladder rises.
    for name in sorted(errors, key=lambda name: -errors[name]):
        steps = plain_at(errors[name], loops, x_0, known)
        sides[f"diffusers_at_{name}"] = loops[steps].embed
        errors[f"diffusers_at_{name}"] = known[steps]
        if name == "ours":
            plain_steps, plain_calls = steps, len(loops[steps].rising)
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for embed in sides.values():
        embed(x_0[:2])
    for number in range(rounds):
        for name in sides if number % 2 == 0 else reversed(sides):
            spent[name].append(seconds(sides[name], x_0))
            say(f"round {number + 1}: {name} {1 / spent[name][-1][0]:.1f} faces per CPU second")
    return figures(spent, errors) | {
        "faces": n_faces,
        "batch": BATCH,
        "timestep": timestep,
        "steps": STEPS,
        "refinements": REFINEMENTS,
        "calls": len(grid) * REFINEMENTS + 1,
        "diffusers_steps": plain_steps,
        "diffusers_calls": plain_calls,
        "number_type": str(denoiser.dtype).removeprefix("torch."),
        "diffusers_errors": {str(k): rounded(v) for k, v in known.items()},
    }


def shipped_encoder(timestep: int) -> Embed | None:
    """The encoder in the generator's own folder, if it is one of this generator and timestep."""
    from editing import encoders
    from editing.engine.denoiser import describe
    from editing.engine.encoder import load_encoder
    from editing.runs.loading import number_type

    folder = GENERATOR / "encoder"
    if not folder.is_dir():
        return None
    record = encoders.read(folder)
    if (record.generator_sha256, record.timestep) != (describe(GENERATOR).sha256, timestep):
        return None
    encoder = load_encoder(folder, record.told).to(number_type("cpu"))
    encoder = encoder.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def embed(x_0: torch.Tensor) -> torch.Tensor:
        return encoder(x_0)

    return embed


def figures(
    spent: dict[str, list[tuple[float, float]]], errors: dict[str, float]
) -> dict[str, Any]:
    by_cpu = {name: [1 / cpu for cpu, _ in rows] for name, rows in spent.items()}
    rates = {name: statistics.median(values) for name, values in by_cpu.items()}
    clock = {name: statistics.median(1 / wall for _, wall in rows) for name, rows in spent.items()}
    told: dict[str, Any] = {
        "faces_per_second": rounded(rates["ours"]),
        "diffusers_faces_per_second": rounded(rates["diffusers_at_ours"]),
        "ratio": rounded(rates["ours"] / rates["diffusers_at_ours"]),
        "reconstruction_mse": rounded(errors["ours"]),
        "diffusers_reconstruction_mse": rounded(errors["diffusers_at_ours"]),
        "least_and_most": {k: [rounded(min(v)), rounded(max(v))] for k, v in by_cpu.items()},
        "by_the_clock": {name: rounded(value) for name, value in clock.items()},
    }
    if "encoder" in rates:
        told |= {
            "encoder_faces_per_second": rounded(rates["encoder"]),
            "encoder_ratio": rounded(rates["encoder"] / rates["diffusers_at_ours"]),
            "encoder_reconstruction_mse": rounded(errors["encoder"]),
            "encoder_ratio_at_its_own_error": rounded(
                rates["encoder"] / rates["diffusers_at_encoder"]
            ),
            "diffusers_at_encoder_mse": rounded(errors["diffusers_at_encoder"]),
        }
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timestep", type=int, default=TIMESTEP)
    given = parser.parse_args()
    report("embed", lambda: measure(given.faces, given.rounds, given.timestep))
