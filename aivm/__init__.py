"""AIVM: run ONNX models so that their output can be believed."""

__version__ = "0.1.0"
