"""What is wrong with the files that an agent is to know."""

from pathlib import Path

from harmonic_stack.errors.base import HarmonicError, one_line, shortened


class KnowledgeError(HarmonicError):
    """Files that an agent is to know cannot be used; ``agent`` is whose, ``file`` the pattern or path."""

    def __init__(self, agent: str, file: str, reason: str) -> None:
        super().__init__(one_line(f"knowledge of {agent}: {shortened(file, 300)} {reason}"))
        self.agent, self.file, self.reason = agent, file, reason


class KnowledgeMissing(KnowledgeError):
    """No file fits the pattern."""

    def __init__(self, agent: str, file: str) -> None:
        super().__init__(agent, file, "names no file")


class KnowledgeUnreadable(KnowledgeError):
    """A file cannot be read, or holds no UTF-8 text; ``reason`` says which."""


class KnowledgeTooLarge(KnowledgeError):
    """The files are more than the limit; both in ``unit`` ("bytes" or "files")."""

    def __init__(self, agent: str, file: str, *, size: int, limit: int, unit: str = "bytes") -> None:
        super().__init__(agent, file, f"has {size} {unit}, {limit} are allowed")
        self.size, self.limit, self.unit = size, limit, unit


class KnowledgeOutside(KnowledgeError):
    """A relative pattern leads out of the crew file's ``folder``, by ".." or by a link."""

    def __init__(self, agent: str, file: str, folder: Path) -> None:
        super().__init__(agent, file, f"leads out of {folder}")
        self.folder = folder
