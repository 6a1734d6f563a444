"""What the stack's Grafana shows: provisioned data sources and alerts, and dashboards as code."""
