"""``make bench``: direct, NGINX, a bare aiohttp pass-through and the recorder side by side, in one interleaved run.

Each gateway is alone on one core while it is measured; the clients and the upstream share another. What a gateway
costs is read from the kernel's counters for its whole process tree, and includes what it does after the answer: a slot
ends when the recorder has committed every record. The second bare pass-through is the null measurement: how far its
ratio is from 1 is what this machine's noise is worth. A share of the load's core over 90 % (marked !) means that the
rate is the load's, not the gateway's; the CPU figures stand nevertheless. Other programs on the gateway's core disturb
caches, so figures taken while "others" is more than a few percent are worth less.

The exit code is 1 when an answer was wrong, a record is missing, or the recorder costs more than the limits of
``checks``; what is wanted and was missed is printed and does not fail.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks import (
    measure_all_recorders,
    measure_dashboards,
    measure_many_ollamas,
    measure_page,
    measure_queue,
    measure_readers,
)
from tests.benchmarks.apis import OLLAMA, OPENAI
from tests.benchmarks.checks import exit_code
from tests.benchmarks.counters import peak_resident_bytes, resident_bytes
from tests.benchmarks.findings import Findings
from tests.benchmarks.gateways import (
    BARE,
    RECORDER,
    Cores,
    Gateway,
    bare_passthrough,
    has_nginx,
    nginx,
    peer,
    recorder,
    upstream,
)
from tests.benchmarks.log_receiver import told
from tests.benchmarks.peers import litellm, portkey
from tests.benchmarks.report import as_json, as_text
from tests.benchmarks.rounds import CONNECTIONS, Measurement
from tests.benchmarks.shares import shares
from tests.servers.process import SERVERS

INTERVAL = 0.02
BURST, BURST_CHUNKS = 200, 10
SHIPPING = "recorder, shipping"
SHARED = "recorder, shared"
REPLY_FIRST = "recorder, reply first"
COMPILED = "recorder, compiled"


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure. Gateways see the same machine in many short rounds, not in a few long ones."""

    exchange_rounds: int
    exchange_seconds: float
    streams: Sequence[int]
    stream_rounds: int
    stream_seconds: float
    latency_rounds: int
    burst_rounds: int
    warm_up_seconds: float = 0.3


DEFAULT = Plan(12, 1.2, streams=(50, 200), stream_rounds=5, stream_seconds=3.0, latency_rounds=3000, burst_rounds=10)
PEERS = Plan(
    8, 1.0, streams=(10,), stream_rounds=5, stream_seconds=2.0, latency_rounds=500, burst_rounds=0, warm_up_seconds=4.0
)
SHORT_PEERS = replace(
    PEERS,
    exchange_rounds=4,
    exchange_seconds=0.7,
    stream_rounds=3,
    stream_seconds=1.0,
    latency_rounds=100,
    warm_up_seconds=2.0,
)
SHORT = Plan(7, 0.5, streams=(50,), stream_rounds=5, stream_seconds=1.0, latency_rounds=1000, burst_rounds=5)


def main() -> int:
    arguments = _arguments()
    if arguments.page:
        return measure_page.main(measure_page.SHORT_RECORDS if arguments.short else measure_page.RECORDS)
    if arguments.dashboards:
        return measure_dashboards.main(
            measure_dashboards.SHORT_RECORDS if arguments.short else measure_dashboards.RECORDS
        )
    if arguments.readers:
        return measure_readers.main(measure_readers.SHORT_RECORDS if arguments.short else measure_readers.RECORDS)
    if arguments.all_recorders:
        return measure_all_recorders.main(
            measure_all_recorders.SHORT_RECORDS if arguments.short else measure_all_recorders.RECORDS
        )
    if not hasattr(os, "sched_setaffinity"):
        sys.stderr.write("The measurement needs Linux: it pins processes to cores and reads /proc.\n")
        return 2
    if arguments.queue:
        return measure_queue.main(arguments.short)
    if arguments.many_ollamas:
        return measure_many_ollamas.main(arguments.short)
    plan = _plan(arguments)
    # Ended from outside, it must not leave its gateways behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, {cores.load})
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as running:
        try:
            gateways = _start(Path(folder), cores, running, arguments)
        except (RuntimeError, ValueError, OSError) as error:
            sys.stderr.write(f"{error}\n")
            return 2
        findings = _measure(plan, gateways, cores, arguments)
    sys.stdout.write(json.dumps(as_json(findings), indent=1) if arguments.json else as_text(findings))
    sys.stdout.write("\n")
    return exit_code(findings)


