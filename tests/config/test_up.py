import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config import postgres, up
from config.children import Child, ChildFailed
from config.postmaster import is_gone

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((up.HOST, 0))
        return probe.getsockname()[1]


class Running:
    """`python -m config.up --bare` on a folder of its own."""

    def __init__(self, var: Path, port: int) -> None:
        self.var = var
        self.port = port
        self.output = open(var / "said.txt", "ab")  # noqa: SIM115 closed in end()
        environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.up", "--bare"],
            cwd=ROOT,
            env=environment | {"PENUMBRA_VAR": str(var), "PENUMBRA_PORT": str(port)},
            stdout=self.output,
            stderr=self.output,
        )

    def said(self) -> str:
        return (self.var / "said.txt").read_text()

    def until(self, is_so: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"not so after {seconds} s; it said:\n{self.said()}"
            time.sleep(0.05)

    def until_ready(self) -> None:
        self.until(lambda: "Ready after" in self.said() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def children(self) -> list[psutil.Process]:
        known = json.loads((self.var / "children.json").read_text())
        alive = [entry["pid"] for entry in known if psutil.pid_exists(entry["pid"])]
        return [psutil.Process(pid) for pid in alive]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.output.close()
        return code


@pytest.fixture
def var() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="penumbra-test-") as folder:
        yield Path(folder)
        up.stop_another(Path(folder))


@pytest.mark.slow
def test_up_bears_dead_children_its_own_death_and_ends_everything(var, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    first = Running(var, free_port())
    first.until_ready()
    _web, _beat, light, _heavy = first.children()
    assert up.answers(first.port)

    light.kill()
    first.until(lambda: len({child.pid for child in first.children()} - {light.pid}) == 4)

    orphans = first.children()
    first.end(signal.SIGKILL)
    again = Running(var, first.port)
    again.until(lambda: again.said().count("Ready after") == 2, seconds=60)
    assert all(is_gone(process) for process in orphans), "a killed up left its children running"

    children = again.children()
    assert again.end(signal.SIGTERM) == 0
    assert all(is_gone(process) for process in children)
    assert not postgres.is_running(var / "postgresql")
    assert not up.answers(again.port)


def test_a_second_up_on_the_same_folder_is_told_of_the_first(var):
    told = pytest.raises(up.Refusal, match=r"already runs here.*:8123")
    with up.only_one(var, 8123), told, up.only_one(var, 8124):
        pytest.fail("two of them hold the folder")


def test_a_taken_port_is_named_with_a_way_out(var):
    with socket.socket() as other:
        other.bind((up.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        refused = subprocess.run(
            [sys.executable, "-m", "config.up"],
            cwd=ROOT,
            env=os.environ | {"PENUMBRA_VAR": str(var), "PENUMBRA_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        f"Port {port} cannot be used (Address already in use);"
        f" choose another: PENUMBRA_PORT={port + 1} make demo"
    )
    assert not (var / "postgresql").exists()


def test_a_full_disk_is_told_before_anything_starts(var, monkeypatch):
    monkeypatch.setattr(up, "NEEDED_BYTES", 10**18)
    with pytest.raises(up.Refusal, match=r"MB left and the demonstration needs 1000000000000 MB"):
        up.refuse_a_full_disk(var)


def test_a_child_that_dies_at_each_start_is_given_up_with_its_last_words(tmp_path):
    child = Child("web", ["sh", "-c", "echo no such module; exit 3"], tmp_path / "web.log")
    child.start(dict(os.environ))
    for _ in range(2):
        child.process.wait(10)
        child.look_after(print)
    child.process.wait(10)
    with pytest.raises(ChildFailed, match=r"web ended 3 times .*\(exit status 3\): no such module"):
        child.look_after(print)


def test_a_child_that_ignores_sigterm_is_killed_with_its_own_children(tmp_path):
    stubborn = "trap '' TERM; sleep 600 & echo $! > pid; wait; wait"
    child = Child("worker", ["sh", "-c", f"cd {tmp_path}; {stubborn}"], None, patience=0.5)
    child.start(dict(os.environ))
    deadline = time.monotonic() + 10
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    grandchild = psutil.Process(int((tmp_path / "pid").read_text()))
    child.end()
    psutil.wait_procs([grandchild], timeout=5)
    assert not child.is_alive()
    assert is_gone(grandchild)
