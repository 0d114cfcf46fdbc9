"""Scripts about the arithmetic are tested here."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "scripts" / "arithmetic"))
