{{- /* A setting as the recorder reads it. Helm has every number of a file as a float: 1048576 would be 1.048576e+06. */ -}}
{{- define "recorder.setting" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{- /* The names that the recorder answers to: its Services', its pods', the Ingress', and yours. */ -}}
{{- define "recorder.allowedHosts" -}}
{{- $name := include "recorder.name" . -}}
{{- $hosts := list -}}
{{- range list $name (printf "%s-pods" $name) -}}
{{- $hosts = concat $hosts (list . (printf "%s.%s" . $.Release.Namespace) (printf "%s.%s.svc" . $.Release.Namespace) (printf "%s.%s.svc.%s" . $.Release.Namespace $.Values.clusterDomain)) -}}
{{- end -}}
{{- range $number := until (int .Values.replicas) -}}
{{- $pod := printf "%s-%d.%s-pods" $name $number $name -}}
{{- $hosts = concat $hosts (list $pod (printf "%s.%s" $pod $.Release.Namespace) (printf "%s.%s.svc" $pod $.Release.Namespace) (printf "%s.%s.svc.%s" $pod $.Release.Namespace $.Values.clusterDomain)) -}}
{{- end -}}
{{- $hosts = concat $hosts .Values.ingress.hosts -}}
{{- with .Values.settings.ALLOWED_HOSTS -}}{{- $hosts = append $hosts . -}}{{- end -}}
{{- join "," $hosts -}}
{{- end -}}

{{- /* What must not be left to be found out later: each with what to do. */ -}}
{{- define "recorder.checked" -}}
{{- if not .Values.settings.OLLAMA_URL -}}
{{- fail "settings.OLLAMA_URL is empty: name the Ollama that the recorder stands before, for instance http://ollama:11434" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress.enabled needs ingress.hosts: the names that callers use, for instance [llm.example.org]" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled .Values.ingress.enabled (not .Values.networkPolicy.ingressController) -}}
{{- fail "ingress.enabled needs networkPolicy.ingressController: where its controller is, for instance [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}]" -}}
{{- end -}}
{{- if .Values.serviceMonitor.enabled -}}
{{- if not (or .Values.serviceMonitor.token .Values.secrets.INSPECTOR_TOKEN) -}}
{{- fail "serviceMonitor.enabled needs secrets.INSPECTOR_TOKEN, or serviceMonitor.token: /metrics is closed to other machines without it" -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.prometheus) -}}
{{- fail "serviceMonitor.enabled needs networkPolicy.prometheus: where Prometheus is, for instance [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]" -}}
{{- end -}}
{{- end -}}
{{- end -}}
