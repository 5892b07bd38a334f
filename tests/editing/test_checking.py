"""A generator that somebody brings: found where they keep it, and told what fits."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from django.core.management import call_command
from huggingface_hub import constants

from editing import encoders, jobs, places
from editing.engine.denoiser import describe, load_denoiser, new_unet, save_generator
from editing.engine.encoder import Encoder, load_encoder, save_encoder
from editing.models import Generator
from labeling.management.running import nobody
from labeling.models import Job

Done = Callable[[Job], Job]


def added(done: Done, source: object, name: str = "theirs") -> Generator:
    return done(
        jobs.add_generator(
            user=None, name=name, source=str(source), anywhere=True, body={}, ring=nobody
        )
    )


def in_hub_cache(pipeline: Path, cache: Path, repository: str) -> Path:
    """The pipeline as the hub's client keeps it: blobs by hash, linked from a snapshot."""
    commit, root = "0f" * 20, cache / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(commit)
    for number, path in enumerate(p for p in pipeline.rglob("*") if p.is_file()):
        blob = root / "blobs" / f"{number:040x}"
        blob.parent.mkdir(exist_ok=True)
        shutil.copy(path, blob)
        link = root / "snapshots" / commit / path.relative_to(pipeline)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return root / "snapshots" / commit


def test_a_hub_id_is_found_in_the_hubs_own_cache(
    db: None, generator_folder: Path, tmp_path: Path, done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = in_hub_cache(generator_folder, tmp_path, "someone/faces-16")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    row = added(done, "someone/faces-16")
    assert (row.status, row.error) == ("done", None)
    assert row.folder == str(snapshot.resolve())
    assert row.image_size == 16


def test_a_cache_that_lacks_a_file_is_told_by_its_name(
    db: None, generator_folder: Path, tmp_path: Path, done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = in_hub_cache(generator_folder, tmp_path, "someone/faces-16")
    (snapshot / "scheduler" / "scheduler_config.json").unlink()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    row = added(done, "someone/faces-16")
    assert row.status == "failed"
    assert "scheduler_config.json is missing" in row.error


def test_a_pipeline_of_256_pixels_and_a_linear_schedule_that_predicts_noise_fits(
    db: None, tmp_path: Path, done: Done
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_generator(
            tmp_path / "large", new_unet(256, (8, 8, 8, 8, 8, 32)), {}, prediction_type="epsilon"
        )
    path = tmp_path / "large" / "scheduler" / "scheduler_config.json"
    changes = {"_class_name": "DDPMScheduler", "beta_schedule": "linear", "clip_sample": True}
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    row = added(done, tmp_path / "large")
    assert (row.status, row.error, row.image_size) == ("done", None, 256)
    assert (row.card["schedule"], row.card["prediction_type"]) == ("linear", "epsilon")
    # A linear schedule ends at alpha_bar 4e-5; what lies below 1e-3 is not used.
    assert 800 < row.card["last_timestep"] < 999
    assert row.card["bottleneck_shape"] == [32, 8, 8]
    assert row.card["seconds_per_call"] > 0


def test_the_check_tells_in_sentences_what_fits(db: None, generator_folder: Path) -> None:
    out = io.StringIO()
    call_command("add_generator", str(generator_folder), name="ours", stdout=out)
    told = out.getvalue()
    assert "16 x 16" in told
    assert "usable up to timestep 978 of 1000" in told
    assert "Inverting a face to timestep 509 takes about" in told
    assert "It splits at its bottleneck, 32 x 8 x 8: latents of kind h and local edits fit." in told
    assert "It comes without an encoder" in told


def test_an_encoder_beside_a_generator_counts_only_when_it_is_its_own(
    db: None, generator_folder: Path, tmp_path: Path, done: Done
) -> None:
    folder = Path(shutil.copytree(generator_folder, tmp_path / "with"))
    denoiser = load_denoiser(folder)
    before = added(done, folder, "before")
    whose = {"timestep": 500, "steps": 6, "refinements": 1}
    encoder = Encoder(16, float(denoiser.alpha_bar[500]), (16,))
    save_encoder(folder / "encoder", encoder, {"generator_sha256": before.sha256, **whose})
    own = added(done, folder, "own")
    assert own.sha256 == before.sha256
    assert own.card["encoder"]["timestep"] == 500
    save_encoder(folder / "encoder", encoder, {"generator_sha256": "cd" * 32, **whose})
    other = added(done, folder, "other")
    assert other.card["encoder"] is None
    assert "was trained for a generator of sha256 cdcdcdcdcdcd" in other.card["encoder_note"]


def test_the_shipped_encoder_is_the_shipped_generators_own() -> None:
    folder = places.generator_folders()[1] / "lightstage64"
    record = encoders.read(folder / "encoder")
    assert record.generator_sha256 == describe(folder).sha256
    encoder = load_encoder(record.folder, record.told)
    assert encoder.image_size == describe(folder).image_size
    assert sum(path.stat().st_size for path in record.folder.iterdir()) < 2**21
