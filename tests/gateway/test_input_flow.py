"""A connection is read unless its reader has enough, or others have their turn."""

import asyncio
from typing import Any

from service.gateway.input_flow import InputFlow
from service.gateway.loop_quantum import LoopQuantum


class Transport:
    """Notes whether it is read."""

    def __init__(self) -> None:
        self.is_reading = True
        self.is_ended = False

    def is_closing(self) -> bool:
        return self.is_ended

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        assert not self.is_ended
        self.is_reading = True


def flow_over(transport: Any, quantum: LoopQuantum | None = None) -> InputFlow:
    flow = InputFlow(quantum or LoopQuantum())
    flow.transport = transport
    return flow


def is_read(transport: Transport) -> bool:
    return transport.is_reading


async def busy() -> LoopQuantum:
    """A quantum of which nothing is left in this turn."""
    quantum = LoopQuantum()
    for _ in range(20):
        quantum.call(lambda: None)
    return quantum


async def turns(number: int = 10) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_it_is_read_again_when_others_had_their_turn() -> None:
    transport = Transport()
    flow = flow_over(transport, await busy())
    flow.give_way()
    assert not transport.is_reading
    await turns()
    assert transport.is_reading


async def test_both_reasons_have_to_be_over() -> None:
    transport = Transport()
    flow = flow_over(transport, await busy())
    flow.stop()
    flow.give_way()
    await turns()
    assert not transport.is_reading
    flow.start()
    assert is_read(transport)
    flow = flow_over(transport, await busy())
    flow.give_way()
    flow.stop()
    flow.start()
    assert not is_read(transport)
    await turns()
    assert is_read(transport)


async def test_a_connection_that_ended_meanwhile_is_left_alone() -> None:
    transport = Transport()
    flow = flow_over(transport, await busy())
    flow.give_way()
    transport.is_ended = True
    await turns()
    assert not transport.is_reading
    flow.give_way()
    flow.start()
    InputFlow(LoopQuantum()).stop()
