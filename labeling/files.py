"""Send a file whole or in part, and not at all to a browser that has it."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

BLOCK = 2**16


def send_file(
    request: HttpRequest, path: Path, *, etag: str, attachment: bool = False
) -> HttpResponseBase:
    """Stream a file that never changes under its address, with ETag, Range (RFC 9110) and nosniff.

    etag  quoted, unique to the content
    """
    size = path.stat().st_size
    if etag in [given.strip() for given in request.headers.get("If-None-Match", "").split(",")]:
        answer: HttpResponseBase = HttpResponse(status=304)
    elif (part := _asked_part(request, etag, size)) is None:
        answer = FileResponse(path.open("rb"), as_attachment=attachment, filename=path.name)
    elif (start := part.start) >= (stop := part.stop):
        answer = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    else:
        answer = StreamingHttpResponse(_blocks(path, start, stop), status=206)
        answer["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        answer["Content-Length"] = str(stop - start)
        if attachment:
            answer["Content-Disposition"] = f'attachment; filename="{path.name}"'
    answer["ETag"] = etag
    answer["Accept-Ranges"] = "bytes"
    answer["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(answer, private=True, max_age=31_536_000, immutable=True)
    return answer


def _asked_part(request: HttpRequest, etag: str, size: int) -> range | None:
    """The one range that was asked for; None = the whole file, also for what we don't serve."""
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", "").replace(" ", ""))
    if asked is None or not any(asked.groups()) or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = asked.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    return range(int(first), min(int(last) + 1, size) if last else size)


def _blocks(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < stop and (block := file.read(min(BLOCK, stop - start))):
            start += len(block)
            yield block
