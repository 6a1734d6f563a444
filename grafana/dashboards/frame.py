"""What the dashboards have in common: their variables, links to each other, and the way they are put together."""

from collections.abc import Iterable, Sequence

from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.models import common, dashboard

from grafana.dashboards.names import ALL_RECORDS, LOKI, PROMETHEUS, RECORDS
from grafana.dashboards.panels import Panel, text_panel
from service.record.exchange import Outcome
from service.record.operations import MODEL_CALLS

TAG = "ollama-recorder"
_TITLES = {LOKI: "Loki", PROMETHEUS: "Prometheus"}
Variable = (
    dashboards.DatasourceVariable | dashboards.QueryVariable | dashboards.TextBoxVariable | dashboards.CustomVariable
)


def put_together(
    uid: str,
    title: str,
    description: str,
    about: str,
    variables: Iterable[Variable],
    rows: Iterable[tuple[str, Sequence[Panel]]],
    *,
    since: str = "now-24h",
    closed: str = "",
    refresh: str = "1m",
) -> dashboards.Dashboard:
    """A dashboard of rows, each a title and its panels, below a text that says what it is for.

    ``closed``: the row that asks nothing before it is opened. ``refresh``: how often it asks anew, never if empty.
    """
    made = dashboards.Dashboard(title).uid(uid).description(description).tags([TAG]).time(since, "now")
    made.refresh(refresh).timezone("browser").readonly().tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    link = dashboards.DashboardLink("Ollama Recorder").type(dashboard.DashboardLinkType.DASHBOARDS).tags([TAG])
    made.link(link.as_dropdown(False).keep_time(True).include_vars(False))
    for variable in variables:
        made.with_variable(variable)
    made.with_panel(text_panel("What is this board for?", about).id(1))
    number = 1
    for name, panels in rows:
        row = dashboards.Row(name).id(number := number + 1)
        for panel in panels:
            panel.id(number := number + 1)
            if name == closed:
                row.with_panel(panel)
        made.with_row(row.collapsed(name == closed))
        for panel in panels if name != closed else ():
            made.with_panel(panel)
    return made


def sources(*names: str) -> list[Variable]:
    """A choice of data source for each kind that a dashboard asks; the provisioned one is chosen already."""
    return [
        dashboards.DatasourceVariable(name)
        .label(_TITLES[name])
        .type(name)
        .current(
            dashboard.VariableOption(selected=True, text={LOKI: "Loki", PROMETHEUS: "Prometheus"}[name], value=name)
        )
        for name in names
    ]


def instance() -> Variable:
    """Which recorder: the only variable that Loki can list, as it is a label of the streams."""
    return (
        dashboards.QueryVariable("instance")
        .label("Recorder")
        .datasource(common.DataSourceRef(type_val=LOKI, uid=f"${{{LOKI}}}"))
        .query({"type": 1, "label": "instance", "stream": ALL_RECORDS, "refId": "instance"})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .include_all(True)
        .all_value(".+")
        .multi(True)
        .current(dashboard.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def text(name: str, label: str, description: str, default: str = "") -> Variable:
    """A box to type into. Loki lists no values of structured metadata, so models and workflows are typed or clicked."""
    box = dashboards.TextBoxVariable(name).label(label).description(description).default_value(default)
    return box.current(dashboard.VariableOption(selected=True, text=default, value=default))


def outcome() -> Variable:
    return _choice("outcome", "Outcome", [str(one) for one in Outcome])


def operation() -> Variable:
    return _choice("operation", "Operation", sorted([*MODEL_CALLS, "load", "unload", "list", "show", "ps"]))


def _choice(name: str, label: str, values: Sequence[str]) -> Variable:
    everything = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        dashboards.CustomVariable(name)
        .label(label)
        .values(",".join(values))
        .include_all(True)
        .all_value(".*")
        .multi(True)
        .current(everything)
    )


def lookback() -> Variable:
    """How far a query looks back that would cost too much over a long time."""
    spans = ["1h", "6h", "24h", "7d"]
    chosen = dashboard.VariableOption(selected=True, text=spans[0], value=spans[0])
    return (
        dashboards.CustomVariable("lookback")
        .label("Executions that ended in the last")
        .values(",".join(spans))
        .current(chosen)
    )


def once_chosen(variable: str) -> str:
    """All records once something stands in ``variable``, and no stream before: then Loki has nothing to read."""
    # No stream has such a label, which is the same as an empty one.
    return RECORDS.replace("}", f', chosen!="${variable}"}}')


def contains(name: str, variable: str) -> str:
    """A filter on a field: it contains what was typed, in any case. Nothing typed lets everything through."""
    return f"{name}=~`(?i).*${{{variable}:regex}}.*`"
