"""Small models in ONNX's text form, for tests."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper, parser
from onnx.reference import ReferenceEvaluator

import aivm

HEADER = '<ir_version: 10, opset_import: ["" : {opset}]>'


def model(text, *, opset=21, **initializers):
    """A model of one graph; arrays become its initializers."""
    proto = parser.parse_model(f"{HEADER.format(opset=opset)}\n{text}")
    for name, array in initializers.items():
        proto.graph.initializer.append(numpy_helper.from_array(array, name))
    return proto


def load(text, *, opset=21, settings=None, **initializers):
    """A session of a model of one graph."""
    return aivm.load(model(text, opset=opset, **initializers), threads=1, **(settings or {}))


def reference(proto, inputs):
    """What the standard's own evaluator makes of it."""
    return dict(zip([o.name for o in proto.graph.output], ReferenceEvaluator(proto).run(None, inputs), strict=True))


def agrees(proto, inputs, *, rtol=1e-5, atol=1e-6, **settings):
    """The outputs, which agree with those of the standard's own evaluator."""
    results = aivm.load(proto, threads=1, **settings).run(inputs)
    for name, expected in reference(proto, inputs).items():
        expected = np.asarray(expected)  # noqa: PLW2901
        assert (results[name].dtype, results[name].shape) == (expected.dtype, expected.shape), name
        np.testing.assert_allclose(results[name], expected, rtol=rtol, atol=atol, err_msg=name)
    return results


def normal(*shape, seed=0):
    """Numbers that look like activations."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def save(proto, path):
    """The model in a file."""
    onnx.save(proto, path)
    return path
