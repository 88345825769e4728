"""Files that are no checkpoints, one of which would run code if it were unpickled."""

from __future__ import annotations

from pathlib import Path

import torch


class Runs:
    """A pickle that would touch a file when loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


class UntrustedFiles:
    """Files in a folder that must all be refused.

    Args:
        folder: receives them.
        entry: under which a checkpoint has its state dict.
        suffix: of the files.
    """

    def __init__(self, folder: Path, entry: str = "state_dict", suffix: str = ".pt") -> None:
        self.folder, self.trace = folder, folder / "touched"
        self.trap, self.text, self.cut, self.absent = (
            folder / f"{name}{suffix}" for name in ("trap", "text", "cut", "absent")
        )
        torch.save({entry: Runs(self.trace)}, self.trap)
        self.text.write_text("not a checkpoint")
        torch.save({entry: {"weight": torch.zeros(2000)}}, self.cut)
        self.cut.write_bytes(self.cut.read_bytes()[:5000])

    def __iter__(self):
        return iter((self.trap, self.text, self.cut, self.absent))

    @property
    def harmed(self) -> bool:
        """Whether code of the trap has run."""
        return self.trace.exists()
