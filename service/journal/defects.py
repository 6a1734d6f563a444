"""Telling trouble by name, and a fault of ours without what was in the bodies."""

from service import events
from service.journal import JournalError


def named(error: BaseException) -> str:
    """The text of ``error`` and its kind, which programs compare: "disk I/O error (SQLITE_IOERR_READ)".

    A JournalError has the kind of what caused it, and none of its own.
    """
    cause = error.__cause__ if isinstance(error, JournalError) else error
    kind = getattr(cause, "sqlite_errorname", "") or ("" if cause is None else type(cause).__name__)
    return f"{error} ({kind})" if kind else str(error)


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
