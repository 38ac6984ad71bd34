"""Watching a model live: windows from replicas, compared with training, exported for Prometheus and Grafana."""
