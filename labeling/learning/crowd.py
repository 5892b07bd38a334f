"""Annotators who don't exist: how people of several kinds would answer, for offline experiments."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Kind(StrEnum):
    """How somebody answers."""

    CAREFUL = "careful"
    CARELESS = "careless"
    SWAPPER = "swapper"
    SPAMMER = "spammer"


# How often a face far from any boundary is answered rightly.
SKILL = {Kind.CAREFUL: 0.97, Kind.CARELESS: 0.8, Kind.SWAPPER: 0.95}
UNSURE_SHARE = 0.05


@dataclass(frozen=True)
class Crowd:
    """kinds (a,) of annotators; mirror_of (k,) the choice that a swapper says instead."""

    kinds: list[Kind]
    mirror_of: np.ndarray

    def answer(self, who: int, truth: int, ambiguity: float, rng: np.random.Generator) -> int:
        """What annotator `who` says of a face: 0..k - 1, or k for "can't tell".

        ambiguity  0 far from a boundary, 1 on it, where even the careful guess between neighbours
        """
        k = len(self.mirror_of)
        kind = self.kinds[who]
        if kind is Kind.SPAMMER:
            return int(rng.integers(k))
        if rng.random() < UNSURE_SHARE * (0.5 + ambiguity):
            return k
        right = SKILL[kind] * (1 - ambiguity / 2)
        said = truth
        if rng.random() >= right:
            neighbours = [c for c in (truth - 1, truth + 1) if 0 <= c < k]
            # Near a boundary one takes the neighbour for it; else any other may slip in.
            others = neighbours if rng.random() < 0.8 else [c for c in range(k) if c != truth]
            said = int(rng.choice(others))
        return int(self.mirror_of[said]) if kind is Kind.SWAPPER else said
