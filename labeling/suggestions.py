"""[worker] What a trained classifier says of a campaign's faces, and whether that is news."""

import numpy as np
from django.db import connection, transaction
from django.db.models import Max

from labeling.importing.copy import copy_rows
from labeling.learning.classifier import LightClassifier
from labeling.models import Campaign, Classifier, Suggestion


def keep_classifier(campaign: Campaign, trained: LightClassifier) -> Classifier:
    """Store a classifier as the campaign's next version."""
    newest = campaign.classifiers.aggregate(newest=Max("version"))["newest"] or 0
    return Classifier.objects.create(
        campaign=campaign,
        version=newest + 1,
        feature_version=trained.card["feature_version"],
        weights=trained.to_bytes(),
        card=trained.card,
    )


def agreement_with_last(
    campaign: Campaign, face_ids: np.ndarray, probabilities: np.ndarray
) -> float | None:
    """Cohen's kappa between what the last classifier said and what this one says (n, k) of faces.

    None before there are two, or where either says the same of every face.
    """
    index = {value: place for place, value in enumerate(campaign.values)}
    said = Suggestion.objects.filter(campaign=campaign).values_list("face_id", "choice")
    rows = said.order_by("face_id").iterator(chunk_size=20_000)
    known = np.array([(face, index[choice]) for face, choice in rows], dtype=np.int64).reshape(
        -1, 2
    )
    both, here, there = np.intersect1d(
        face_ids, known[:, 0], assume_unique=True, return_indices=True
    )
    if not len(both):
        return None
    last, now = known[there, 1], probabilities[here].argmax(axis=1)
    counts = np.zeros((len(index), len(index)))
    np.add.at(counts, (last, now), 1 / len(both))
    by_chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum())
    return None if by_chance > 1 - 1e-9 else float((counts.trace() - by_chance) / (1 - by_chance))


def store(classifier: Classifier, face_ids: np.ndarray, probabilities: np.ndarray) -> None:
    """Replace the campaign's suggestions by what this classifier says: probabilities (n, k)."""
    values = classifier.campaign.values
    top = probabilities.argmax(axis=1)
    rows = (
        (face, values[best], "{" + ",".join(f"{p:.6f}" for p in row) + "}")
        for face, best, row in zip(face_ids, top, probabilities.tolist(), strict=True)
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE said (face_id bigint, choice varchar(40), "
            "probabilities double precision[]) ON COMMIT DROP"
        )
        copy_rows(cursor, "said", ("face_id", "choice", "probabilities"), rows)
        cursor.execute(
            """
            INSERT INTO labeling_suggestion
                (campaign_id, face_id, classifier_id, choice, probabilities)
            SELECT %s, face_id, %s, choice, probabilities FROM said ORDER BY face_id
            ON CONFLICT (campaign_id, face_id) DO UPDATE SET
                classifier_id = excluded.classifier_id,
                choice = excluded.choice,
                probabilities = excluded.probabilities
            """,
            [classifier.campaign_id, classifier.id],
        )
        cursor.execute("DROP TABLE said")
