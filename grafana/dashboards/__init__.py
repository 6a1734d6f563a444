"""The five dashboards. ``make dashboards`` writes them to ``json/``, where Grafana reads them."""

import warnings

with warnings.catch_warnings():
    # It warns that there is a newer schema, which Grafana does not promise to provision from files.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    import grafana_foundation_sdk.builders.dashboard
    import grafana_foundation_sdk.builders.logs  # noqa: F401
