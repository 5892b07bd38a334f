"""Read yaw, light and identity off faces, photos and generated ones alike."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from editing.engine.identity import IdentityProbe, TellsApart
from editing.engine.images import to_tensor, to_uint8
from editing.engine.probes import FaceProbe
from editing.filters import FaceFilter
from editing.runs.probing import LightTeacher, identity_of, probe_of, steering_of
from labeling.learning import features
from labeling.learning.classifier import LightClassifier
from labeling.models import Campaign, Classifier, Dataset
from labeling.worker import Progress

__all__ = ["Meter", "Readings", "meter_of"]


@dataclass(frozen=True)
class Readings:
    """yaw_degrees (n,); light (n, k), or None where no classifier has learned the side of light;
    identity (n, d) unit vectors, or None where the meter measures none.
    """

    yaw_degrees: NDArray[np.float64]
    light: NDArray[np.float64] | None
    identity: NDArray[np.float64] | None = None


class Meter:
    """Measures faces: yaw by a probe trained on the dataset, light by the campaign's classifier,
    identity by a network trained on the dataset's people.

    steering  probes that a closed loop may follow; they learned from other people than `probe`,
              which measures what the loop did. One that reads light too shares that with `light`
    note      why there is no identity, where there is none
    """

    def __init__(
        self,
        probe: FaceProbe,
        light: LightClassifier | None,
        values: Sequence[str],
        *,
        identity: TellsApart | None = None,
        steering: Sequence[FaceProbe] = (),
        note: str = "",
    ) -> None:
        self.probe = probe
        self.light = light
        self.values = list(values)
        self.identity = identity
        self.steering = tuple(steering)
        self.note = note

    def read(self, x: torch.Tensor) -> Readings:
        """Yaw, light and identity of faces x (n, 3, h, w) in [-1, 1]."""
        x = _shown(x)
        yaw = self.probe.predict(x).yaw_degrees
        identity = None if self.identity is None else self.identity.embed(x)
        return Readings(yaw, self._light(x, yaw), identity)

    def steer(self, x: torch.Tensor) -> Readings:
        """Yaw and light as a closed loop may follow them; needs `steering`."""
        if not self.steering:
            raise ValueError("This meter has no probes to steer by; ask meter_of for them.")
        x = _shown(x)
        seen = [probe.predict(x) for probe in self.steering]
        yaw = np.mean([one.yaw_degrees for one in seen], axis=0)
        light = self._light(x, yaw)
        if light is not None:
            # What misleads the classifier on a generated face seldom misleads a network as well.
            light = np.mean([light, *(one.light for one in seen if one.light is not None)], axis=0)
        return Readings(yaw, light)

    def side(self, light: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        """Light (n, k) as one number each, -1 surely the first choice .. 1 surely the last."""
        if light is None or len(self.values) < 2:
            return None
        return light @ np.linspace(-1, 1, len(self.values))

    def _light(self, x: torch.Tensor, yaw: NDArray[np.float64]) -> NDArray[np.float64] | None:
        return None if self.light is None else _read_light(self.light, x, yaw)

    def name_light(self, probabilities: NDArray[np.float64] | None) -> dict[str, float] | None:
        """One face's light as {choice: probability}."""
        if probabilities is None:
            return None
        return {
            value: round(float(p), 4) for value, p in zip(self.values, probabilities, strict=True)
        }

    def card(self) -> dict[str, Any]:
        """What each probe's own error is, on people it has not seen."""
        held_out = self.probe.held_out
        steering = [probe.held_out.yaw_error_degrees for probe in self.steering]
        return {
            "yaw_error": held_out.yaw_error_degrees,
            "yaw_baseline": held_out.yaw_baseline_degrees,
            "n_held_out": held_out.n_faces,
            "taught": asdict(self.probe.taught),
            "steering_errors": steering or None,
            "light_by": "campaign classifier" if self.light else None,
            **(_light_card(self.light) if self.light else {}),
            "identity": _identity_card(self.identity) if self.identity else None,
            **({"identity_note": self.note} if self.note else {}),
        }


def _read_light(
    light: LightClassifier, x: torch.Tensor, yaw: NDArray[np.float64]
) -> NDArray[np.float64]:
    if x.shape[-1] != features.SIZE:
        x = F.interpolate(x, (features.SIZE, features.SIZE), mode="bicubic", antialias=True)
    return light.predict(features.extract(to_uint8(x), yaw=yaw))


def _shown(x: torch.Tensor) -> torch.Tensor:
    return x.detach().float().cpu().clamp(-1, 1)


def _light_card(light: LightClassifier) -> dict[str, Any]:
    card = light.card
    return {
        "light_accuracy": card.get("accuracy"),
        "light_accuracy_interval": (card.get("intervals") or {}).get("accuracy"),
        "n_light_held_out": card.get("n_held_out", card.get("n_faces")),
    }


def _identity_card(measure: TellsApart) -> dict[str, Any]:
    found = measure.likeness
    return {
        # A lab's own model was taught elsewhere.
        **({"taught": asdict(measure.taught)} if isinstance(measure, IdentityProbe) else {}),
        "auc": round(found.auc, 4),
        "auc_interval": [round(at, 4) for at in found.auc_interval],
        "eer": round(found.eer, 4),
        "n_people": found.n_people,
        "n_faces": found.n_faces,
        "bands": [
            {
                "yaw_min": band.yaw_min,
                "yaw_max": band.yaw_max,
                "same": _spread(band.same),
                "different": _spread(band.different),
            }
            for band in found.bands
        ],
    }


def _spread(quantiles: Sequence[float]) -> list[float]:
    """Of quantiles 0, .05, .. 1: the 5%, 50% and 95% one."""
    return [quantiles[1], quantiles[len(quantiles) // 2], quantiles[-2]]


def meter_of(
    dataset: Dataset,
    face_filter: FaceFilter,
    size: int,
    progress: Progress,
    *,
    identity: bool = False,
    steering: bool = False,
) -> Meter:
    """The meter for a dataset at a picture size; each probe is trained once and kept.

    identity, steering  whether it measures identity, whether a closed loop will follow it
    """
    campaign = face_filter.labels_campaign()
    light = teacher = None
    if campaign is not None:
        newest = Classifier.objects.filter(campaign=campaign, feature_version=features.VERSION)
        if row := newest.order_by("-version").first():
            light = LightClassifier.from_bytes(bytes(row.weights), feature_version=features.VERSION)
            teacher = _teacher(campaign, light)
    probe = probe_of(dataset, size, progress)
    told, note = identity_of(dataset, size, progress) if identity else (None, "")
    return Meter(
        probe,
        light,
        campaign.values if campaign else [],
        identity=told,
        steering=steering_of(dataset, size, progress, teacher) if steering else (),
        note=note,
    )


def _teacher(campaign: Campaign, light: LightClassifier) -> LightTeacher | None:
    """The campaign's classifier as a teacher of steering probes; None unless it is about light.

    Every refresh makes a new classifier: one taught by it serves until the votes have doubled.
    """
    mirrors = {choice["value"]: choice["mirror"] for choice in campaign.choices}
    is_in_order = [mirrors[value] for value in campaign.values] == campaign.values[::-1]
    if not (campaign.is_about_light and is_in_order):
        return None
    doublings = int(light.card.get("n_votes", 0)).bit_length()
    return LightTeacher(
        f"{campaign.id}x{doublings}",
        tuple(campaign.values),
        lambda crops, yaw: _read_light(light, to_tensor(crops), yaw),
    )
