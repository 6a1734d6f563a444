"""Meters of energy: a folder that looks like Linux's, and a module that looks like NVIDIA's."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from service.energy.energy_meters import nvidia_meters, processor_meters, unreadable_zones


def zone(folder: Path, place: str, name: str, count: int = 0, most: int = 1_000_000) -> Path:
    made = folder / f"intel-rapl:{place}"
    made.mkdir(parents=True)
    (made / "name").write_text(f"{name}\n")
    (made / "energy_uj").write_text(f"{count}\n")
    (made / "max_energy_range_uj").write_text(f"{most}\n")
    return made


def test_each_package_and_its_memory_is_a_meter_and_their_parts_are_not(tmp_path: Path) -> None:
    for place, name in (("0", "package-0"), ("0:0", "core"), ("0:1", "dram"), ("1", "package-1"), ("2", "psys")):
        zone(tmp_path, place, name)
    assert len(processor_meters(tmp_path)) == 3


def test_a_count_that_begins_anew_goes_on(tmp_path: Path) -> None:
    counted = zone(tmp_path, "0", "package-0", count=900_000, most=1_000_000) / "energy_uj"
    (meter,) = processor_meters(tmp_path)
    assert meter() == 0
    counted.write_text("950000\n")
    assert meter() == pytest.approx(0.05)
    counted.write_text("50000\n")
    assert meter() == pytest.approx(0.15)


def test_a_count_that_falls_without_having_been_near_its_end_is_no_use_of_energy(tmp_path: Path) -> None:
    most = 262_143_328_850
    counted = zone(tmp_path, "0", "package-0", count=900_000_000, most=most) / "energy_uj"
    (meter,) = processor_meters(tmp_path)
    # As after a sleep of the machine.
    counted.write_text("1000\n")
    with pytest.raises(OSError, match="began anew"):
        meter()
    before = meter()
    counted.write_text("5001000\n")
    assert meter() - before == pytest.approx(5.0)
    counted.write_text(f"{most + 5}\n")
    with pytest.raises(OSError, match="began anew"):
        meter()


def test_a_zone_whose_name_is_no_text_takes_no_other_with_it(tmp_path: Path) -> None:
    (zone(tmp_path, "0", "package-0") / "name").write_bytes(b"\xff\xfe")
    zone(tmp_path, "1", "package-1")
    assert len(processor_meters(tmp_path)) == 1
    assert unreadable_zones(tmp_path) == []


def test_a_meter_that_is_gone_says_so(tmp_path: Path) -> None:
    counted = zone(tmp_path, "0", "package-0") / "energy_uj"
    (meter,) = processor_meters(tmp_path)
    counted.write_text("what?")
    with pytest.raises(OSError, match="energy_uj"):
        meter()
    counted.unlink()
    with pytest.raises(OSError, match="energy_uj"):
        meter()


def test_what_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = zone(tmp_path, "0", "package-0") / "energy_uj"
    zone(tmp_path, "1", "psys")
    read = Path.read_text

    def refusing(path: Path, *more: Any) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *more)

    monkeypatch.setattr(Path, "read_text", refusing)
    assert processor_meters(tmp_path) == []
    assert unreadable_zones(tmp_path) == [counted]


@pytest.mark.parametrize("odd", [{"name": ""}, {"energy_uj": "much"}, {"max_energy_range_uj": ""}])
def test_a_folder_that_is_not_whole_is_no_meter(tmp_path: Path, odd: dict[str, str]) -> None:
    made = zone(tmp_path, "0", "package-0")
    for name, text in odd.items():
        (made / name).write_text(text)
    assert processor_meters(tmp_path) == []
    assert processor_meters(tmp_path / "none") == []


class Nvml(SimpleNamespace):
    """Two cards, of which the second does not count."""

    def __init__(self, **more: Any) -> None:
        super().__init__(millijoules=5_000, **more)

    def nvmlInit(self) -> None:  # noqa: N802 - the driver's names
        pass

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, place: int) -> int:  # noqa: N802
        return place

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        if handle or self.millijoules is None:
            raise RuntimeError("Not Supported")
        return int(self.millijoules)


def test_a_card_that_counts_is_a_meter() -> None:
    nvml = Nvml()
    (meter,) = nvidia_meters(lambda: nvml)
    assert meter() == 5.0
    nvml.millijoules = None
    with pytest.raises(OSError, match="Not Supported"):
        meter()


def test_a_driver_that_was_loaded_anew_is_begun_anew() -> None:
    begun: list[str] = []

    class Begun(Nvml):
        def nvmlInit(self) -> None:  # noqa: N802
            begun.append("begun")

    nvml = Begun(nvmlShutdown=lambda: begun.append("over"))
    assert len(nvidia_meters(lambda: nvml)) == 1
    assert len(nvidia_meters(lambda: nvml)) == 1
    assert begun == ["over", "begun"] * 2


def absent() -> Any:
    raise ImportError("No module named 'pynvml'")


class WithoutDriver(Nvml):
    def nvmlInit(self) -> None:  # noqa: N802
        raise RuntimeError("Driver Not Loaded")


class WithoutCards(Nvml):
    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 0


@pytest.mark.parametrize("load", [absent, WithoutDriver, WithoutCards, SimpleNamespace])
def test_without_package_driver_or_card_there_is_no_meter(load: Any) -> None:
    assert nvidia_meters(load) == []
