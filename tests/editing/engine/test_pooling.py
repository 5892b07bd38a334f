from dataclasses import dataclass

import pytest
import torch

from editing.engine.pooling import Seen, pooled

UPPER, LEFT = torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])


@dataclass
class Planted:
    """A Jacobian (n_outputs, n) whose pictures are 3x2x2."""

    j: torch.Tensor
    output_shape: tuple[int, ...] = (3, 2, 2)

    @property
    def n_inputs(self) -> int:
        return self.j.shape[1]

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.n_inputs, 1, 1)

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        return v @ self.j.T

    def transposed(self, u: torch.Tensor) -> torch.Tensor:
        return u @ self.j

    def rest(self) -> None: ...


def drawn(n_faces: int, n: int = 10) -> list[Seen]:
    draw = torch.Generator().manual_seed(1)
    return [
        Seen(Planted(torch.randn(12, n, generator=draw)), {"upper": UPPER, "left": LEFT})
        for _ in range(n_faces)
    ]


def ratio(faces: list[Seen], region: str, v: torch.Tensor, scales: list[float]) -> float:
    """The sum of scaled effects inside over that outside, over all faces."""
    inside = outside = 0.0
    for face, scale in zip(faces, scales, strict=True):
        effect = face.jacobian.forward(v.flatten()[None]).reshape(3, 2, 2)
        inside += scale * float((effect * face.masks[region]).square().sum())
        outside += scale * float((effect * (1 - face.masks[region])).square().sum())
    return inside / outside


def test_what_is_local_on_one_face_only_loses_to_what_is_local_on_all():
    # Direction 0 acts inside on both faces and a little outside; 1 is perfect on the first face
    # and acts outside only on the second.
    first, second = torch.zeros(12, 4), torch.zeros(12, 4)
    first[0, 0], first[2, 0], first[1, 1], first[3, 3] = 1, 0.1, 1, 1
    second[0, 0], second[2, 0], second[3, 1], second[3, 3] = 1, 0.1, 1, 1
    faces = [Seen(Planted(j), {"upper": UPPER}) for j in (first, second)]
    start = torch.eye(4)
    alone = pooled([faces[0], faces[0]], start, regularisation=1e-3, steps=0)["upper"].v.flatten()
    both = pooled(faces, start, regularisation=1e-3, steps=0)["upper"].v.flatten()
    assert int(alone.abs().argmax()) == 1
    assert int(both.abs().argmax()) == 0
    assert float(both[0].abs()) > 0.99


def test_a_span_that_grows_reaches_the_most_local_direction_there_is():
    faces = drawn(3)
    start = torch.eye(10)[:2]
    # With all of the inputs as the start nothing can be added: the exact answer.
    exact = pooled(faces, torch.eye(10), regularisation=1e-6, steps=0, rank=2)
    few = pooled(faces, start, regularisation=1e-6, steps=0, rank=2)
    grown = pooled(faces, start, regularisation=1e-6, steps=6, rank=2)
    for region in ("upper", "left"):
        scales = [
            1 / float((f.jacobian.j.reshape(3, 4, 10) * f.masks[region].reshape(4, 1)).norm() ** 2)
            for f in faces
        ]
        best, short, reached = (
            ratio(faces, region, found[region].v[0], scales) for found in (exact, few, grown)
        )
        assert short < 0.9 * best
        assert reached == pytest.approx(best, rel=0.15)
        assert grown[region].v.shape == (2, 10, 1, 1)
        effect = faces[2].jacobian.forward(grown[region].v[1].reshape(1, 10)).reshape(3, 2, 2)
        mask = faces[2].masks[region]
        expected = float((effect * mask).norm() / (effect * (1 - mask)).norm())
        assert float(grown[region].locality[1, 2]) == pytest.approx(expected, rel=1e-4)


def test_what_cannot_be_pooled_is_said_and_every_face_counts_as_progress():
    faces = drawn(2)
    with pytest.raises(ValueError, match="2 or more faces, got 1"):
        pooled(faces[:1], torch.eye(10))
    other = Seen(faces[1].jacobian, {"upper": UPPER})
    with pytest.raises(ValueError, match="expected the same for all"):
        pooled([faces[0], other], torch.eye(10))
    told: list[tuple[int, int]] = []
    pooled(faces, torch.eye(10)[:3], steps=1, on_step=lambda *step: told.append(step))
    assert told == [(n, 6) for n in range(1, 7)]
