"""Programs assembled from the package: each a folder with its README, run by `python -m examples.NAME`."""
