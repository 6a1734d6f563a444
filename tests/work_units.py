"""What one process of a parallel run does in one piece: a file's tests, or those of all files on one real Ollama.

So what the tests of a module share is started once, and each Ollama in one process only.
"""

from xdist.scheduler.loadscope import LoadScopeScheduling

from tests.servers.ollama import PROGRAMS


def unit_of(test: str) -> str:
    """The unit that the test with this identifier belongs to: a file's path, or one of ``PROGRAMS``."""
    file, _, name = test.partition("::")
    parameters = name.partition("[")[2]
    return next((program for program in PROGRAMS if program in parameters), file)


class WorkUnits(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """``--dist loadfile`` with these units."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
