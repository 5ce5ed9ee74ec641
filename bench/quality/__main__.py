"""See the package. Exit code 1 if a bar is missed."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rich.console import Console

from bench.quality import churn, k, silence, symptoms

PARTS: dict[str, Callable[[Console], bool]] = {
    "silence": silence.report,
    "churn": churn.report,
    "symptoms": symptoms.report,
    "k": k.report,
}
"""What can be asked for; each prints its tables and says whether its bars are met."""


def main() -> int:
    """All parts, or those named."""
    console = Console(width=None if sys.stdout.isatty() else 130)
    names = sys.argv[1:] or list(PARTS)
    met = [PARTS[name](console) for name in names]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
