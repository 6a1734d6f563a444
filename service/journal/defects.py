"""Reporting a fault of ours without repeating what was in the bodies."""

from service import events


def report_defect(where: str, error: BaseException) -> None:
    """Emit DefectFound with the kind of ``error`` and its place in the code. Its text may quote a prompt or a key."""
    events.emit(events.DefectFound(where, _kind_and_place(error)))


def _kind_and_place(error: BaseException) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return type(error).__name__
    code = frame.tb_frame.f_code
    return f"{type(error).__name__} in {code.co_name}, {code.co_filename.rpartition('/')[2]}:{frame.tb_lineno}"
