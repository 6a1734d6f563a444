"""What the Helm chart says of its values, from ``values.yaml`` and the table of settings: ``make written`` writes it.

``values.schema.json`` refuses what the chart does not know, and the ``README.md`` beside it has a table of all values.
The sentence of a value is the comment above it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from service.setting_values import as_path
from service.settings import TABLE, Variable

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "ollama-recorder"
_VALUES = CHART / "values.yaml"
_PAGE = CHART / "README.md"
_BEGIN, _END = "<!-- values: make written -->\n", "<!-- end of values -->\n"

# The chart decides these.
_OF_THE_CHART = {"LISTEN", "DATA_DIR"}
# Helm makes floats of numbers: larger ones are not what was written.
_ONE_VALUE = {"type": ["string", "number", "boolean"], "minimum": -1e15, "maximum": 1e15}
_WORDS = {"type": "object", "additionalProperties": {"type": "string"}}
_OF_SELECTORS = ["app.kubernetes.io/name", "app.kubernetes.io/instance"]
_OF_ALL = [*_OF_SELECTORS, "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"]
# What Kubernetes takes for names of its resources, of hosts, and of what is in a Secret or a ConfigMap.
_NAME = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_NAMED = {"type": "string", "pattern": f"^{_NAME}$"}
_MAYBE_NAMED = {"type": "string", "pattern": f"^({_NAME})?$"}
_KEY = {"type": "string", "pattern": "^[-._a-zA-Z0-9]*[-_a-zA-Z0-9][-._a-zA-Z0-9]*$"}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_NAMES = {"type": "array", "items": _NAMED}
_PORTS = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65535}}
_KEEP = {"enum": ["Retain", "Delete"]}
_IN_A_SECRET = {
    "type": "object",
    "properties": {"name": _NAMED, "key": _KEY},
    "required": ["name", "key"],
    "additionalProperties": False,
}
_IN_A_FILE = {
    "type": "object",
    "properties": {"secret": _NAMED, "configMap": _NAMED, "key": _KEY},
    "oneOf": [{"required": ["secret", "key"]}, {"required": ["configMap", "key"]}],
    "additionalProperties": False,
}


def _words_but(keys: list[str]) -> dict[str, Any]:
    return _WORDS | {"properties": dict.fromkeys(keys, False)}


_FORMS: dict[str, dict[str, Any]] = {
    # YAML takes some words for a truth.
    "fullnameOverride": {
        "type": "string",
        "pattern": "^([a-z]([-a-z0-9]*[a-z0-9])?)?$",
        "not": {"enum": ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]},
    },
    "image.repository": {"type": "string", "pattern": r"^[^\s@]+$"},
    "image.tag": {"type": "string", "pattern": "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$"},
    "image.digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "image.pullSecrets": _NAMES,
    "replicas": {"type": "integer", "minimum": 0},
    "listenAddress": {"type": "string", "pattern": r"^([0-9.]+|\[[0-9a-fA-F:.]+\])$"},
    "clusterDomain": _NAMED,
    "journal.size": {
        "type": "string",
        "pattern": r"^([1-9][0-9]*(\.[0-9]+)?|0\.[0-9]*[1-9][0-9]*)(k|[KMGTPE]i|[MGTPE])$",
    },
    "journal.storageClass": _MAYBE_NAMED,
    "journal.whenDeleted": _KEEP,
    "journal.whenScaled": _KEEP,
    "service.type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    "service.port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "service.annotations": _WORDS,
    "ingress.annotations": _WORDS,
    "ingress.className": _MAYBE_NAMED,
    # The recorder has to know each name: no asterisks.
    "ingress.hosts": _NAMES,
    "ingress.paths": {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": r"^/\S*$"}},
    "ingress.tls": _OBJECTS,
    **{f"networkPolicy.{name}": _OBJECTS for name in ("callers", "ingressController", "prometheus", "dns", "egress")},
    **{f"networkPolicy.{name}.to": _OBJECTS for name in ("ollama", "loki", "otlp")},
    **{f"networkPolicy.{name}.ports": _PORTS for name in ("ollama", "loki", "otlp")},
    "serviceMonitor.interval": {"type": "string", "pattern": "^[0-9]+(ms|s|m)$"},
    "serviceMonitor.token": {"anyOf": [{"type": "object", "maxProperties": 0}, _IN_A_SECRET]},
    "serviceMonitor.labels": _words_but(_OF_ALL),
    "dashboards.labels": _words_but(_OF_ALL),
    "dashboards.annotations": _WORDS,
    "podDisruptionBudget.maxUnavailable": {
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+%$"}]
    },
    "serviceAccount.name": _MAYBE_NAMED,
    "serviceAccount.annotations": _WORDS,
    "resources": {"type": "object"},
    "podLabels": _words_but(_OF_SELECTORS),
    "podAnnotations": _words_but(["checksum/settings"]),
    "priorityClassName": _MAYBE_NAMED,
    "nodeSelector": _WORDS,
    "tolerations": _OBJECTS,
    "affinity": {"type": "object"},
    "topologySpreadConstraints": _OBJECTS,
}


def is_file(variable: Variable) -> bool:
    """Whether it names a file, which the chart has to mount."""
    return variable.read is as_path and variable.name not in _OF_THE_CHART


def schema_text() -> str:
    """The whole of ``values.schema.json``."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the chart ollama-recorder",
        "description": "Written by make written from values.yaml and the recorder's table of settings.",
    } | _schema_of("", yaml.safe_load(_VALUES.read_text()), _sentences())
    # Where another chart has this one as a part, Helm adds them.
    schema["properties"] |= {"global": {"type": "object"}, "enabled": {"type": "boolean"}}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def page_text() -> str:
    """The whole of the ``README.md`` beside it, its table made anew."""
    before, begin, rest = _PAGE.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    assert begin, f"{_PAGE.name} has lost the mark where its table begins"
    assert end, f"{_PAGE.name} has lost the mark where its table ends"
    meant = _sentences()
    rows = "".join(
        f"| `{name}` | {_shown(value)} | {meant[name]} |\n"
        for name, value in leaves(yaml.safe_load(_VALUES.read_text()))
        if name in meant
    )
    return f"{before}{begin}| value | default | meaning |\n|---|---|---|\n{rows}{end}{after}"


def leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value by its path, but what stands in a map whose keys may be any; the settings one by one."""
    for key, value in values.items():
        name = f"{path}{key}"
        if isinstance(value, dict) and value and name not in _FORMS:
            yield from leaves(value, f"{name}.")
        else:
            yield name, value


def _sentences() -> dict[str, str]:
    """The comment above each value, by the value's path."""
    found: dict[str, str] = {}
    path: list[str] = []
    comment: list[str] = []
    for line in _VALUES.read_text().splitlines():
        if written := re.fullmatch(r" *# (.*)", line):
            comment.append(written[1])
        elif key := re.match(r"( *)([A-Za-z_]+):", line):
            path = [*path[: len(key[1]) // 2], key[2]]
            if comment:
                found[".".join(path)] = " ".join(comment)
            comment = []
        else:
            comment = []
    return found


def _schema_of(path: str, value: Any, meant: Mapping[str, str]) -> dict[str, Any]:
    described = {"description": meant[path]} if path in meant else {}
    if path in _FORMS:
        return described | _FORMS[path]
    if path in _MAPS:
        return described | _MAPS[path]()
    if isinstance(value, dict):
        properties = {key: _schema_of(f"{path}.{key}".lstrip("."), inner, meant) for key, inner in value.items()}
        return described | {"type": "object", "properties": properties, "additionalProperties": False}
    kinds = {bool: "boolean", str: "string"}
    return described | {"type": kinds[type(value)]}


def _settings() -> dict[str, Any]:
    plain = {one.name: one for one in TABLE.values() if not one.secret and not is_file(one)}
    return {
        "type": "object",
        "properties": {
            name: {"description": one.meaning} | _ONE_VALUE for name, one in plain.items() if name not in _OF_THE_CHART
        },
        # Headers of a receiver hold its token: they are a secret.
        "patternProperties": {"^OTEL_[A-Z0-9_]+$": _ONE_VALUE, "^OTEL_[A-Z0-9_]*HEADERS$": False},
        "additionalProperties": False,
    }


def _secrets() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {one.name: {"description": one.meaning} | _IN_A_SECRET for one in TABLE.values() if one.secret},
        "patternProperties": {"^OTEL_[A-Z0-9_]*HEADERS$": _IN_A_SECRET},
        "additionalProperties": False,
    }


def _files() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {one.name: {"description": one.meaning} | _IN_A_FILE for one in TABLE.values() if is_file(one)},
        "additionalProperties": False,
    }


_MAPS = {"settings": _settings, "secrets": _secrets, "files": _files}


def _shown(value: Any) -> str:
    if value in ("", [], {}):
        return "empty"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`"
