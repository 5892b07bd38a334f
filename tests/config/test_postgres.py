import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from config import postgres, postmaster
from config.postgres_account import PostgresError

ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from config import postgres; print(postgres.ensure_running(sys.argv[1])[0])"


@pytest.fixture
def var() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="penumbra-test-"))
    yield folder
    for cluster in folder.rglob("PG_VERSION"):
        if (cluster.parent / "base").is_dir():
            postgres.stop(cluster.parent)
    shutil.rmtree(folder)


def start(cluster: Path) -> str:
    host, _ = postgres.ensure_running(cluster, throw_away=True)
    return host


def connect(host: str, database: str = "postgres") -> psycopg2.extensions.connection:
    connection = psycopg2.connect(
        host=host, port=postgres.PORT, user=postgres.SUPERUSER, dbname=database
    )
    connection.autocommit = True
    return connection


def ask(host: str, query: str) -> object:
    connection = connect(host)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def server_pid(cluster: Path) -> int:
    return int((cluster / "postmaster.pid").read_text().splitlines()[0])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def starters(cluster: Path, count: int) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [sys.executable, "-c", START, str(cluster)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]


def test_processes_that_start_at_once_share_one_server(var):
    cluster = var / "postgresql"
    answers = [process.communicate(timeout=60) for process in starters(cluster, 4)]
    assert {said.strip() for said, _ in answers} == {str(cluster)}, answers
    servers = [p for p in psutil.process_iter() if postmaster.serves(p, cluster)]
    assert [server.pid for server in servers] == [server_pid(cluster)]
    assert ask(str(cluster), "SELECT current_setting('server_version')").startswith("18")


def test_a_server_outlives_the_killed_program_that_started_it(var):
    cluster = var / "postgresql"
    waiting = START + "; import time; time.sleep(600)"
    program = subprocess.Popen(
        [sys.executable, "-u", "-c", waiting, str(cluster)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    program.stdout.readline()
    before = server_pid(cluster)
    program.kill()
    program.communicate()
    assert ask(start(cluster), "SELECT 1") == 1
    assert server_pid(cluster) == before


def test_a_killed_server_is_started_again_with_its_data(var):
    cluster = var / "postgresql"
    host = start(cluster)
    ask(host, "CREATE TABLE kept AS SELECT 42 AS answer")
    asleep = connect(host)  # its backend is still there when the next server wants to start
    with asleep.cursor() as cursor:
        cursor.execute("SELECT 1")
    kill(server_pid(cluster))
    assert not postgres.is_running(cluster)
    assert ask(start(cluster), "SELECT answer FROM kept") == 42
    asleep.close()


def test_a_stale_pid_that_a_stranger_has_now_is_forgotten(var):
    cluster = var / "postgresql"
    host = start(cluster)
    lines = (cluster / "postmaster.pid").read_text().splitlines()
    kill(server_pid(cluster))
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        lines[0] = str(stranger.pid)
        (cluster / "postmaster.pid").write_text("\n".join(lines) + "\n")
        assert ask(start(cluster), "SELECT 1") == 1
        assert stranger.poll() is None, "a process that is not ours was ended"
        assert server_pid(cluster) != stranger.pid
    finally:
        stranger.kill()
        stranger.wait()
    assert host == str(cluster)


def test_a_folder_name_too_long_for_a_socket_works(var):
    cluster = var / ("a folder, with 'quotes' " + "x" * 60) / ("y" * 60) / "postgresql"
    host = start(cluster)
    assert ask(host, "SELECT 1") == 1
    assert not host.startswith(str(var))
    kill(server_pid(cluster))
    again = start(cluster)
    assert not Path(host).exists(), "the killed server's socket folder was left behind"
    postgres.stop(cluster)
    assert not Path(again).exists()


def test_an_interrupted_creation_is_begun_again(var):
    half = var / "postgresql.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    assert ask(start(var / "postgresql"), "SELECT 1") == 1
    assert not half.exists()


def test_a_folder_with_other_files_is_refused(var):
    cluster = var / "postgresql"
    cluster.mkdir()
    (cluster / "letter.txt").write_text("dear ada")
    with pytest.raises(PostgresError, match="holds files but no PostgreSQL cluster"):
        start(cluster)
    assert (cluster / "letter.txt").read_text() == "dear ada"


def test_a_used_server_is_left_to_its_other_user(var):
    cluster = var / "postgresql"
    other = connect(start(cluster))
    assert not postgres.stop_if_unused(cluster)
    assert postgres.is_running(cluster)
    other.close()
    # The server notices a moment later that its client has gone.
    deadline = time.monotonic() + 20
    while not postgres.stop_if_unused(cluster):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not postgres.is_running(cluster)


DJANGO_BEARS_A_KILLED_SERVER = """
import os, signal, django
django.setup()
from django.conf import settings
from django.db import connection

def database():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return cursor.fetchone()[0]

print(database())
with open(settings.DATABASES["default"]["DATA_DIR"] + "/postmaster.pid") as file:
    os.kill(int(file.readline()), signal.SIGKILL)
connection.close()
print(database())
"""


def test_django_makes_the_database_and_bears_a_killed_server(var):
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    program = subprocess.run(
        [sys.executable, "-c", DJANGO_BEARS_A_KILLED_SERVER],
        cwd=ROOT,
        env=environment | {"PENUMBRA_VAR": str(var), "DATABASE_NAME": "faces"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert program.stdout.split() == ["faces", "faces"], program.stderr
