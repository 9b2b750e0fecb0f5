"""Speed as ratios with bars, and accuracy against known truth. `python -m benchmarks` runs what has a section."""
