"""Keys and settings from a `.env` file, for commands only: importing the package reads nothing."""

from __future__ import annotations

from ..errors import ConfigurationError


def load_env_file() -> str | None:
    """Set the variables of the nearest `.env` file, looked for from the working directory upwards.

    What is set already stays as it is.

    Returns:
        The file's path, or None when there is none.

    Raises:
        ConfigurationError: It cannot be read.
    """
    from dotenv import find_dotenv, load_dotenv  # noqa: PLC0415  # only commands need it

    path = find_dotenv(usecwd=True)
    if not path:
        return None
    try:
        load_dotenv(path, override=False)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"cannot read {path}: {reason}; mend the file or remove it") from error
    return path
