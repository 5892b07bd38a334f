"""Campaigns of any size about faces that are rows only: nobody looks at their pictures."""

from pathlib import Path
from typing import Any


def make_campaign(var: Path, slug: str, n_faces: int, **policy: Any) -> Any:
    """A campaign with n faces 000001.jpg, 000002.jpg, ..., and statistics for the planner."""
    from django.db import connection

    from labeling import queue
    from labeling.models import Dataset

    dataset = Dataset.objects.create(name=slug, image_folder=str(var), n_faces=n_faces)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO labeling_face (dataset_id, filename, width, height) "
            "SELECT %s, lpad(n::text, 6, '0') || '.jpg', 178, 218 FROM generate_series(1, %s) n",
            [dataset.id, n_faces],
        )
        campaign = queue.create_campaign(dataset, slug, title=slug, **policy)
        cursor.execute("VACUUM ANALYZE labeling_face, labeling_turn")
    return campaign
