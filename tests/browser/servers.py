"""The web server as `make demo` starts it, beside a test: it can be killed and started again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from config import up, web
from tests.conftest import VAR
from tests.workers import ROOT, Worker


class Server:
    """gunicorn on the test's own database, one port for all its lives."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.url = f"http://{web.HOST}:{port}"
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = Worker.environment(VAR)
        collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity=0"]
        unused = ["--ignore=drf_spectacular_sidecar", "--ignore=admin", "--ignore=rest_framework"]
        subprocess.run([*collect, *unused], cwd=ROOT, env=self.environment, check=True)

    def start(self) -> None:
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                web.command(self.port, VAR),
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while not up.answers(self.port):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """As the kernel would, its workers too: no goodbye, no last answer."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.is_alive:
            self.process.terminate()
            self.process.wait(30)
