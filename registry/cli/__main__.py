"""`python -m registry.cli`: the same as `aivm`."""

from registry.cli.main import main

main(prog_name="aivm")
