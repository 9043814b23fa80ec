"""What becomes of a paper, as the batch records it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from ._records import Paper


class Texts(BaseModel):
    """The texts of a paper in one language; lists are as long in both."""

    model_config = ConfigDict(frozen=True)

    title: str
    abstract: str
    subjects: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


class TranslatedUnit(BaseModel):
    """The translation of one text, with its tokens still."""

    model_config = ConfigDict(frozen=True)

    text: str
    asked_alone: bool = False


class PaperTranslation(BaseModel):
    """A paper in both languages, and what the checks say of it.

    Attributes:
        record: What the archive says of it, without its body.
        source: Its texts.
        translated: The same in the other language.
        spoken: The tag of the source's language.
        wanted: The tag of the other one.
        model: What translated it.
        simulated: Whether that was made up.
        findings: What a person should look at; a paper without any is done, one with some is flagged.
        notes: What there is to know besides.
        segments: How many calls it took, had all answers been right at once.
        asked_alone: How many texts were translated on their own, because an answer with several was wrong.
    """

    model_config = ConfigDict(frozen=True)

    record: Paper
    source: Texts
    translated: Texts
    spoken: str
    wanted: str
    model: str
    simulated: bool
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    segments: int = 0
    asked_alone: int = 0

    @property
    def status(self) -> str:
        """`done`, or `flagged` where a person should look at it."""
        return "flagged" if self.findings else "done"
