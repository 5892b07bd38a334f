"""What is known of light before the first vote: a classifier taught by rendered faces, shipped."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from labeling.learning import features
from labeling.learning.classifier import LightClassifier

FILE = Path(__file__).with_name("light_prior.safetensors")
CHOICES = ["left", "center", "right"]
MIRRORS = {"left": "right", "center": "center", "right": "left"}


def for_choices(choices: Sequence[dict[str, str]]) -> LightClassifier | None:
    """The shipped classifier, in the order of a campaign's choices; None for another question.

    choices  as a campaign has them: [{"value", "mirror", ...}]
    """
    if {choice["value"]: choice["mirror"] for choice in choices} != MIRRORS:
        return None
    values = [choice["value"] for choice in choices]
    known = shipped()
    order = np.array([CHOICES.index(value) for value in values])
    return replace(
        known,
        weights=known.weights[order],
        bias=known.bias[order],
        card={
            "feature_version": known.card["feature_version"],
            "choices": values,
            "data": known.card["data"],
            "n_votes": 0,
            "n_faces": 0,
            # Nobody has looked at the campaign's own faces yet: these figures are not about them.
            "on_rendered_faces": {
                name: known.card[name] for name in ("n_faces", "accuracy", "log_loss", "ece")
            },
        },
    )


@lru_cache(1)
def shipped() -> LightClassifier:
    """The classifier that lies beside this file; ValueError if it reads other features.

    `manage.py teach_light` makes it anew, byte for byte.
    """
    return LightClassifier.from_bytes(FILE.read_bytes(), feature_version=features.VERSION)
