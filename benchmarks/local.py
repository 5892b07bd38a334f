"""How local edits are, per method, at one size: rendered faces that the generator has not seen.

`make bench NAME=local ARGS="--faces 50"`. Renders faces (kept under var/bench, the second run
finds them), trains probes on what is true of them, chooses lambda on six people, pools directions
over them and 26 more, settles them over many faces of people that are not measured, and edits four
regions of other people by every method. A stopped run goes on where it was, and kept faces are
measured only by methods that are new; --fresh starts over. CPU time: 25 to 30 minutes of one core
for 50 faces, and about a quarter of an hour more for what is settled.
"""

import argparse
import os
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks._reporting import report, say

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "editing" / "generators" / "lightstage64"
SEED = 2042  # of no generator's training faces
PROBE_PEOPLE = 2 / 3  # of the people teach the probes; only the others are edited
SIDES = ("left", "center", "right")
SIDE_VALUES = np.array([-1.0, 0.0, 1.0])


class Stage:
    """Rendered faces with landmarks and truth, people for the probes apart from those edited."""

    def __init__(self, folder: Path, n_rendered: int) -> None:
        from lightstage.celeba import write_dataset
        from lightstage.truth import read_truth

        say(f"rendering {n_rendered} faces of seed {SEED}, or finding them in {folder}")
        write_dataset(folder, n_rendered, SEED)
        self.images = folder / "img_align_celeba"
        self.truth = {row.file: row for row in read_truth(folder)}
        table = (folder / "list_landmarks_align_celeba.txt").read_text().splitlines()[2:]
        self.landmarks = {line.split()[0]: [float(n) for n in line.split()[1:]] for line in table}
        people = sorted({row.identity for row in self.truth.values()})
        teaching = set(people[: round(PROBE_PEOPLE * len(people))])
        files = sorted(self.truth)
        self.teaching = [name for name in files if self.truth[name].identity in teaching]
        # One face each, so that a bootstrap over faces is one over people.
        by_person = {self.truth[name].identity: name for name in reversed(files)}
        self.edited = sorted(name for who, name in by_person.items() if who not in teaching)
        self.pooled = sorted(name for who, name in by_person.items() if who in teaching)
        # Many faces of each of these people, by lot: settling looks at one after another.
        self.settled = sorted(self.teaching, key=lambda name: zlib.crc32(name.encode()))

    def crops(self, files: Sequence[str], size: int) -> np.ndarray:
        from editing.engine.images import load_faces

        return load_faces([self.images / name for name in files], size)

    def subjects(self, files: Sequence[str], size: int) -> list[Any]:
        """Those of some faces in which all four regions can be seen."""
        from editing.engine.images import to_tensor
        from editing.engine.local_trials import Subject
        from editing.engine.proposals import proposed
        from editing.engine.regions import rasterise
        from editing.engine.settling import turn_of
        from editing.management.local_evaluation import REGIONS, regions_of

        photos = to_tensor(self.crops(files, size))
        found = []
        for name, photo in zip(files, photos, strict=True):
            masks = regions_of(
                proposed(self.landmarks[name]), lambda shapes: rasterise(shapes, size, size)
            )
            if set(masks) == set(REGIONS):
                found.append(Subject(name, photo, masks, turn_of(self.landmarks[name])))
        return found


def probes(stage: Stage, folder: Path, size: int) -> Any:
    """Yaw, light and identity probes taught by the truth, kept beside the faces."""
    from editing.engine.identity import FORMAT as IDENTITY_FORMAT
    from editing.engine.identity import IdentityProbe, train_identity
    from editing.engine.probes import FORMAT, FaceProbe, train_probe

    kept = folder / f"probe-{size}-v{FORMAT}.safetensors"
    who = folder / f"identity-{size}-v{IDENTITY_FORMAT}.safetensors"
    if not (kept.exists() and who.exists()):
        say(f"training probes on {len(stage.teaching)} faces")
        rows = [stage.truth[name] for name in stage.teaching]
        crops = stage.crops(stage.teaching, size)
        yaw = np.array([row.yaw_degrees for row in rows])
        people = np.array([row.identity for row in rows])
        light = np.array([SIDES.index(row.side) for row in rows])
        train_probe(crops, yaw, people, light=light).save(kept)
        train_identity(crops, people, yaw).save(who)
    return FaceProbe.load(kept), IdentityProbe.load(who)


