"""How a benchmark speaks: progress on stderr, one JSON line last; exit 3 if it cannot run."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn


def report(name: str, measure: Callable[[], dict[str, Any]]) -> None:
    """Run a measurement and print its line; what it returns are the figures."""
    begun = time.perf_counter()
    figures = measure()
    line = {
        "name": name,
        "machine": machine(),
        "seconds": round(time.perf_counter() - begun, 1),
        "figures": figures,
    }
    print(json.dumps(line), flush=True)


def absent(what: str) -> NoReturn:
    """End a benchmark that lacks something, saying what."""
    print(f"This benchmark needs {what}.", file=sys.stderr)
    raise SystemExit(3)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """The processor, its cores and the GPU, as the figures should be read against."""
    model = "unknown"
    for row in Path("/proc/cpuinfo").read_text().splitlines():
        if row.startswith("model name"):
            model = row.split(":", 1)[1].strip()
            break
    gpu = None
    if "torch" in sys.modules:
        import torch

        gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {"cpu": model, "cores": os.cpu_count(), "gpu": gpu}


def rounded(value: float, digits: int = 4) -> float:
    return float(f"{value:.{digits}g}")
