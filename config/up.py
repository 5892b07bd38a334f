"""`make demo`: everything on this machine as one process group, until Ctrl-C.

Database, tables, demonstration data, then web and workers. `python -m config.up --bare` leaves the
demonstration out, for your own faces; `--stop` ends one that runs elsewhere, and the database with
it. Only processes that we started are ever ended.
"""

import argparse
import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from config import postgres, web
from config.children import Child, ChildFailed, end_leftovers, remember
from config.postgres_account import PostgresError
from config.web import HOST

ROOT = Path(__file__).resolve().parent.parent
NEEDED_BYTES = 700 * 10**6


class Refusal(Exception):
    """Why we cannot start or go on, in one sentence for people."""


class Stopped(Exception):
    """Somebody asked us to end."""


class Up:
    def __init__(self, var: Path, port: int, *, bare: bool) -> None:
        self.var = var
        self.port = port
        self.bare = bare
        self.children: list[Child] = []
        self.asked_to_stop = 0
        self.begun = time.monotonic()
        self.environment = os.environ | {
            "PENUMBRA_VAR": str(var),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
        }

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        with only_one(self.var, self.port):
            refuse_a_taken_port(self.port)
            refuse_a_full_disk(self.var)
            if count := end_leftovers(self.children_file):
                say(f"ended {count} processes that an earlier start had left")
            try:
                self._start_database()
                self._start_everything()
                self._watch()
            except Stopped:
                pass
            finally:
                self._stop()

    @property
    def children_file(self) -> Path:
        return self.var / "children.json"

    def _on_signal(self, number: int, frame: Any) -> None:
        self.asked_to_stop += 1

    def _start_database(self) -> None:
        if os.environ.get("DATABASE_URL"):
            return
        begun = time.monotonic()
        postgres.ensure_running(self.var / "postgresql")
        tick("database", begun)

    def _start_everything(self) -> None:
        self._to_the_end(self._demo("bare" if self.bare else "prepare"))
        begun = time.monotonic()
        server, *workers = self._servers()
        self._start(server)
        self._wait_for_the_web()
        for child in workers:
            self._start(child)
        tick("web and workers", begun)
        say(f"\nReady after {time.monotonic() - self.begun:.0f} s: http://{HOST}:{self.port}")
        if not self.bare:
            self._to_the_end(self._demo("welcome"))

    def _watch(self) -> None:
        """Grow the demonstration in the background, and keep web and workers alive."""
        growing: Child | None = None
        if not self.bare:
            growing = self._demo("grow")
            self._start(growing)
        while True:
            self._nap()
            if growing is not None and not growing.is_alive():
                if growing.process.returncode:
                    say("The demonstration data is incomplete; the next start goes on there.")
                self.children.remove(growing)
                growing = None
            for child in self.children:
                if child is not growing:
                    before = child.process
                    child.look_after(say)
                    if child.process is not before:
                        remember(self.children_file, self.children)

    def _servers(self) -> list[Child]:
        logs = self.var / "logs"
        celery = [sys.executable, "-m", "celery", "-A", "config"]
        quiet = ["--without-gossip", "--without-mingle", "--loglevel=INFO", "--pool=solo"]
        beat = ["beat", "--schedule", str(self.var / "beat"), "--pidfile=", "--loglevel=WARNING"]
        return [
            Child("web", web.command(self.port, self.var), logs / "web.log"),
            Child("beat", [*celery, *beat], logs / "beat.log", patience=3),
            Child(
                "light worker",
                [*celery, "worker", "-Q", "light", "-n", "light@%h", *quiet],
                logs / "light.log",
            ),
            Child(
                "heavy worker",
                [*celery, "worker", "-Q", "heavy", "-n", "heavy@%h", *quiet],
                logs / "heavy.log",
            ),
        ]

    def _demo(self, *what: str) -> Child:
        return Child("demonstration", [sys.executable, "-m", "config.demo", *what], None)

    def _start(self, child: Child) -> None:
        child.start(self.environment)
        self.children.append(child)
        remember(self.children_file, self.children)

    def _to_the_end(self, child: Child) -> None:
        self._start(child)
        while child.is_alive():
            self._nap()
        self.children.remove(child)
        if child.process.returncode:
            raise Refusal("Stopped there; the next start goes on from it.")

    def _wait_for_the_web(self) -> None:
        deadline = time.monotonic() + 60
        while not answers(self.port):
            for child in self.children:
                child.look_after(say)
            if time.monotonic() > deadline:
                raise Refusal(f"The web did not answer in 60 s (see {self.var / 'logs'}).")
            self._nap()

    def _nap(self) -> None:
        if self.asked_to_stop:
            raise Stopped
        time.sleep(0.1)

    def _stop(self) -> None:
        """Demonstration first, then web, beat and workers together, the database last."""
        if self.children:
            say("\nstopping ...")
        self.children.sort(key=lambda child: child.name != "demonstration")
        for child in self.children:
            child.ask_to_end()
        for child in self.children:
            child.end()
        self.children_file.unlink(missing_ok=True)
        if os.environ.get("DATABASE_URL"):
            return
        if not postgres.stop_if_unused(self.var / "postgresql"):
            say("The database goes on: another program is connected to it.")
        say("Stopped; the next start goes on where this one was.")


