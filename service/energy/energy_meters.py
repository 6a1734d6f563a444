"""The meters of energy that this machine has: NVIDIA's cards, and the processor's own (RAPL).

A meter is asked for the joules that were used since some moment of its own. What cannot be read is no meter.
"""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

Meter = Callable[[], float]
"""Joules so far, by a count that only grows. Raises OSError when it cannot be read."""

POWERCAP: Final = Path("/sys/class/powercap")
_NVML: Final = "pynvml"
_MICRO, _MILLI = 1e-6, 1e-3
# More than any processor uses until it is looked at again. A count that goes back further began anew, as after a sleep.
_MOST_AT_ONCE: Final = 10_000.0
# A package holds its cores and its graphics; memory is beside it. `psys` is all of them once more.
_COUNTED: Final = ("package", "dram")


class _ProcessorZone:
    """One zone of RAPL. Its count begins anew at ``range``, minutes after the last time."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError or ValueError when it cannot be read."""
        self._count = folder / "energy_uj"
        self._range = int((folder / "max_energy_range_uj").read_text())
        self._last = int(self._count.read_text())
        self._so_far = 0

    def joules(self) -> float:
        """See ``Meter``."""
        try:
            now = int(self._count.read_text())
        except ValueError as error:
            raise OSError(f"{self._count} holds no number") from error
        step = now - self._last if now >= self._last else now - self._last + self._range
        self._last = now
        if not 0 <= step * _MICRO <= _MOST_AT_ONCE:
            raise OSError(f"{self._count} began anew")
        self._so_far += step
        return self._so_far * _MICRO


def processor_meters(folder: Path = POWERCAP) -> list[Meter]:
    """A meter for each package of the processor and for its memory, those that this user may read."""
    meters: list[Meter] = []
    for zone in _zones(folder):
        with contextlib.suppress(OSError, ValueError):
            meters.append(_ProcessorZone(zone).joules)
    return meters


def unreadable_zones(folder: Path = POWERCAP) -> list[Path]:
    """The counts of the processor that are there, and that this user may not read."""
    unreadable = []
    for zone in _zones(folder):
        try:
            (zone / "energy_uj").read_text()
        except PermissionError:
            unreadable.append(zone / "energy_uj")
        except OSError:
            continue
    return unreadable


def _zones(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        for zone in sorted(folder.glob("intel-rapl:*")):
            # UnicodeDecodeError is a ValueError.
            with contextlib.suppress(OSError, ValueError):
                if (zone / "name").read_text().strip().startswith(_COUNTED):
                    yield zone


def nvidia_meters(load: Callable[[], Any] | None = None) -> list[Meter]:
    """A meter for each NVIDIA card that counts its energy; none without the package ``nvidia-ml-py`` or a driver.

    ``load`` gives the package's module, or raises ImportError.
    """
    try:
        nvml = load() if load else importlib.import_module(_NVML)
        # Whoever asks again does so after trouble: a driver that was loaded anew is seen by a new beginning only.
        with contextlib.suppress(Exception):
            nvml.nvmlShutdown()
        nvml.nvmlInit()
    except Exception:  # noqa: BLE001 - whatever a driver's library says, there is no meter
        return []
    meters = []
    # A card that cannot count is left out, whatever its driver says.
    with contextlib.suppress(Exception):
        for place in range(nvml.nvmlDeviceGetCount()):
            with contextlib.suppress(Exception):
                meter = _card(nvml, nvml.nvmlDeviceGetHandleByIndex(place))
                meter()
                meters.append(meter)
    return meters


def _card(nvml: Any, handle: Any) -> Meter:
    def joules() -> float:
        try:
            return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) * _MILLI
        except Exception as error:
            raise OSError(f"an NVIDIA card does not tell its energy: {error}") from error

    return joules


def all_meters() -> list[Meter]:
    """Every meter of this machine. Asks drivers: not on the event loop."""
    return [*nvidia_meters(), *processor_meters()]
