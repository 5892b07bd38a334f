"""A real Celery worker beside a test, as a process of its own."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection, models

ROOT = Path(__file__).resolve().parents[1]
ENDED = {"done", "failed", "cancelled"}


class Worker:
    """Started and ready when made; `finish` waits for a job's row, `stop` ends the process."""

    def __init__(self, var: Path, log: Path) -> None:
        self.log = log
        shutil.rmtree(var / "broker" / "messages", ignore_errors=True)  # bells of earlier tests
        (var / "broker" / "messages").mkdir(parents=True)
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "-A", "config", "worker"),
                    *("-Q", "light,heavy", "--pool=solo", "--loglevel=INFO"),
                    *("--without-gossip", "--without-mingle", "-n", f"test-{os.getpid()}@%h"),
                ],
                cwd=ROOT,
                env=self.environment(var),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while " ready." not in self.said():
            assert self.process.poll() is None, f"the worker died:\n{self.said()}"
            assert time.monotonic() < deadline, f"the worker was not ready in 60 s:\n{self.said()}"
            time.sleep(0.05)

    @staticmethod
    def environment(var: Path) -> dict[str, str]:
        """This process' environment, pointed at the test's own database."""
        name = connection.settings_dict["NAME"]
        environment = os.environ | {"PENUMBRA_VAR": str(var), "DATABASE_NAME": name}
        if url := os.environ.get("DATABASE_URL"):
            environment["DATABASE_URL"] = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        return environment

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def finish(self, job: models.Model, seconds: float = 60) -> models.Model:
        """The job's row once it is done, failed or cancelled."""
        deadline = time.monotonic() + seconds
        while True:
            job.refresh_from_db()
            if job.status in ENDED:
                return job
            assert self.process.poll() is None, f"the worker died:\n{self.said()}"
            assert time.monotonic() < deadline, (
                f"{job!r} is {job.status} after {seconds} s:\n{self.said()[-4000:]}"
            )
            time.sleep(0.05)

    def kill(self) -> None:
        """As the kernel would: no goodbye."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        # A polite end takes Celery five seconds with this broker, and rows must bear a rude one.
        self.kill()
