"""Texts of users and models on one line that steers nothing: no terminal, and no XML."""

# Parts of words in Persian, Hindi, Thai and others: soft hyphen, joiners, non-joiners and marks of direction.
_OF_WORDS = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060")


def printable(text: str) -> str:
    """Give `text` back on one line, each run of white space as one blank, other control characters as `?`."""
    line = " ".join(text.split())
    return "".join(character if character.isprintable() or character in _OF_WORDS else "?" for character in line)
