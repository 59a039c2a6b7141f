"""What a user did wrong, said in the user's words."""


class AbsorbError(ValueError):
    """A mistake in a config, a command or a file; the command line prints it without a traceback."""
