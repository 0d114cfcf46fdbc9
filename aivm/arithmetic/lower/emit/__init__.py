"""Writing steps: one method for each primitive of docs/primitives.md, and the shapes and dtypes that it gives."""