def measure(given: argparse.Namespace) -> dict[str, Any]:
    from editing.engine.denoiser import describe, load_denoiser
    from editing.engine.local_trials import Terms
    from editing.management.local_evaluation import LocalEvaluation, Read
    from editing.management.local_tables import as_text, summary, write_plot

    folder: Path = given.folder.resolve()
    run = folder / "run"
    if given.fresh:
        shutil.rmtree(run, ignore_errors=True)
    torch.set_num_threads(1)
    exact = load_denoiser(given.generator)
    quick = load_denoiser(given.generator, dtype=quick_type())
    quick.unet.to(memory_format=torch.channels_last)
    stage = Stage(folder / "stage", given.rendered)
    face_probe, identity = probes(stage, folder, exact.image_size)

    def read(x: torch.Tensor) -> Read:
        x = x.float().cpu().clamp(-1, 1)
        seen = face_probe.predict(x)
        light = None if seen.light is None else seen.light @ SIDE_VALUES
        return Read(seen.yaw_degrees, light, identity.embed(x))

    subjects = stage.subjects(stage.edited, exact.image_size)
    n_tuning = given.tuning
    # People who taught the probes: none of them is edited.
    pooling = stage.subjects(stage.pooled, exact.image_size)[: max(given.pooled - n_tuning, 0)]
    settling = stage.subjects(stage.settled[: given.settled], exact.image_size)
    terms = Terms(size=given.size)
    work = LocalEvaluation(
        quick, exact, describe(given.generator).sha256, read, run, terms, subjects[:n_tuning],
        pooling, given.refined, lambda share, step: say(f"{share:.0%} {step}"),
        settling=(settling, len(settling) and given.settling_steps),
    )  # fmt: skip
    chosen = subjects[n_tuning : n_tuning + given.faces]
    rows = work.run(chosen).rows
    wanted = {one.name for one in chosen}
    told = summary([row for row in rows if row["face"] in wanted], terms.size)
    say(as_text(told))
    write_plot(told, run / "roir.png")
    held_out = face_probe.held_out
    likeness = identity.likeness
    return {
        **{method: promised(row) for method, row in told.items()},
        "faces": len(chosen),
        "regions": 4,
        "size": terms.size,
        "lambda": work.terms.regularisation,
        "form": terms.form,
        "best_over_svd": min(
            row["roir_over_svd"][0]
            for name, row in told.items()
            if name not in ("svd", "held") and row["roir_over_svd"]
        ),
        "probes": {
            "yaw_error": round(held_out.yaw_error_degrees, 3),
            "light_accuracy": held_out.light_accuracy,
            "identity_auc": round(likeness.auc, 4),
        },
        "not_measured": "LPIPS: its weights may not be shipped",
    }


def promised(row: dict[str, Any]) -> dict[str, Any]:
    """One method's figures: each as value, low and high of its 95 % interval."""
    names = (
        "roir_median", "roir_over_svd", "roir_by_region", "transfer_rate", "transfer_by_region",
        "transfer_rate_per_pixel", "identity", "yaw_shift", "light_shift", "ssim_outside", "edits",
        "missed_size", "faces",
    )  # fmt: skip
    return {name: row[name] for name in names}


def quick_type() -> torch.dtype:
    """What edits are made in, as the worker chooses it on a CPU."""
    known = torch.cpu.get_capabilities()
    fast = known.get("avx512_bf16") or known.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    var = Path(os.environ.get("PENUMBRA_VAR") or ROOT / "var")
    parser.add_argument("--faces", type=int, default=50, help="people edited, one face each")
    parser.add_argument("--refined", type=int, default=12, help="of these, refined as well")
    parser.add_argument("--tuning", type=int, default=6, help="other people that choose lambda")
    parser.add_argument("--pooled", type=int, default=32, help="people pooled over, with those")
    parser.add_argument("--settled", type=int, default=300, help="faces of these to settle over")
    parser.add_argument("--settling-steps", type=int, default=320)
    parser.add_argument("--rendered", type=int, default=2400)
    parser.add_argument("--size", type=float, default=0.12, help="RMS inside, of -1..1")
    parser.add_argument("--generator", type=Path, default=SHIPPED)
    parser.add_argument("--folder", type=Path, default=var / "bench" / "local")
    parser.add_argument("--fresh", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    arguments = parsed()
    report("local", lambda: measure(arguments))
