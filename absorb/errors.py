"""What a user did wrong, said in the user's words; and memory that runs out."""


class AbsorbError(ValueError):
    """A mistake in a config, a command or a file, to be printed without a traceback."""


class OutOfMemory(AbsorbError):
    """A batch needs more memory than there is, with `lanes` lanes on each of its devices."""

    def __init__(self, lanes: int, cause: BaseException) -> None:
        super().__init__(f"{lanes} lanes on each device: {str(cause) or type(cause).__name__}")
        self.lanes = lanes


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python or XLA ran out of memory."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
