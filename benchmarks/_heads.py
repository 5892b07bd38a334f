"""What a benchmark of turned heads needs: labeled rendered faces, their latents, directions.

All of it are rows of a kept database, asked for by what they are made with: a second run finds
what the first one made, and goes on where it was stopped.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._reporting import say

STEPS = 12


class Heads:
    """Faces of a folder that the light stage wrote, in a database of their own.

    dataset, release, generator   their rows; the release has the side of light of every face
    """

    def __init__(self, stage: Path, generator: Path) -> None:
        from labeling.importing.celeba import import_faces

        self.dataset = import_faces(stage, "bench").dataset
        self.release = self._release()
        self.generator = self._generator(generator)

    def _release(self) -> Any:
        """Simulated votes on every face, then what the model and they say together, released."""
        from django.core.management import call_command

        from labeling import jobs, queue, refreshes, releases
        from labeling.models import Campaign, Refresh, Release

        if kept := Release.objects.filter(status="done").first():
            return kept
        say("simulated votes, a refresh, a release")
        campaign = Campaign.objects.filter(slug="bench").first()
        campaign = campaign or queue.create_campaign(self.dataset, "bench", title="bench")
        with Path(os.devnull).open("w") as silence:
            n = self.dataset.faces.count()
            call_command("simulate_votes", "bench", faces=n, stdout=silence)
        waiting = Refresh.objects.filter(campaign=campaign, status="queued").first()
        done(waiting or Refresh.objects.create(campaign=campaign), refreshes.refresh)
        body = {"include": ["human", "model"]}
        return done(jobs.ask_release(campaign, user=None, body=body, key=""), releases.write)

    def _generator(self, folder: Path) -> Any:
        from editing import jobs, runs
        from editing.engine.denoiser import describe
        from editing.models import Generator

        name = f"bench-{describe(folder).sha256[:8]}"
        if kept := Generator.objects.filter(name=name, status="done").first():
            return kept
        row = jobs.add_generator(
            user=None, name=name, source=str(folder), anywhere=True, body={}, ring=nobody
        )
        return done(row, runs.check_generator)

    def embed(self, query: str, timestep: int | None, **how: Any) -> Any:
        """The latents of a filter's faces; `how` as jobs.embed takes it, STEPS steps by default."""
        from editing import jobs, runs
        from editing.filters import FaceFilter

        told = {"kind": "x_t", "method": "inversion", "steps": STEPS, **how}
        say(f"latents of {query[:30] or 'every face'} at t={timestep}: {told}")
        job = jobs.embed(
            user=None,
            generator=self.generator,
            face_filter=FaceFilter.parse(query),
            timestep=timestep,
            body={},
            key=key_of(self.generator.sha256, query, timestep, told),
            ring=nobody,
            **told,
        )
        return done(job, runs.embed)

    def fit(self, embedding: Any, recipe: dict[str, Any] | None = None, **query: Any) -> Any:
        """A direction through the released faces that pass a filter."""
        from editing import jobs, runs
        from editing.filters import FaceFilter
        from editing.recipes import FitRecipe
        from editing.runs.probing import IDENTITY_VERSION, PROBE_VERSION

        asked = {"release": str(self.release.id), **query}
        say(f"a direction: {query.get('consensus', 'every light')}, {recipe or 'as usual'}")
        job = jobs.fit_direction(
            user=None,
            generator=self.generator,
            face_filter=FaceFilter.parse(asked),
            embedding=embedding,
            recipe=FitRecipe.parse(recipe),
            body={},
            # Other probes measure other degrees.
            key=key_of(embedding.space, asked, recipe, PROBE_VERSION, IDENTITY_VERSION),
            ring=nobody,
        )
        return done(job, runs.fit_direction)


def done(job: Any, work: Callable[[Any, Any], None]) -> Any:
    """The job's row once it is done, which it may have been before; else the benchmark ends."""
    from labeling import worker

    # Nobody else works on this database: what is not done was given up, killed or failed.
    given_up = type(job).objects.filter(id=job.id).exclude(status="done")
    given_up.update(status="queued", attempt=0, error=None, finished_at=None)
    worker.run(type(job), job.id, work)
    job.refresh_from_db()
    if job.status != "done":
        raise SystemExit(f"{type(job).__name__} {job.id} is {job.status}: {job.error}")
    return job


def key_of(*told: Any) -> str:
    """The same job asked for again is the same row."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def nobody(job_id: int) -> None:
    """Rings no worker: the benchmark does the work itself."""
