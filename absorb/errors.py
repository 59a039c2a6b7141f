"""What a user did wrong, said in the user's words."""


class AbsorbError(ValueError):
    """A mistake in a config, a command or a file, to be printed without a traceback."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python or XLA ran out of memory."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)
