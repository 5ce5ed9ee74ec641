"""Pages of docs/ whose every figure is asked of a database made from the data in data/: `python -m pages`."""
