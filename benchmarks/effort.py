"""How much work a benchmark does: enough to be believed, or just enough to see it run."""

from typing import NamedTuple


class Effort(NamedTuple):
    """rounds: times each contender is timed. small: tiny sizes, whose figures mean nothing.

    published: the size of a published network where a benchmark knows one.
    """

    rounds: int
    small: bool
    published: bool = False

    def pick(self, full, small):
        """One of two sizes."""
        return small if self.small else full
