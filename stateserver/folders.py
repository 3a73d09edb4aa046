"""Folders that a process writes to: made and tried before it begins, so that a mistake is told in one line."""

import errno
import tempfile
from pathlib import Path
from typing import Final

from stateserver.errors import StateServerError
from stateserver.settings import variable

_DISK_TROUBLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})


class FolderUnusable(StateServerError):
    """A folder can't be made, is none, or may not be written to."""


def require_folder(folder: Path) -> None:
    """Make the folder where it isn't there, and try to write in it. Raises FolderUnusable.

    A disk that is full or failing is no mistake of whoever set this up: that is met while at work.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if folder.is_dir() and error.errno in _DISK_TROUBLE:
            return
        raise unusable(folder, error) from error


def unusable(folder: Path, error: OSError) -> FolderUnusable:
    """What is wrong with the data folder of a process, and what to do."""
    what = "is a file, not a folder" if folder.is_file() else f"can't be used: {error.strerror or error}"
    return FolderUnusable(
        f"the data folder {folder} {what}", f"Give this process a folder of its own by {variable('data_dir')}."
    )