def _plan(arguments: argparse.Namespace) -> Plan:
    default, short = (PEERS, SHORT_PEERS) if arguments.peers else (DEFAULT, SHORT)
    plan = short if arguments.short else default
    return replace(plan, streams=arguments.streams) if arguments.streams else plan


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure gateways side by side.")
    parser.add_argument("--short", action="store_true", help="about a minute instead of four, for CI")
    parser.add_argument("--json", action="store_true", help="every round as JSON instead of tables")
    parser.add_argument("--streams", type=int, nargs="+", help="numbers of parallel streams (default 50 200)")
    parser.add_argument(
        "--shipping", action="store_true", help="also a recorder that ships to a Loki on the load's core"
    )
    parser.add_argument("--sharing", action="store_true", help="also a recorder with a queue whose places are free")
    parser.add_argument(
        "--reply-first",
        action="store_true",
        help="also a recorder that replies before the record (RECORD_BEFORE_REPLY)",
    )
    parser.add_argument("--compiled", action="store_true", help="also a recorder that is compiled to machine code")
    parser.add_argument(
        "--queue", action="store_true", help="instead: what a queue costs, with free places and with 10,000 who wait"
    )
    parser.add_argument(
        "--many-ollamas",
        action="store_true",
        help="instead: what 1, 10, 100 and 1,000 Ollamas behind one recorder cost (--short: to 100)",
    )
    parser.add_argument(
        "--page", action="store_true", help="instead: how long who searches a million records waits (--short: 50,000)"
    )
    parser.add_argument(
        "--readers", action="store_true", help="instead: what ten who search cost the exchanges, and the exports' speed"
    )
    parser.add_argument(
        "--dashboards", action="store_true", help="instead: what opening each dashboard costs a Loki of 200,000 records"
    )
    parser.add_argument(
        "--all-recorders",
        action="store_true",
        help="instead: how long whoever looks at all recorders waits for a Loki of 300,000 records (--short: 15,000)",
    )
    parser.add_argument("--without-recorder", action="store_true", help="only the gateways it is compared with")
    parser.add_argument(
        "--peers",
        action="store_true",
        help="LiteLLM and Portkey beside the recorder, with their logging and without, all in OpenAI's form (--short:"
        " two minutes)",
    )
    parser.add_argument(
        "--peer",
        nargs=3,
        action="append",
        default=[],
        metavar=("NAME", "URL", "COMMAND"),
        help="also this gateway: its name, the address below which Ollama's paths are, and what starts it;"
        " {port}, {upstream} and {folder} in both are filled in (with --peers it is asked in OpenAI's form)",
    )
    return parser.parse_args()


