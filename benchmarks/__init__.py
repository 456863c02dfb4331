"""Side-by-side runs against peers and limits: ``python -m benchmarks list`` and ``python -m benchmarks NAME``."""
