"""What operators look at: Prometheus rules, Alertmanager, runbooks, and Grafana's dashboards as code."""
