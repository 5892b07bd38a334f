from dataclasses import dataclass

import pytest
import torch

from editing.engine.pooling import Seen, pooled


@dataclass
class Planted:
    """A Jacobian (n_outputs, n) whose pictures are 1x2x2; the mask is their upper half."""

    j: torch.Tensor
    input_shape: tuple[int, ...] = (1, 2, 2)
    output_shape: tuple[int, ...] = (1, 2, 2)

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        return v @ self.j.T


def test_what_is_local_on_one_face_only_loses_to_what_is_local_on_all():
    mask = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    # Direction 0 acts inside on both faces and a little outside; 1 is perfect on the first face
    # and acts outside only on the second.
    first = torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0.1, 0, 1.0, 0], [0, 0, 0, 1.0]])
    second = torch.tensor([[1.0, 0, 0, 0], [0, 0.1, 0, 0], [0.1, 0, 1.0, 0], [0, 1.0, 0, 1.0]])
    rows = torch.eye(4)
    faces = [Seen(Planted(j), mask, rows) for j in (first, second)]
    alone = pooled([faces[0], faces[0]], 1e-3).flatten().abs()
    both = pooled(faces, 1e-3).flatten().abs()
    assert int(alone.argmax()) == 1
    assert int(both.argmax()) == 0
    assert float(both[0]) > 0.99
    with pytest.raises(ValueError, match="2 or more faces, got 1"):
        pooled(faces[:1], 0.1)
