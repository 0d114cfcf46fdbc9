"""The main job in one process: a kernel is published, admitted, requested, settled; and one cheat is slashed.

Everything in it is what the separate processes use: an embedded chain, a block store on disk, the roles' own code.
"""

from registry.demo.story import run

__all__ = ["run"]
