"""What a user did wrong, said in the user's words."""


class AbsorbError(ValueError):
    """A mistake in a config, a command or a file, to be printed without a traceback."""
