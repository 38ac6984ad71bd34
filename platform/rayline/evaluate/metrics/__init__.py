"""Metrics, one a file. `_metric.py` holds their contract, `_counts.py` and `_ranking.py` what several share."""