def _start(folder: Path, cores: Cores, running: ExitStack, arguments: argparse.Namespace) -> list[Gateway]:
    behind = running.enter_context(upstream(cores.load, OPENAI if arguments.peers else OLLAMA))
    gateways = [behind]
    if has_nginx():
        gateways.append(running.enter_context(nginx(cores.gateway, behind, folder / "nginx")))
    gateways.append(running.enter_context(bare_passthrough(cores.gateway, behind, folder / "bare", BARE)))
    if not arguments.without_recorder:
        gateways.append(running.enter_context(recorder(cores.gateway, behind, folder / "recorder")))
    if arguments.shipping:
        loki = {"LOKI_URL": f"http://127.0.0.1:{behind.target.port}"}
        gateways.append(running.enter_context(recorder(cores.gateway, behind, folder / "shipping", loki, SHIPPING)))
    if arguments.sharing:
        free_places = {"MAX_ACTIVE": "1000"}
        gateways.append(running.enter_context(recorder(cores.gateway, behind, folder / "shared", free_places, SHARED)))
    if arguments.reply_first:
        settings = {"RECORD_BEFORE_REPLY": "false"}
        gateways.append(running.enter_context(recorder(cores.gateway, behind, folder / "first", settings, REPLY_FIRST)))
    if arguments.compiled:
        # Of the checkout, which Python would look at first, only what is measured beside it.
        settings = {"PYTHONPATH": str(SERVERS / "compiled"), "PYTHONSAFEPATH": "1"}
        gateways.append(running.enter_context(recorder(cores.gateway, behind, folder / "compiled", settings, COMPILED)))
    if arguments.peers:
        for start, title in ((litellm, "litellm"), (portkey, "portkey")):
            for logs in (False, True):
                place = folder / f"{title}{'-logs' if logs else ''}"
                gateways.append(running.enter_context(start(cores.gateway, behind, place, logs=logs)))
    for number, (name, url, command) in enumerate(arguments.peer):
        if name in {gateway.name for gateway in gateways}:
            raise SystemExit(f"--peer {name}: another gateway has this name already")
        gateways.append(
            running.enter_context(peer(cores.gateway, behind, folder / f"peer{number}", name, url, command))
        )
    gateways.append(running.enter_context(bare_passthrough(cores.gateway, behind, folder / "null", BARE + " again")))
    return gateways


def _measure(plan: Plan, gateways: Sequence[Gateway], cores: Cores, arguments: argparse.Namespace) -> Findings:
    findings = Findings(_machine(cores))
    measured = gateways[1:]
    idle = {gateway.name: resident_bytes(gateway.pid) for gateway in measured}
    measurement = Measurement(gateways)
    measurement.warm_up(plan.warm_up_seconds)
    findings.problems = measurement.tally.problems
    if findings.problems:
        # What does not work need not be measured.
        return findings
    api = gateways[0].target.api
    findings.is_held_to_limits = api is OLLAMA
    sizes = f"{len(api.small_request)} bytes in, {len(api.small_answer)} out"
    small = f"Small exchanges, {sizes}, {CONNECTIONS} connections"
    findings.series[small] = measurement.small_exchanges(plan.exchange_rounds, plan.exchange_seconds)
    if not arguments.shipping:
        for number in plan.streams:
            title = f"Streams, {number} at once, a chunk of {api.chunk_bytes} bytes each {INTERVAL * 1e3:.0f} ms"
            series = measurement.streamed_chunks(plan.stream_rounds, number, plan.stream_seconds, INTERVAL)
            findings.series[title] = series
        if plan.burst_rounds:
            findings.bursts = measurement.bursts(plan.burst_rounds, BURST, BURST_CHUNKS, INTERVAL)
        findings.latency = measurement.one_connection(plan.latency_rounds)
    if RECORDER in findings.series[small].slots and api is OLLAMA:
        slots = findings.series[small]
        findings.shares = shares(
            slots.median(RECORDER, lambda slot: slot.cpu), slots.median(RECORDER, lambda slot: slot.main_thread)
        )
    for gateway in measured:
        if gateway.entries is not None:
            findings.entries[gateway.name] = (measurement.tally.requests[gateway.name], *told(gateway.entries))
        findings.memory[gateway.name] = (idle[gateway.name], peak_resident_bytes(gateway.pid))
        if gateway.data_dir is not None:
            asked, kept = measurement.tally.requests[gateway.name], gateway.records()
            findings.records[gateway.name] = (asked, kept)
            if asked != kept:
                measurement.tally.problems.append(f"{gateway.name}: {asked} requests, but {kept} records")
    return findings


def _machine(cores: Cores) -> str:
    pinned = f"gateway on core {cores.gateway}, load and upstream on core {cores.load}"
    kernel = f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"
    return f"{kernel}, Python {platform.python_version()}; {pinned}"


if __name__ == "__main__":
    sys.exit(main())
