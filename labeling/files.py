"""Send a file whole or in part, and not at all to a browser that has it."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

BLOCK = 2**16


def is_known(request: HttpRequest, etag: str) -> bool:
    """Whether the browser has this already, so that nothing need be read or made."""
    asked = request.headers.get("If-None-Match", "")
    # Weak comparison (RFC 9110): a proxy that compresses marks what it passes on as weak.
    known = [given.strip().removeprefix("W/") for given in asked.split(",")]
    return etag in known or asked.strip() == "*"


def send_file(
    request: HttpRequest, path: Path, *, etag: str, name: str = "", attachment: bool = False
) -> HttpResponseBase:
    """Stream a file that never changes under its address, with ETag, Range (RFC 9110) and nosniff.

    etag  quoted, unique to the content
    name  what the browser may save it as; "" = as it is called here
    """
    if is_known(request, etag):
        return _for_keeps(HttpResponse(status=304), etag)
    size = path.stat().st_size
    file = path.open("rb")
    return _send(request, file, size, name or path.name, etag=etag, attachment=attachment)


def send_bytes(request: HttpRequest, content: bytes, name: str, *, etag: str) -> HttpResponseBase:
    """The same, for a file that exists in memory only."""
    if is_known(request, etag):
        return _for_keeps(HttpResponse(status=304), etag)
    return _send(request, BytesIO(content), len(content), name, etag=etag, attachment=False)


def _send(
    request: HttpRequest, file: BinaryIO, size: int, name: str, *, etag: str, attachment: bool
) -> HttpResponseBase:
    if (part := _asked_part(request, etag, size)) is None:
        answer: HttpResponseBase = FileResponse(file, as_attachment=attachment, filename=name)
    elif (start := part.start) >= (stop := part.stop):
        file.close()
        answer = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    else:
        answer = StreamingHttpResponse(_blocks(file, start, stop), status=206)
        answer["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        answer["Content-Length"] = str(stop - start)
        if attachment:
            answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return _for_keeps(answer, etag)


def _for_keeps(answer: HttpResponseBase, etag: str) -> HttpResponseBase:
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
    if first and last and int(last) < int(first):
        return None
    if not first:
        return range(max(0, size - int(last)), size)
    return range(int(first), min(int(last) + 1, size) if last else size)


def _blocks(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < stop and (block := file.read(min(BLOCK, stop - start))):
            start += len(block)
            yield block
