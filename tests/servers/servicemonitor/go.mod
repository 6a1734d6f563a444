// Pins the definition of ServiceMonitor that the chart is tried with. Nothing is compiled.
module ollama-recorder/tests/servers/servicemonitor

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
