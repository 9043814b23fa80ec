"""A module that ends every worker process that imports it."""

import os
import sys

if any(argument.endswith("_child.py") for argument in sys.orig_argv):
    os._exit(3)


def never(_):
    pass
