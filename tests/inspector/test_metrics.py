"""What Prometheus reads."""

import subprocess
import sys

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from service.inspector.metrics import Numbers, NumbersCollector, ReceiverNumbers, exposition


def test_every_number_is_exposed_under_its_name() -> None:
    ended = CounterMetricFamily("ollama_recorder_exchanges", "Ended exchanges.", labels=["recorder"])
    ended.add_metric(["here"], 3)
    numbers = Numbers(
        in_flight=3,
        is_ollama_up=True,
        journal_bytes=4,
        disk_free_bytes=5,
        newest_number=6,
        not_indexed=13,
        queued=7,
        waiting=8,
        bodies_lost=9,
        records_lost=10,
        is_journal_degraded=True,
        last_commit_seconds=0.5,
        log_lines_dropped=11,
        receivers=(ReceiverNumbers("loki", is_well=False, oldest_unshipped=61.5, shipped=12, parked=2, late=1),),
    )
    text = exposition(NumbersCollector(lambda: numbers, lambda: [ended], "1.2.3"), CollectorRegistry()).decode()
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    prefix = "ollama_recorder_"
    assert samples == {
        (prefix + "build_info", "1.2.3"): 1,
        (prefix + "exchanges_total", "here"): 3,
        (prefix + "in_flight",): 3,
        (prefix + "ollama_up",): 1,
        (prefix + "index_behind_records",): 13,
        (prefix + "journal_bytes",): 4,
        (prefix + "disk_free_bytes",): 5,
        (prefix + "journal_newest_number",): 6,
        (prefix + "journal_queued",): 7,
        (prefix + "journal_waiting",): 8,
        (prefix + "journal_degraded",): 1,
        (prefix + "journal_last_commit_seconds",): 0.5,
        (prefix + "lost_bodies_total",): 9,
        (prefix + "lost_records_total",): 10,
        (prefix + "log_lines_dropped_total",): 11,
        (prefix + "receiver_up", "loki"): 0,
        (prefix + "oldest_unshipped_seconds", "loki"): 61.5,
        (prefix + "shipped_records_total", "loki"): 12,
        (prefix + "parked_records_total", "loki"): 2,
        (prefix + "late_records_total", "loki"): 1,
    }


def test_what_has_not_happened_yet_is_shown_as_zero_from_the_start() -> None:
    ask = (
        "from service.inspector.metrics import exposition; from prometheus_client import CollectorRegistry;"
        "print(exposition(CollectorRegistry(auto_describe=False)).decode())"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=True)
    assert "ollama_recorder_replies_released_total 0.0" in done.stdout.splitlines()


def test_how_far_the_index_is_behind_is_absent_until_it_was_looked_at() -> None:
    numbers = Numbers(0, True, 0, 0, 0, None, 0, 0, 0, 0, False, 0.0, 0, ())
    text = exposition(NumbersCollector(lambda: numbers, list, "1.2.3"), CollectorRegistry()).decode()
    assert "ollama_recorder_in_flight 0.0" in text
    assert "index_behind_records" not in text
