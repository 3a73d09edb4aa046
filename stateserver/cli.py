"""The command `stateserver`: finds its sub commands, and says troubles in one clear line."""

import errno
import importlib
import importlib.util
import logging
from typing import Any, NoReturn

import click

from stateserver import __version__
from stateserver.errors import StateServerError

COMMANDS = {
    "worker": "Read the journal and keep the state of its systems.",
    "gateway": "Serve the API and the page.",
    "demo": "Show a real blast in the browser, with nothing to set up.",
    "simulate": "Play captures or made-up sites as a Packet Server would.",
    "replay": "Fold a journal again, and write what becomes of it.",
    "rebuild": "Have what was told made anew from the journal.",
    "report": "Write a blast's report.",
    "link": "Forward an edge's journal to another State Server.",
    "keys": "Make keys and tokens.",
    "check": "Show every setting, and try what they name.",
    "cat": "Print any of the topics, decoded, as JSON lines.",
}
USAGE_STATUS = 2
INTERRUPTED_STATUS = 130
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""Most often of standard output, which any command writes."""


class Trouble(click.ClickException):
    """A StateServerError as the command line shows it: what is wrong, and below it what to do."""

    exit_code = USAGE_STATUS

    def __init__(self, error: StateServerError) -> None:
        super().__init__(f"{error.message}\n{error.hint}".rstrip())


class LazyGroup(click.Group):
    """Sub commands are imported when they are asked for: `keys` need not wait for a Kafka client to load.

    Each is the click command `command` in the module of its name in `stateserver.commands`.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands there are, in the order people meet them."""
        return [name for name in COMMANDS if importlib.util.find_spec(f"stateserver.commands.{name}")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"stateserver.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a trouble that we can name is shown as such, without a traceback."""
        try:
            return super().invoke(ctx)
        except StateServerError as error:
            logging.getLogger(__name__).debug("ended by a trouble", exc_info=error)
            raise Trouble(error) from error
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            raise click.exceptions.Exit(INTERRUPTED_STATUS) from None
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            raise Trouble(
                StateServerError(f"can't write: {error.strerror}", "Make room, or write elsewhere.")
            ) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="stateserver")
def stateserver() -> None:
    """Watches blasting systems: their state, their warnings and the record of every blast."""


def main() -> NoReturn:
    """The script's entry point."""
    stateserver()
    raise AssertionError("click ends the process")
