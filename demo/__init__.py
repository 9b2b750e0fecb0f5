"""A small planted library with known answers, and the proof that the product finds them: `python -m demo`."""
