"""The one exception that vaex raises for what its user can mend."""


class UsageError(ValueError):
    """Something given to vaex is wrong; the message is one line: what was found, what was expected, how to mend it."""
