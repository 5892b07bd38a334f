"""Child processes of `up`: started, watched, restarted, ended; only ever processes we started."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

PR_SET_PDEATHSIG = 1
LOG_BYTES = 5 * 2**20
# A child that dies sooner than this after its start did not work, it did not fail at work.
STARTING_SECONDS = 10.0
MOST_FAILED_STARTS = 3


class ChildFailed(Exception):
    """A child keeps dying at its start; the text is for people."""


class Child:
    """One process: `start` it, `look_after` it now and then, `end` it."""

    def __init__(
        self, name: str, command: list[str], log: Path | None, *, patience: float = 10.0
    ) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.patience = patience
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.failed_starts = 0

    def start(self, environment: dict[str, str]) -> None:
        self.environment = environment
        output: Any = None
        if self.log is not None:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
            output = open(self.log, "ab")  # noqa: SIM115 closed below, after the child has it
        try:
            self.process = subprocess.Popen(
                self.command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,  # Ctrl-C reaches only us, and we end the others in order
                preexec_fn=_dies_with(os.getpid()),
            )
        finally:
            if output is not None:
                output.close()
        self.started_at = time.monotonic()

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def look_after(self, say: Callable[[str], None]) -> None:
        """Start it again if it died; ChildFailed when it dies at each start."""
        if self.process is None or self.process.poll() is None:
            return
        code = self.process.returncode
        if time.monotonic() - self.started_at < STARTING_SECONDS:
            self.failed_starts += 1
            if self.failed_starts >= MOST_FAILED_STARTS:
                raise ChildFailed(
                    f"{self.name} ended {self.failed_starts} times right after its start"
                    f" ({_how(code)}): {self.last_words()} (see {self.log})"
                )
        else:
            self.failed_starts = 0
            say(f"{self.name} ended ({_how(code)}); starting it again")
        self.start(self.environment)

    def last_words(self) -> str:
        if self.log is None or not self.log.exists():
            return "it left no log"
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines()]
        telling = [line for line in lines if line]
        return telling[-1] if telling else "it said nothing"

    def ask_to_end(self) -> None:
        if self.is_alive():
            self.process.terminate()

    def end(self) -> None:
        """SIGTERM, and SIGKILL to it and its own children once `patience` is over."""
        if self.process is None:
            return
        self.ask_to_end()
        try:
            self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            # Its own session: the group is exactly this child and what it started.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _how(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit status {code}"


def _dies_with(parent: int) -> Callable[[], None]:
    """Run in the child: the kernel sends it SIGTERM when we go, even by kill -9."""
    if sys.platform != "linux":
        return lambda: None
    libc = ctypes.CDLL(None)

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it went in between
            os._exit(1)

    return ask_the_kernel


def remember(path: Path, children: list[Child]) -> None:
    """Write down who our children are, for the next start after a kill -9."""
    known = []
    for child in children:
        if child.is_alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(child.process.pid)
                known.append({"pid": process.pid, "started": process.create_time()})
    path.write_text(json.dumps(known))


def end_leftovers(path: Path) -> int:
    """End children of an earlier `up` that was killed; returns how many there were."""
    try:
        known = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return 0
    found = []
    for entry in known:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(entry["pid"])
            # The pid may be a stranger's by now; its start time then differs.
            if abs(process.create_time() - entry["started"]) < 0.01:
                process.terminate()
                found.append(process)
    _, alive = psutil.wait_procs(found, timeout=10)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    path.unlink(missing_ok=True)
    return len(found)