@contextlib.contextmanager
def only_one(var: Path, port: int) -> Iterator[None]:
    """Hold the folder for as long as we run; Refusal when another `up` does."""
    var.mkdir(parents=True, exist_ok=True)
    with open(var / "up.lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            with contextlib.suppress(json.JSONDecodeError):
                other = json.loads(file.read())
                raise Refusal(
                    f"Penumbra already runs here, at http://{HOST}:{other['port']}"
                    f" (process {other['pid']}); end it there with Ctrl-C."
                ) from None
            raise Refusal(f"Penumbra already starts here ({var}).") from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "port": port}))
        file.flush()
        yield
        file.truncate(0)


def refuse_a_taken_port(port: int) -> None:
    with socket.socket() as probe:
        # As the web server itself binds: a port that only waits for old connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Refusal(
                f"Port {port} cannot be used ({error.strerror});"
                f" choose another: PENUMBRA_PORT={port + 1} make demo"
            ) from None


def refuse_a_full_disk(var: Path) -> None:
    free = shutil.disk_usage(var).free
    if free < NEEDED_BYTES:
        raise Refusal(
            f"The disk of {var} has {free / 1e6:.0f} MB left and the demonstration needs"
            f" {NEEDED_BYTES / 1e6:.0f} MB; free some space and start again."
        )


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop_another(var: Path) -> None:
    """End the `up` that runs on this folder, if one does, then what a killed one left."""
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError, psutil.NoSuchProcess):
        other = psutil.Process(json.loads((var / "up.lock").read_text())["pid"])
        if "config.up" in other.cmdline() and other.pid != os.getpid():
            other.terminate()
            psutil.wait_procs([other], timeout=60)
    end_leftovers(var / "children.json")
    if not os.environ.get("DATABASE_URL"):
        postgres.stop(var / "postgresql")


def tick(what: str, begun: float) -> None:
    say(f"✓ {what:<46} {time.monotonic() - begun:7.1f} s")


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m config.up", description=__doc__)
    parser.add_argument("--stop", action="store_true", help="end one that runs, and its database")
    parser.add_argument("--bare", action="store_true", help="without demonstration data")
    given = parser.parse_args()
    os.chdir(ROOT)
    var = Path(os.environ.get("PENUMBRA_VAR") or ROOT / "var").resolve()
    try:
        if given.stop:
            return stop_another(var)
        port = os.environ.get("PENUMBRA_PORT") or "8000"
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise Refusal(f"PENUMBRA_PORT is {port!r}; expected a number from 1 to 65535.")
        Up(var, int(port), bare=given.bare).run()
    except (Refusal, ChildFailed, PostgresError) as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        if error.errno != 28:  # no space left on device
            raise
        raise SystemExit(f"The disk is full ({error}); free some space and start again.") from None


if __name__ == "__main__":
    main()
