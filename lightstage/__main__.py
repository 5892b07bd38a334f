"""python -m lightstage FOLDER --faces 3000 --seed 1   |   python -m lightstage sheet OUT.png"""

import argparse
import sys
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from lightstage.cast import role
from lightstage.celeba import write_dataset
from lightstage.people import draw_person, draw_shot
from lightstage.render import render
from lightstage.sheet import contact_sheet


def _sheet(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m lightstage sheet")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--faces", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    roles = [role(wanted.seed, i) for i in range(1, wanted.faces + 1)]
    pictures = (
        render(
            draw_person(wanted.seed, one.identity),
            draw_shot(wanted.seed, one.identity, one.index),
        )
        for one in tqdm(roles, unit="face")
    )
    Image.fromarray(contact_sheet(pictures)).save(wanted.picture)


def _dataset(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m lightstage")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faces", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faces-per-identity", type=int, default=12)
    parser.add_argument("--processes", type=int, default=None)
    wanted = parser.parse_args(arguments)
    with tqdm(total=wanted.faces, unit="face") as bar:

        def progress(ready: int, total: int) -> None:
            bar.total = total
            bar.update(ready - bar.n)

        write_dataset(
            wanted.folder,
            wanted.faces,
            wanted.seed,
            faces_per_identity=wanted.faces_per_identity,
            processes=wanted.processes,
            progress=progress,
        )


def main(arguments: list[str]) -> int:
    """Run one command; 0 when done, otherwise one sentence on stderr and 1 (130 for Ctrl-C)."""
    try:
        if arguments[:1] == ["sheet"]:
            _sheet(arguments[1:])
        else:
            _dataset(arguments)
    except (ValueError, OSError) as error:
        print(f"lightstage: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lightstage: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
