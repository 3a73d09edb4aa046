"""`stateserver gateway`: the API and the page, on the topics of the brokers."""

import asyncio
import os

import click
import uvicorn

from stateserver.gateway.serve import serve
from stateserver.logs import set_up_logging
from stateserver.settings import load_settings


@click.command()
def command() -> None:
    """Serve the API and the page, until Ctrl-C or SIGTERM.

    Needs STATESERVER_TOKENS_FILE and STATESERVER_TOKENS_SESSION_SECRET: without a credential nobody is let in,
    so it doesn't start.
    """
    settings = load_settings(os.environ)
    set_up_logging(settings)
    # Without log_config=None uvicorn would set up its own logging here, past ours that hides secrets.
    with asyncio.Runner(loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()) as runner:
        runner.run(serve(settings))
