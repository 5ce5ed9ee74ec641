"""``python -m bench.quality [silence] [churn]``: what alerts find and how often they are wrong."""
