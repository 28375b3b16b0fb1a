"""The ATen graph of a model: captured once, run with any weights, read and edited at taps."""
