"""Where the data of the examples lies."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ...errors import ConfigurationError

_PACKAGE = __name__.partition(".patterns.")[0]


def packaged(name: str) -> Path:
    """A file of data: in the installed package, else in `data/` of the checkout."""
    installed = Path(str(resources.files(_PACKAGE))) / "data" / name
    checkout = Path(__file__).resolve().parents[4] / "data" / name
    return installed if installed.exists() else checkout


def packaged_text(name: str) -> str:
    """The text of such a file.

    Raises:
        ConfigurationError: It is not there, or cannot be read.
    """
    path = packaged(name)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read; install the package again, or check out data/") from error
