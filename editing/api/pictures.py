"""Send a picture or a film that a worker has named on a row, whole or the part asked for."""

from pathlib import Path

from django.http.response import HttpResponseBase
from rest_framework.request import Request

from editing.models import Decomposition, Edit
from editing.shown import pictures_in
from labeling.errors import NotFound
from labeling.files import send_file

KINDS = {".png": "image/png", ".webp": "image/webp", ".mp4": "video/mp4"}


def send_picture(
    request: Request, job: Decomposition | Edit, folder: Path, name: str, *, instead: str
) -> HttpResponseBase:
    """One file of a job's result; a Range is answered in part, without which Safari plays no film.

    folder   the job's own, with a folder for each attempt in it
    instead  what to do where the file is gone
    """
    said = f"{type(job).__name__} {job.id}"
    # Only names that the worker wrote into the row: nothing typed ever becomes a path.
    if name not in pictures_in(job.result):
        raise NotFound(f"{said} has no file {name!r}.")
    attempt = str(job.result.get("folder", ""))
    file = folder / attempt / name
    if not file.is_file():
        raise NotFound(f"The file {name!r} of {said.lower()} is gone; {instead}.")
    # An attempt writes each of its files once.
    etag = f'"{said}.{attempt}.{name}"'.replace(" ", "").lower()
    answer = send_file(request, file, etag=etag)
    if answer.status_code in (200, 206):
        # A part would be called text, and a film of that kind is not played.
        answer["Content-Type"] = KINDS[file.suffix]
    return answer
