"""The key that signs sessions: given, or made at first start in a file only we can read."""

import os
import time
from pathlib import Path

SHORTEST = 50
FEWEST_DIFFERENT = 10
EXAMPLES = ("insecure", "changeme", "change-me")


def signing_key(given: str, path: Path) -> str:
    """The given key, else the one in the file, made where there is none.

    raises  SystemExit for a key that somebody could guess
    """
    if given:
        return _checked(given)
    try:
        # O_EXCL: of two processes that start at once, one writes and the other reads.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _checked(path.read_text().strip() or _wait_for(path))
    with os.fdopen(descriptor, "w") as file:
        file.write(os.urandom(48).hex())
    return path.read_text().strip()


def _checked(key: str) -> str:
    """The key, unless somebody could guess it: whoever knows it can make any session."""
    # Neither the key nor a part of it: a log may keep what we print.
    if any(word in key.lower() for word in EXAMPLES):
        raise SystemExit("SECRET_KEY is an example's; leave it away, and a fresh one is made.")
    if len(key) < SHORTEST or len(set(key)) < FEWEST_DIFFERENT:
        raise SystemExit(
            f"SECRET_KEY has {len(key)} characters, {len(set(key))} different ones; expected at "
            f"least {SHORTEST} and {FEWEST_DIFFERENT}. Leave it away, and a fresh one is made."
        )
    return key


def _wait_for(path: Path) -> str:
    for _ in range(50):
        time.sleep(0.02)
        if text := path.read_text().strip():
            return text
    raise SystemExit(f"{path} is empty; delete it, and the next start writes a new key.")
