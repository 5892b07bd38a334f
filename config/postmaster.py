"""Which process serves a cluster: read from its pid file, checked against the process itself."""

import contextlib
import signal
import time
from pathlib import Path

import psutil

STOP_SECONDS = 30.0


def pid_file(folder: Path) -> list[str]:
    try:
        return (folder / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def serves(process: psutil.Process, folder: Path) -> bool:
    """Whether this process is the postmaster of this folder, not a stranger with a reused pid."""
    try:
        command = process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
        return False
    return (
        len(command) > 2
        and Path(command[0]).name == "postgres"
        and command[1:3] == ["-D", str(folder)]
    )


def find(folder: Path) -> psutil.Process | None:
    lines = pid_file(folder)
    if not lines or not lines[0].strip().isdigit():
        return None
    try:
        process = psutil.Process(int(lines[0]))
    except psutil.NoSuchProcess:
        return None
    return process if serves(process, folder) else None


def ready(folder: Path) -> str | None:
    """The socket folder if the server accepts connections, else None."""
    lines = pid_file(folder)
    if len(lines) < 8 or lines[7].strip() != "ready" or find(folder) is None:
        return None
    return lines[4].strip()


def backends(folder: Path) -> list[psutil.Process]:
    """Processes of a server for this folder: they work inside it and rename themselves."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and process.cwd() == str(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def end(server: psutil.Process) -> None:
    """End a server: fast, then at once (the next start recovers), then the kernel's way."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with contextlib.suppress(psutil.NoSuchProcess):
            server.send_signal(number)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if is_gone(server):
                return
            time.sleep(0.02)


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
