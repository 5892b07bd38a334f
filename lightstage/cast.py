"""Which identity and which of its shots face number i is: fixed by the seed alone.

Faces come in blocks of 50 identities, shuffled within the block, so that a data set can
grow without changing, and its first few hundred files already hold many identities
under several lights and yaws.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

IDENTITIES_PER_BLOCK = 50
_CAST_STREAM, _SPLIT_STREAM = 3, 4
TRAIN, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True)
class Role:
    """One face: its number (1-based, as in the file name), identity (1-based), shot and split."""

    number: int
    identity: int
    index: int
    split: int  # CelebA's: 0 train, 1 validation, 2 test

    @property
    def file(self) -> str:
        return f"{self.number:06d}.jpg"


@lru_cache(maxsize=64)
def _block(seed: int, block: int, faces_per_identity: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng((seed, _CAST_STREAM, block, faces_per_identity))
    split = np.random.default_rng((seed, _SPLIT_STREAM, block))
    tenth = IDENTITIES_PER_BLOCK // 10
    splits = np.full(IDENTITIES_PER_BLOCK, TRAIN)
    held_out = split.permutation(IDENTITIES_PER_BLOCK)[: 2 * tenth]
    splits[held_out[:tenth]], splits[held_out[tenth:]] = VALIDATION, TEST
    return order.permutation(IDENTITIES_PER_BLOCK * faces_per_identity), splits


def role(seed: int, number: int, *, faces_per_identity: int = 12) -> Role:
    """Who is on face `number` (1-based); identities never cross splits (80/10/10)."""
    if number < 1 or faces_per_identity < 1:
        raise ValueError(
            f"face number is {number}, faces per identity {faces_per_identity}; expected >= 1"
        )
    block, place = divmod(number - 1, IDENTITIES_PER_BLOCK * faces_per_identity)
    order, splits = _block(seed, block, faces_per_identity)
    member, index = divmod(int(order[place]), faces_per_identity)
    return Role(number, 1 + block * IDENTITIES_PER_BLOCK + member, index, int(splits[member]))
