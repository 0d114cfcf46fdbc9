"""The models of the benchmarks: a transformer with its published weights, two networks with seeded ones."""
