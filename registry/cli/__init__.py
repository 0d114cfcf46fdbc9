"""The `aivm` command line.

Results go to stdout, logs and progress to stderr. Every option can be set by the environment variable that its help
names. Secrets are read from files, never from options. Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

from registry.cli.main import main

__all__ = ["main"]
