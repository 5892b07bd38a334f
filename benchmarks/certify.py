"""Is the promise kept, and what does it cost: certified releases simulated, MAPIE beside ours.

`make bench NAME=certify ARGS="--runs 1000"`. In each run a classifier of 87% accuracy, calibrated,
labels 50,000 faces; audit faces are drawn by lot; each error target and number of audit
faces is certified once. "taken": people have labeled a fifth of the faces meanwhile, half of them
the surest, half the least sure. "bragging": the classifier errs half as often again as it says.
MAPIE's fixed sequence gets the same scores and audits, its own list of thresholds and ours; the
better of its two mean coverages is the one reported. It needs requirements-bench.txt; `--no-mapie`
does without.
"""

import argparse
import warnings
from typing import Any

import numpy as np

from benchmarks._reporting import absent, report, say
from labeling.learning.certification import Certificate, certify, plan
from labeling.learning.lots import Draw

TARGETS, AUDITS = (0.01, 0.02, 0.05), (500, 1000, 2000)
TAKEN = 0.2


def measure(n_runs: int, n_faces: int, delta: float, with_mapie: bool) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    tallies: dict[tuple[float, int], list[dict[str, float]]] = {}
    accuracy = []
    for run in range(n_runs):
        score, chance = faces(n_faces, rng)
        is_wrong = rng.random(n_faces) < chance
        brags = rng.random(n_faces) < 1.5 * chance
        order = rng.permutation(n_faces)
        accuracy.append(1 - is_wrong.mean())
        for n_audit in AUDITS:
            audit, pool = order[:n_audit], order[n_audit:]
            for target in TARGETS:
                one = certified(score, is_wrong, brags, audit, pool, target, delta)
                if with_mapie:
                    one |= mapie_s(score, is_wrong, audit, pool, target, delta)
                tallies.setdefault((target, n_audit), []).append(one)
        if (run + 1) % 50 == 0:
            say(f"{run + 1} of {n_runs} runs")
    figures: dict[str, Any] = {
        "runs": n_runs,
        "faces": n_faces,
        "delta": delta,
        "accuracy": round(float(np.mean(accuracy)), 4),
    }
    for (target, n_audit), rows in tallies.items():
        figures[f"target_{target}_audit_{n_audit}"] = summed_up(rows, delta)
    return figures


def faces(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Top probabilities of three choices (n,), and the honest chance of being wrong (n,)."""
    score = 1 / 3 + 2 / 3 / (1 + np.exp(-rng.normal(2.45, 2.2, n)))
    return score, 1 - score


def certified(
    score: np.ndarray,
    is_wrong: np.ndarray,
    brags: np.ndarray,
    audit: np.ndarray,
    pool: np.ndarray,
    target: float,
    delta: float,
) -> dict[str, float]:
    """One look in each of the three situations."""
    n_audit, n_faces = len(audit), len(score)
    by_score = pool[np.argsort(score[pool])]
    half = int(TAKEN * len(pool)) // 2
    left = by_score[half:-half]
    situations = {
        "": (is_wrong, pool, Draw(n_audit, n_faces, 0)),
        "_taken": (is_wrong, left, Draw(n_audit, n_faces, 2 * half)),
        "_bragging": (brags, pool, Draw(n_audit, n_faces, 0)),
    }
    told = {}
    for name, (wrong, those, draw) in situations.items():
        found = certify(
            score[those], score[audit], wrong[audit], [draw], target=target, delta=delta
        )
        told["coverage" + name] = found.coverage
        told["violated" + name] = float(error_of(found, score[those], wrong[those]) > target)
    return told


def error_of(found: Certificate, score: np.ndarray, is_wrong: np.ndarray) -> float:
    if found.threshold is None:
        return 0.0
    return float(is_wrong[score >= found.threshold].mean())


def mapie_s(
    score: np.ndarray,
    is_wrong: np.ndarray,
    audit: np.ndarray,
    pool: np.ndarray,
    target: float,
    delta: float,
) -> dict[str, float]:
    """MAPIE's coverage and violation with its usual thresholds and with ours."""
    from mapie.risk_control import BinaryClassificationController

    def two_columns(x: np.ndarray) -> np.ndarray:
        return np.column_stack([1 - x[:, 0], x[:, 0]])

    draws = [Draw(len(audit), len(score), 0)]
    planned = plan(score[pool], score[audit], draws, target=target, delta=delta)
    lists = {"own": np.linspace(0, 0.99, 100), "ours": np.sort(planned.thresholds)}
    told = {}
    for name, thresholds in lists.items():
        coverage = violated = 0.0
        if len(thresholds):
            controller = BinaryClassificationController(
                two_columns,
                risk="precision",
                target_level=1 - target,
                confidence_level=1 - delta,
                list_predict_params=thresholds,
                fwer_method="fixed_sequence",
            )
            with warnings.catch_warnings():
                # It says so when no threshold is controlled, and when few faces reach one.
                warnings.simplefilter("ignore")
                controller.calibrate(score[audit][:, None], (~is_wrong[audit]).astype(int))
            valid = np.ravel(controller.valid_predict_params)
            if len(valid):
                passes = score[pool] >= valid.min()
                coverage = float(passes.mean())
                violated = float(is_wrong[pool][passes].mean() > target)
        told[f"mapie_{name}"] = coverage
        told[f"mapie_violated_{name}"] = violated
    return told


def summed_up(rows: list[dict[str, float]], delta: float) -> dict[str, Any]:
    mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    told: dict[str, Any] = {"delta": delta, "runs": len(rows)}
    for name in ("", "_taken", "_bragging"):
        told["violation_rate" + name] = round(mean["violated" + name], 4)
        told["coverage" + name] = round(mean["coverage" + name], 4)
    if "mapie_own" in mean:
        better = max(("own", "ours"), key=lambda name: mean[f"mapie_{name}"])
        told["mapie_coverage"] = round(mean[f"mapie_{better}"], 4)
        told["mapie_violation_rate"] = round(mean[f"mapie_violated_{better}"], 4)
        told["mapie_coverage_own_list"] = round(mean["mapie_own"], 4)
        told["mapie_coverage_our_list"] = round(mean["mapie_ours"], 4)
    return told


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--delta", type=float, default=0.1)
    parser.add_argument("--no-mapie", action="store_true")
    given = parser.parse_args()
    if not given.no_mapie:
        try:
            import mapie  # noqa: F401 only to see whether it is there
        except ImportError:
            absent("MAPIE (pip install -r requirements-bench.txt), or --no-mapie to do without it")
    report(
        "certify",
        lambda: measure(given.runs, given.faces, given.delta, not given.no_mapie),
    )
