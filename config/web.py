"""How the web process is started: by `make demo`, and by the benchmarks that measure it."""

import os
import sys
from pathlib import Path

HOST = "127.0.0.1"
# A page asks about once a second: with gunicorn's own two seconds it would often connect anew.
KEEP_ALIVE_SECONDS = 30


def command(port: int, var: Path) -> list[str]:
    """gunicorn's command line for one machine."""
    threads = max(2, min(8, os.cpu_count() or 2))
    return [
        *(sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"{HOST}:{port}"),
        *("--workers", "2", "--threads", str(threads), "--preload", "--graceful-timeout", "5"),
        *("--keep-alive", str(KEEP_ALIVE_SECONDS)),
        *("--worker-tmp-dir", str(var), "--no-control-socket"),
    ]
