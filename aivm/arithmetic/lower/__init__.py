"""From an ONNX graph to a plan: every shape is known, every operator becomes a few primitives (docs/primitives.md).

| module | subject |
|---|---|
| `graph` | a parsed graph: nodes, attributes, subgraphs, initializers |
| `functions` | function bodies, the model's own and ONNX's |
| `dtypes` `values` | what a tensor is |
| `builder` `primitives` | writing steps; steps of constants are computed at once |
| `registry` `ops` | one file an operator |
| `stage` `loops` | walking a graph, with what is decided by data left to the run |
| `memory` `program` | places in the arena; the finished plan |
"""
