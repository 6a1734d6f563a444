"""Who writes to a slow client waits; a client that takes nothing for too long is given up."""

import asyncio
import socket
from contextlib import suppress
from typing import Any

import pytest

from service.gateway.output_flow import OutputFlow


class Transport:
    """So many bytes wait in it; its socket, if it has one, is a real one."""

    def __init__(self, waiting: int = 100_000, connected: socket.socket | None = None) -> None:
        self.waiting = waiting
        self._connected = connected

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, name: str) -> socket.socket | None:
        assert name == "socket"
        return self._connected


def full(transport: Any, seconds: float = 10.0) -> OutputFlow:
    flow = OutputFlow(asyncio.get_running_loop(), seconds)
    flow.transport = transport
    flow.stop()
    return flow


async def test_who_takes_nothing_for_so_long_is_given_up_and_the_writer_is_told() -> None:
    flow = full(Transport())
    writing = asyncio.create_task(flow.drain())
    await asyncio.sleep(0)
    assert [flow.stalls(now) for now in (0.0, 5.0, 9.9)] == [False] * 3
    assert not writing.done()
    assert flow.stalls(10.0)
    with pytest.raises(TimeoutError, match="took nothing of its answer for 10 s"):
        await writing
    assert not flow.stalls(30.0), "it is given up once"


async def test_who_takes_a_little_now_and_then_is_waited_for() -> None:
    transport = Transport()
    flow = full(transport)
    for now in range(0, 900, 9):
        assert not flow.stalls(float(now))
        transport.waiting -= 1
    assert flow.is_full


async def test_what_the_kernel_still_has_counts_as_not_taken_and_what_it_hands_on_as_taken() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listening.getsockname())
    theirs, _ = listening.accept()
    try:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ours.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                ours.send(b"x" * 65536)
        # The transport's own part stays what it is for long: the kernel has megabytes that go first.
        flow = full(Transport(connected=ours))
        assert not flow.stalls(0.0)
        for now in (9.0, 18.0, 27.0):
            taken = 0
            while taken < 200_000:
                taken += len(theirs.recv(65536))
                await asyncio.sleep(0.001)
            assert not flow.stalls(now)
        assert flow.stalls(60.0)
    finally:
        for one in (ours, theirs, listening):
            one.close()


async def test_room_ends_the_wait_and_nobody_without_a_bound_is_given_up() -> None:
    flow = full(Transport(), seconds=0.0)
    writing = asyncio.create_task(flow.drain())
    await asyncio.sleep(0)
    assert not flow.stalls(0.0)
    assert not flow.stalls(1e9)
    assert flow.start()
    assert not flow.start()
    await writing
    flow.transport = None
    with pytest.raises(ConnectionResetError):
        await flow.drain()
