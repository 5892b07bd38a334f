"""A manager's own question: numbers of appearance beside those of light, on rendered faces.

`make bench NAME=questions ARGS="--faces 1200 --votes 300"`: balanced accuracy of yes or no, people
apart, after so many true answers.
"""

import argparse
import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._reporting import report, say

QUESTIONS = ["Eyeglasses", "Smiling", "Male", "Black_Hair", "Bald", "No_Beard"]


def read_faces(folder: Path, n_faces: int) -> dict[str, Any]:
    """Raw numbers of appearance, numbers of light, people, and the answer to every question."""
    from labeling.describing import see
    from labeling.learning import appearance, features
    from lightstage.celeba import write_dataset

    write_dataset(folder, n_faces, 11, processes=1)
    with (folder / "truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[:n_faces]
    seen = [see(folder / "img_align_celeba" / row["file"]) for row in rows]
    points = np.loadtxt(
        folder / "list_landmarks_align_celeba.txt", skiprows=2, usecols=range(1, 11)
    )[:n_faces].reshape(-1, 5, 2)
    yaw = np.array([float(row["yaw_degrees"]) for row in rows])
    _, names, *lines = (folder / "list_attr_celeba.txt").read_text().splitlines()
    signs = np.array([line.split()[1:] for line in lines[:n_faces]], dtype=int)
    crops = np.stack([one.crop for one in seen])
    whole = np.stack([one.whole for one in seen])
    odd, even = appearance.extract(whole, crops, yaw=yaw, landmarks=points)
    return {
        "odd": odd,
        "even": even,
        "light": features.extract(crops, yaw=yaw, landmarks=points),
        "people": np.array([int(row["identity"]) for row in rows]),
        "answers": {q: (signs[:, names.split().index(q)] > 0).astype(int) for q in QUESTIONS},
    }


def balanced(faces: dict[str, Any], kind: str, question: str, votes: int, seed: int) -> Any:
    """Of one drawing of people to ask about and people to be judged on; nan where all say one."""
    from labeling.learning import features
    from labeling.learning.classifier import fit

    rng = np.random.default_rng(seed)
    names = rng.permutation(np.unique(faces["people"]))
    is_asked = np.isin(faces["people"], names[: len(names) // 2])
    told = rng.choice(np.flatnonzero(is_asked), min(votes, is_asked.sum()), replace=False)
    answers, held = faces["answers"][question], ~is_asked
    vectors, signs = (
        (faces["light"], features.mirror_signs())
        if kind == "light"
        else (faces["appearance"], faces["signs"])
    )
    if len(set(answers[told])) < 2 or len(set(answers[held])) < 2:
        return np.nan
    training = fit(
        vectors[told],
        np.eye(2)[answers[told]],
        mirror_of=np.arange(2),
        signs=signs,
        identities=faces["people"][told],
        shares_spread=kind == "appearance",
    )
    said = training.classifier.predict(vectors[held]).argmax(axis=1)
    return np.mean([(said[answers[held] == k] == k).mean() for k in (0, 1)])


def measure(n_faces: int, votes: int, seeds: int) -> dict[str, Any]:
    from benchmarks._database import throw_away_database

    with throw_away_database(), tempfile.TemporaryDirectory() as folder:
        from labeling.learning import appearance

        say(f"rendering {n_faces} faces")
        faces = read_faces(Path(folder), n_faces)
    raw = np.hstack([faces["odd"], faces["even"]])
    basis = appearance.fit_basis(raw, faces["odd"].shape[1])
    faces |= {"appearance": basis.project(raw), "signs": basis.mirror_signs()}
    figures: dict[str, Any] = {"faces": n_faces, "votes": votes, "seeds": seeds}
    for kind in ("appearance", "light"):
        figures[kind] = {}
        for question in QUESTIONS:
            found = [balanced(faces, kind, question, votes, s) for s in range(seeds)]
            figures[kind][question] = round(float(np.nanmean(found)), 3)
        figures[kind]["mean"] = round(float(np.mean(list(figures[kind].values()))), 3)
        say(f"{kind}: {figures[kind]}")
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=1200)
    parser.add_argument("--votes", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=8)
    given = parser.parse_args()
    report("questions", lambda: measure(given.faces, given.votes, given.seeds))
