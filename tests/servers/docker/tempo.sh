#!/bin/sh
# Takes spans as Tempo does, and answers `/tempo -health`. Spans go into a file of the volume.
set -eu
case ${1:-} in
    -health) exec curl -sf -o /dev/null -H 'Content-Type: application/json' -d '{}' http://127.0.0.1:4318/v1/traces ;;
esac
cat >/tmp/collector.yaml <<'END'
receivers: { otlp: { protocols: { http: { endpoint: "0.0.0.0:4318" } } } }
exporters: { file: { path: /var/tempo/spans.jsonl, append: true } }
service: { pipelines: { traces: { receivers: [otlp], exporters: [file] } } }
END
exec /otelcol --config=/tmp/collector.yaml
