"""The words of the commands, each of which imports what stands behind it when it is called."""

import argparse
from typing import NoReturn

from vaex.errors import UsageError


class Parser(argparse.ArgumentParser):
    """One that says in one line what is wrong, where argparse says how all is used first."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}: `{self.prog} --help` has what there is")
