"""The steps of `make demo`, run as processes of their own by config.up.

python -m config.demo bare      what web and workers need
python -m config.demo prepare   also what people need to label
python -m config.demo welcome   who may log in
python -m config.demo grow      the rest, while people label
"""

import errno
import os
import signal
import sys

import django
from django.conf import settings
from django.core.management import CommandError
from django.db import OperationalError

from config.steps import walk
from labeling.errors import Refused

NICENESS = 10  # the web and the person at the keyboard come first


def welcome() -> None:
    from config import accounts

    lines = ["", "  name   password         may"]
    for name, password in accounts.read(accounts.file()).items():
        lines.append(f"  {name:<6} {password:<16} {accounts.ROLE.get(name, '')}")
    lines += ["", f"  (also in {accounts.file()}; logs in {settings.VAR_DIR / 'logs'})", ""]
    print("\n".join(lines), flush=True)


def work(what: str) -> None:
    # The models load only after django.setup().
    from config import accounts, demonstration, groundwork

    if what == "bare":
        walk(groundwork.steps())
    elif what == "prepare":
        walk([*groundwork.steps(), *accounts.steps(), *demonstration.to_begin_with()])
    elif what == "grow":
        os.nice(NICENESS)
        walk(demonstration.in_the_background())
        print("Everything of the demonstration is there.", flush=True)
    elif what == "welcome":
        welcome()
    else:
        raise SystemExit(__doc__)


def main(arguments: list[str]) -> None:
    # SIGTERM must unwind, so that helper processes of a step end with it.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    django.setup()
    try:
        work(arguments[0] if arguments else "")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise SystemExit(f"\nThe disk is full ({error}); free some space, then go on.") from None
    except OperationalError as error:
        raise SystemExit(f"\nThe database stopped working: {str(error).strip()}") from None
    except (Refused, CommandError, ValueError) as error:
        raise SystemExit(f"\nThe demonstration cannot go on: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
