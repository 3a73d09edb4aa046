"""`stateserver worker`: read the journal and keep the state of its systems."""

import asyncio
import os

import click

from stateserver.folders import require_folder
from stateserver.logs import set_up_logging
from stateserver.security.keyring_file import KeyRingFile
from stateserver.settings import SettingError, load_settings, variable
from stateserver.stream.run import run_worker


@click.command()
def command() -> None:
    """Read the journal, keep the state of its systems, and write what comes of it.

    Any number of workers share the partitions of the journal; each needs a STATESERVER_DATA_DIR of its own.
    SIGINT and SIGTERM stop it within 5 s. Exit status 0 then, 2 where it could not start or had to give up.
    Its key ring is read anew at SIGHUP, and by itself once its file has changed.
    """
    settings = load_settings(os.environ)
    set_up_logging(settings)
    if settings.keyring is None:
        raise SettingError(
            variable("keyring"), "is needed: no record can be opened without keys", "stateserver keys new"
        )
    require_folder(settings.data_dir)
    ring = KeyRingFile(settings.keyring.get_secret_value())
    asyncio.run(run_worker(settings, ring))
