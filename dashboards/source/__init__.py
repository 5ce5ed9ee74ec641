"""Grafana's dashboards as code: a file a dashboard. ``python -m dashboards.make`` writes their JSON."""
