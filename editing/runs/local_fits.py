"""The lines of a direction for one source face: faces like it count most, lit like it above all."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from editing.engine.clusters import bins_of
from editing.engine.lines import RotationFit
from editing.engine.moments import Moments, fit_moments
from editing.engine.similarity import Traits, effective_count, likeness, tone_shares
from editing.filters import FaceFilter
from editing.models import Direction
from editing.recipes import FitRecipe
from editing.runs.choosing import Faces, coordinate
from editing.runs.keeping import stored_fit, stored_rows
from editing.runs.loading import store_of
from editing.runs.summing import beside_of, store_dimensions, summed
from labeling.models import Consensus, Face, ReleasedLabel

# What faces are compared by where a dataset has it: CelebA's attributes that people agree on.
COMPARED = (
    "Male", "Eyeglasses", "Wearing_Hat", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair",
    "Bald", "Smiling", "Young", "Pale_Skin",
)  # fmt: skip
# A bin in which fewer faces than that count (Kish) is no cluster of faces like the source.
FEWEST_ALIKE = 3.0


def fit_for(direction: Direction, face: Face) -> RotationFit:
    """The lines along which this face turns.

    With the recipe's weights "similar" they are fitted for this face, on the same faces as the
    direction, and kept in memory; else, or where too few faces are like it, the direction's own.
    """
    if FitRecipe.parse(direction.recipe).weights != "similar":
        return stored_fit(direction)
    if face.dataset_id != direction.dataset_id:
        return stored_fit(direction)
    return _local(direction.id, direction.attempt, face.id)


@lru_cache(64)
def _local(direction_id: int, attempt: int, face_id: int) -> RotationFit:
    direction = Direction.objects.select_related("generator", "dataset").get(id=direction_id)
    recipe = FitRecipe.parse(direction.recipe)
    own = stored_fit(direction)
    faces, tones, edges = _rows(direction_id, attempt)
    source = _source(direction, Face.objects.get(id=face_id), tones.shape[1])
    names = direction.dataset.attribute_names
    them = Traits(faces.light, _compared(faces.attributes, names), tones)
    for options in ({}, {"per_attribute": 0.0, "tone_width": np.inf}):
        try:
            weights = likeness(them, source, **options)
            return _fitted(direction, recipe, own, faces, weights, edges)
        except ValueError:
            continue  # too few faces are like it in everything; then in the light alone
    return own


@lru_cache(2)
def _rows(direction_id: int, attempt: int) -> tuple[Faces, NDArray[np.float64], list[float]]:
    return stored_rows(Direction.objects.select_related("generator").get(id=direction_id))


def _fitted(
    direction: Direction,
    recipe: FitRecipe,
    own: RotationFit,
    faces: Faces,
    weights: NDArray[np.float64],
    edges: list[float],
) -> RotationFit:
    """The recipe's lines through weighted faces; raises ValueError where bins run too thin."""
    at = bins_of(faces.yaw, edges)
    for number in range(len(edges) - 1):
        if effective_count(weights[at == number]) < FEWEST_ALIKE:
            weights = np.where(at == number, 0, weights)
    store = store_of(direction.generator, direction.space)
    size = direction.generator.image_size
    is_joint = bool(recipe.subtract) or recipe.points == "faces"
    moments = Moments(
        edges,
        store_dimensions(store, faces),
        faces.yaw,
        weights=weights,
        names=recipe.subtract,
        beside=beside_of(faces, recipe.subtract, direction.dataset.attribute_names),
        is_mirrored=faces.is_mirrored,
        picture=(3, size, size) if faces.is_mirrored.any() else None,
        is_joint=is_joint,
    )
    summed(store, faces, moments)
    fit = fit_moments(
        moments,
        points=recipe.points,
        lines=recipe.lines,
        ridge=recipe.ridge,
        subtract=recipe.subtract,
    )
    return replace(
        fit,
        left=fit.left or own.left,
        right=fit.right or own.right,
        beside={**own.beside, **fit.beside},
        is_local=True,
    )


def _source(direction: Direction, face: Face, n_tones: int) -> Traits:
    """What the source is compared by: its light as the release or the consensus has it."""
    campaign = FaceFilter.parse(direction.filter).labels_campaign()
    labels = Consensus.objects.filter(campaign=campaign, face=face)
    if direction.release_id is not None:
        labels = ReleasedLabel.objects.filter(release_id=direction.release_id, face=face)
    row = labels.first() if campaign else None
    light = coordinate(campaign, row.probabilities if row else None)
    bits = np.array([-1 if face.attributes is None else face.attributes])
    tone = np.full((1, n_tones), np.nan)
    store = store_of(direction.generator, direction.space)
    if n_tones and store.present([face.id]):
        size = direction.generator.image_size
        tone = store.read([face.id]).astype(np.float64) @ tone_shares(3, size, size).T
    return Traits(np.array([light]), _compared(bits, direction.dataset.attribute_names), tone)


def _compared(bits: NDArray[np.int64], names: list[str]) -> NDArray[np.float64]:
    """The compared attributes (n, a) of faces as 0 or 1, NaN where a face's are not known."""
    columns = [bits >> names.index(name) & 1 for name in COMPARED if name in names]
    found = np.column_stack(columns) if columns else np.empty((len(bits), 0))
    return np.where((bits < 0)[:, None], np.nan, found.astype(np.float64))
