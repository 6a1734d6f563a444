"""What one process of a parallel run does in one piece: a file's tests, or those of all files on one real Ollama.

So what the tests of a module share is started once, and each Ollama in one process only.
"""

from xdist.scheduler.loadscope import LoadScopeScheduling
from xdist.workermanage import WorkerController

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

    def remove_node(self, node: WorkerController) -> str | None:
        """Hand out what a process left that died, and tell the test in which it did. That one is not tried again.

        Nothing is handed out of which all was done: whoever gets it never asks for more.
        """
        units = self.assigned_work.pop(node)
        crashed = next(
            ((unit, test) for unit, tests in units.items() for test, done in tests.items() if not done), None
        )
        if crashed is None:
            return None
        unit, test = str(crashed[0]), str(crashed[1])
        units[unit][test] = True
        self.workqueue.update({unit: tests for unit, tests in units.items() if not all(tests.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return test
