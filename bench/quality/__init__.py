"""``python -m bench.quality [silence]``: what alerts find and how often they are wrong; generated groups."""
