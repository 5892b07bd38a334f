"""Read yaw and light off faces, photos and generated ones alike."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from editing import places
from editing.engine.images import to_uint8
from editing.engine.probes import FaceProbe, train_probe
from editing.filters import FaceFilter
from editing.runs.loading import crops_of, draw
from labeling.learning import features
from labeling.learning.classifier import LightClassifier
from labeling.models import Classifier, Dataset, Face
from labeling.worker import Progress

PROBE_VERSION = 1
PROBE_SECONDS = 180
# More faces make the probe slower to train, hardly truer.
MOST_PROBE_FACES = 8000


@dataclass(frozen=True)
class Readings:
    """yaw_degrees (n,); light (n, k), or None where no classifier has learned the side of light."""

    yaw_degrees: NDArray[np.float64]
    light: NDArray[np.float64] | None


class Meter:
    """Measures faces: yaw by a probe trained on the dataset, light by the campaign's classifier."""

    def __init__(
        self, probe: FaceProbe, light: LightClassifier | None, values: Sequence[str]
    ) -> None:
        self.probe = probe
        self.light = light
        self.values = list(values)

    def read(self, x: torch.Tensor) -> Readings:
        """Yaw and light of faces x (n, 3, h, w) in [-1, 1]."""
        x = x.detach().float().cpu().clamp(-1, 1)
        yaw = self.probe.predict(x).yaw_degrees
        if self.light is None:
            return Readings(yaw, None)
        if x.shape[-1] != features.SIZE:
            x = F.interpolate(x, (features.SIZE, features.SIZE), mode="bicubic", antialias=True)
        vectors = features.extract(to_uint8(x), yaw=yaw)
        return Readings(yaw, self.light.predict(vectors))

    def name_light(self, probabilities: NDArray[np.float64] | None) -> dict[str, float] | None:
        """One face's light as {choice: probability}."""
        if probabilities is None:
            return None
        return {
            value: round(float(p), 4) for value, p in zip(self.values, probabilities, strict=True)
        }

    def card(self) -> dict[str, Any]:
        """What the probe's own error is, on identities it has not seen."""
        held_out = self.probe.held_out
        return {
            "yaw_error": held_out.yaw_error_degrees,
            "yaw_baseline": held_out.yaw_baseline_degrees,
            "n_held_out": held_out.n_faces,
            "light_by": "campaign classifier" if self.light else None,
        }


def meter_of(dataset: Dataset, face_filter: FaceFilter, size: int, progress: Progress) -> Meter:
    """The meter for a dataset at a picture size; its probe is trained once and kept."""
    campaign = face_filter.labels_campaign()
    light = None
    if campaign is not None:
        newest = Classifier.objects.filter(campaign=campaign, feature_version=features.VERSION)
        if row := newest.order_by("-version").first():
            light = LightClassifier.from_bytes(bytes(row.weights), feature_version=features.VERSION)
    probe = probe_of(dataset, size, progress)
    return Meter(probe, light, campaign.values if campaign else [])


def probe_of(dataset: Dataset, size: int, progress: Progress) -> FaceProbe:
    """The yaw probe of a dataset at a picture size: from its file, else trained now."""
    path = places.probe_file(dataset.id, size, PROBE_VERSION)
    if path.is_file():
        return FaceProbe.load(path)
    seen = Face.objects.filter(dataset=dataset, yaw_degrees__isnull=False)
    rows = list(seen.values_list("id", "yaw_degrees", "identity"))
    rows = sorted(rows, key=lambda row: draw(row[0]))[:MOST_PROBE_FACES]
    crops = crops_of(
        [face_id for face_id, _, _ in rows],
        size,
        lambda done, n: progress(0.2 * done / n, "Reading faces for the yaw probe"),
    )
    probe = train_probe(
        crops,
        np.array([yaw for _, yaw, _ in rows]),
        # A face of nobody known is its own person; identities are never negative.
        np.array([-face_id if who is None else who for face_id, _, who in rows]),
        seconds=PROBE_SECONDS,
        on_progress=lambda share: progress(0.2 + 0.8 * share, "Training the yaw probe"),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        probe.save(f"{folder}/probe")
        # Two workers may have trained it at once; either probe will do.
        os.replace(f"{folder}/probe", path)
    return probe
