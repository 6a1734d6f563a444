"""What ``docs/settings.md`` says, from the table of settings: ``make written`` writes it, a test compares."""

from collections.abc import Iterable

from service.settings import TABLE, Variable
from tests.configuration.env_example import STACK_VARIABLES, StackVariable

HEAD = """\
# Settings

Settings are environment variables. An empty one counts as not set.

* `make run` and `docker compose` also read a file `.env`; begin with a copy of [`.env.example`](../.env.example).
  `make up` writes one with random passwords.
* In a shell beside `make run`, `set -a; . ./.env; set +a` gives the same settings to the commands.
* `ollama-recorder settings` shows what a recorder that starts there would use.
* A wrong setting stops the start. All values that cannot be read are named at once, with what is expected.

`make written` writes this page and `.env.example` from one table in the program. Words such as *journal* and
*receiver* are in the [glossary](glossary.md).

## The recorder

"""
AFTER_THE_TABLE = """
**OpenTelemetry.** The other standard `OTEL_…` variables count as well:

* headers, timeout (milliseconds), compression, resource attributes and `OTEL_SERVICE_NAME`;
* `OTEL_SDK_DISABLED=true` switches the export off, `OTEL_TRACES_EXPORTER=none` that of spans;
* `OTEL_METRICS_EXPORTER=otlp` exports [metrics](receivers.md#metrics) too, every `OTEL_METRIC_EXPORT_INTERVAL`
  milliseconds;
* `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true` puts prompts and answers into spans, as GenAI messages;
* without it prompts go there all the same, in `http.request.body.content`, unless
  `OTEL_INSTRUMENTATION_HTTP_CAPTURE_BODY_CONTENT=false`. That name is the recorder's own, formed as the standard's are.

[receivers.md](receivers.md) says what each receiver of spans shows and needs.

**What passes.** By default: listing, showing and running models, in Ollama's, OpenAI's and Anthropic's forms. Pull,
push, create, copy, delete and blobs need `ALLOW_MANAGEMENT=true`. Everything else is refused, as Ollama serves Go's
profiler on the same port. A refusal names the setting that would allow it.

**Keys.** `API_KEYS_FILE`, TLS and host names are explained in [deploy.md](deploy.md#a-name-and-tls), tokens and
masking in [privacy.md](privacy.md).

## Docker compose only

`docker-compose.yml` reads these, and the recorder does not. `INSPECTOR_TOKEN` is needed there too, because Prometheus
shows it to the recorder.

"""
END = """
`docker compose` itself sets `LISTEN` and `DATA_DIR`, and has other defaults for four variables. It tells
`ALERT_WEBHOOK_URL` to Grafana only, so that nobody is told twice:

| variable | default in the stack | why |
|---|---|---|
| `OLLAMA_URL` | `http://host.docker.internal:11434` | the Ollama of this machine, seen from a container |
| `LOKI_URL` | `http://loki:3100` | the Loki of the stack |
| `OTEL_EXPORTER_OTLP_ENDPOINT` | `http://tempo:4318` | the Tempo of the stack |
| `ALLOWED_HOSTS` | `recorder` | by which Prometheus calls; yours are added |

`RETENTION_DAYS` reaches Loki, Tempo and Prometheus as well, and has to be whole days there. `make up` applies a new
value; what is older is deleted within hours.
"""


def text() -> str:
    """The whole page."""
    return f"{HEAD}{_table(TABLE.values())}{AFTER_THE_TABLE}{_table(STACK_VARIABLES)}{END}"


def _table(variables: Iterable[Variable | StackVariable]) -> str:
    rows = [
        f"| `{one.name}` | {f'`{one.default}`' if one.default else 'empty'} | {one.meaning} |\n" for one in variables
    ]
    return "".join(["| variable | default | meaning |\n|---|---|---|\n", *rows])
