"""The recorder as a process: its settings, signals, event loop, and what it tells whoever started it.

Here is nothing of the command line: what reads options would stay in memory for as long as the recorder runs.
"""

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NoReturn

import service
from service.journal import JournalError
from service.settings import Settings, SettingsError

if TYPE_CHECKING:
    from service.app import App
    from service.logs import LogText, Output

_ANY_OR_OWN = frozenset({"0.0.0.0", "::", "127.0.0.1", "::1"})  # noqa: S104 - looked for, not listened on
# Whoever waits longer for exchanges that are under way is told what for.
_SHORT_STOP_SECONDS = 1.0
_USAGE_EXIT_CODE: Final = 2
_TEXT, _JSON = "text", "json"


def run(log_format: str = "") -> None:
    """Run the recorder until it is told to end. ``log_format`` is ``text`` or ``json``; empty: LOG_FORMAT decides.

    Raises SystemExit, with a message on standard error, when it cannot start.
    """
    from service.gateway.http_server import raise_file_limit
    from service.gateway_setup import require_enough_files
    from service.logs import start_logging
    from service.record.without_names import without_names
    from service.settings_at_start import read_settings_at_start

    if not _has_terminal():
        # It asks for files to be read again, and waits until there is somebody who does.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
    raise_file_limit()
    try:
        settings = read_settings_at_start(os.environ)
        require_enough_files(settings)
    except SettingsError as mistakes:
        _stop(str(mistakes), _USAGE_EXIT_CODE)
    chosen = log_format or settings.log_format
    is_text = chosen == _TEXT or (chosen != _JSON and sys.stdout.isatty())
    output = start_logging(
        settings.log_level,
        text=_text_for_terminal() if is_text else None,
        rewrite=None if settings.log_names else without_names,
    )
    try:
        with asyncio.Runner(loop_factory=_event_loop()) as runner:
            runner.run(_serve(settings, output, is_text=is_text))
    except SettingsError as mistakes:
        _stop(str(mistakes), _USAGE_EXIT_CODE)
    except JournalError as trouble:
        _stop(str(trouble))
    except OSError as trouble:
        # The event loop's own words hold the address once more, as Python writes it.
        why = os.strerror(trouble.errno).lower() if trouble.errno and trouble.errno > 0 else trouble.strerror
        _stop(f"cannot listen on {settings.listen_at()}: {why}. {_what_to_do(trouble)}")
    finally:
        output.stop()


def _stop(message: str, code: int = 1) -> NoReturn:
    sys.stderr.write(message + "\n")
    raise SystemExit(code)


def _text_for_terminal() -> "LogText":
    from service.cli.log_text import TextForTerminal

    return TextForTerminal()


def _what_to_do(trouble: OSError) -> str:
    if trouble.errno in (errno.EMFILE, errno.ENFILE):
        return "Let it open more: ulimit -Hn."
    if trouble.errno == errno.EADDRNOTAVAIL or isinstance(trouble, socket.gaierror):
        return "This machine has no such address: LISTEN names one that it has, or 0.0.0.0 for all."
    if trouble.errno in (errno.EACCES, errno.EPERM):
        return "This user may not take that port: LISTEN changes it."
    return "Is another recorder running? LISTEN changes it."


def _event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """How to make a loop: uvloop's where it is installed, else asyncio's own, which does the same more slowly."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(settings: Settings, output: "Output", *, is_text: bool) -> None:
    from service.app import App

    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    recorder = App(settings, os.environ, output)
    # Told apart at the start: after its end, a terminal is none any more.
    _handle_hangup(loop, recorder, asked_to_stop)
    await recorder.start()
    greeting = _greeting(settings, recorder.port)
    if is_text:
        output.write([line.encode() for line in greeting])
    elif sys.stderr.isatty():
        sys.stderr.write("\n" + "\n".join(greeting) + "\n\n")
    # What was made by now lives as long as the process: collections need not look at it again.
    gc.collect()
    gc.freeze()
    # Exchanges leave no cycles behind: looking for them after every 700 objects costs 4 % and finds nothing.
    gc.set_threshold(20_000, 50, 50)
    # A thread that parses or searches gives way to the event loop after this, not after 5 ms: beside five chats at once
    # the slowest of a hundred exchanges took 6 ms instead of 8, and the others as long as before.
    sys.setswitchinterval(0.0005)
    await asked_to_stop.wait()
    stopping = asyncio.ensure_future(recorder.stop())
    # Asked a second time, it does not wait for running exchanges any longer.
    asked_to_stop.clear()
    again = asyncio.ensure_future(asked_to_stop.wait())
    if is_text:
        # A terminal shows ^C where the line would begin.
        output.write([b""])
        await asyncio.wait({stopping, again}, timeout=_SHORT_STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done() and not again.done():
            output.write([b"Exchanges that are under way may end. Ctrl-C ends them at once."])
    await asyncio.wait({stopping, again}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        recorder.stop_waiting()
    again.cancel()
    await stopping


def _handle_hangup(loop: asyncio.AbstractEventLoop, recorder: "App", asked_to_stop: asyncio.Event) -> None:
    """SIGHUP: with a terminal, it was closed, so the recorder ends; else a person wants files read again."""
    from service.reloading import read_files_again

    # nohup has it ignored, and the recorder outlives the terminal. A key must still be taken away when asked to.
    if _has_terminal() and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, asked_to_stop.set)
        return
    running: set[asyncio.Task[None]] = set()

    def read_again() -> None:
        recorder.read_watched_files_again()
        task = asyncio.ensure_future(read_files_again(recorder.reloads, recorder.refused_files))
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, read_again)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))


def _has_terminal() -> bool:
    return any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def _greeting(settings: Settings, port: int) -> list[str]:
    """What a person needs to know at the start; the last line is where to look."""
    host = settings.listen[0]
    host = "localhost" if host in _ANY_OR_OWN else f"[{host}]" if ":" in host else host
    base = f"http://{host}:{port}"
    return [
        f"Ollama Recorder {service.full_version()}, journal in {str(settings.data_dir)!r}.",
        f"Use {base}/api/ollama instead of {settings.ollama_url}, and {base}/api/ollama/v1 for OpenAI's API.",
        f"Open {base}",
    ]
