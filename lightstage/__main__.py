"""python -m lightstage FOLDER --faces 3000 --seed 1   |   sheet OUT.png   |   teach (see --help)"""

import argparse
import hashlib
import io
import json
import sys
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from lightstage.cast import role
from lightstage.celeba import write_dataset
from lightstage.people import draw_person, draw_shot
from lightstage.render import render
from lightstage.sheet import contact_sheet
from lightstage.teaching import Lesson, examples, quiz


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


def _teach(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m lightstage teach")
    parser.add_argument("--examples", type=Path, required=True, help="folder for a guide's faces")
    parser.add_argument("--quiz", type=Path, required=True, help="folder for a quiz's faces")
    parser.add_argument("--truths", type=Path, required=True, help="JSON file for their answers")
    parser.add_argument("--seed", type=int, default=12)
    wanted = parser.parse_args(arguments)
    for folder in (wanted.examples, wanted.quiz):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.webp"):
            old.unlink()
    for lesson in examples(wanted.seed):
        name = f"{lesson.truth}-{lesson.kind}.webp"
        (wanted.examples / name).write_bytes(_webp(lesson))
    truths = []
    for lesson in quiz(wanted.seed):
        picture = _webp(lesson)
        # A name by content says nothing of the answer, and changes with the picture.
        name = hashlib.sha256(picture).hexdigest()[:12]
        (wanted.quiz / f"{name}.webp").write_bytes(picture)
        truths.append(
            {
                "name": name,
                "truth": lesson.truth,
                "kind": lesson.kind,
                "yaw_degrees": round(lesson.shot.yaw_degrees, 1),
                "azimuth_degrees": round(lesson.shot.azimuth_degrees, 1),
            }
        )
    truths.sort(key=lambda row: str(row["name"]))
    rows = ",\n ".join(json.dumps(row) for row in truths)
    wanted.truths.write_text(f"[{rows}]\n")


def _webp(lesson: Lesson) -> bytes:
    content = io.BytesIO()
    Image.fromarray(lesson.picture).save(content, "WEBP", quality=80, method=6)
    return content.getvalue()


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
        elif arguments[:1] == ["teach"]:
            _teach(arguments[1:])
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
