"""Probes of a dataset: who they learn from, and what is said where one cannot be had."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from editing import places
from editing.engine.images import to_tensor
from editing.engine.onnx_identity import load_onnx
from editing.runs import probing
from editing.runs.measuring import Meter
from labeling.models import Dataset, Face

HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnxruntime", "onnx"))


def silent(share: float, step: str = "") -> None:
    pass


def test_measuring_and_steering_probes_learn_from_different_people() -> None:
    n = 400
    seen = probing.Seen(list(range(n)), np.zeros(n), np.repeat(np.arange(200), 2))
    measuring, steering = (set(probing._half(seen, which).identities) for which in (0, 1))
    assert not measuring & steering
    assert len(measuring | steering) == 200
    assert 70 < len(measuring) < 130


def test_few_people_are_in_both_halves() -> None:
    seen = probing.Seen(list(range(30)), np.zeros(30), np.arange(30))
    for which in (0, 1):
        assert probing._half(seen, which).ids == seen.ids


def test_a_dataset_of_nobody_known_has_no_identity_and_says_why(many: Dataset) -> None:
    # Another test may have left a probe that learned from these faces while they were known.
    kept = places.probe_file(many.id, 16, probing.IDENTITY_VERSION, "identity-")
    kept.unlink(missing_ok=True)
    Face.objects.filter(dataset=many).update(identity=None)
    probe, note = probing.identity_of(many, 16, silent)
    assert probe is None
    assert "Identity is not measured: 0 people have two faces or more" in note
    assert Meter(None, None, [], note=note).note == note


@pytest.mark.skipif(HAS_ONNX, reason="onnxruntime is installed")
def test_a_labs_model_without_its_library_is_named(many: Dataset, settings) -> None:
    settings.IDENTITY_MODEL = "/nowhere/arcface.onnx"
    probe, note = probing.identity_of(many, 16, silent)
    assert probe is None
    assert "/nowhere/arcface.onnx needs onnxruntime" in note


@pytest.mark.skipif(not HAS_ONNX, reason="needs onnxruntime and onnx")
def test_a_labs_model_embeds_and_is_measured_on_the_datasets_people(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Flatten", ["p"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", ["n", 3, 8, 8]), ("y", ["n", 12]))
    ]
    graph = helper.make_graph(nodes, "tiny", ends[:1], ends[1:])
    opset = [helper.make_opsetid("", 13)]
    path = tmp_path / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    draw = np.random.default_rng(0)
    people = np.repeat(np.arange(20), 4)
    own = draw.uniform(0, 255, (20, 1, 1, 3))
    faces = (own[people] + draw.normal(scale=8, size=(80, 16, 16, 3))).clip(0, 255)
    model = load_onnx(path, faces.astype(np.uint8), people, draw.uniform(-40, 40, 80))
    assert model.likeness.auc > 0.95
    vectors = model.embed(to_tensor(faces[:5].astype(np.uint8)), batch=2)
    assert vectors.shape == (5, 12)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)
    mirrored = model.embed(to_tensor(faces[:5].astype(np.uint8)).flip(-1))
    np.testing.assert_allclose(mirrored, vectors, atol=1e-5)
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    for name, told in (("broken.onnx", "cannot be read"), ("none.onnx", "There is no")):
        with pytest.raises(ValueError, match=told):
            load_onnx(tmp_path / name, faces.astype(np.uint8), people, np.zeros(80))


def test_a_meter_without_steering_probes_says_so() -> None:
    with pytest.raises(ValueError, match="no probes to steer by"):
        Meter(None, None, []).steer(torch.zeros(1, 3, 16, 16))
