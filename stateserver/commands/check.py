"""`stateserver check`: every setting with where it came from, then a try of all that they name."""

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable, Iterator

import click
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from stateserver.errors import StateServerError
from stateserver.folders import unusable
from stateserver.gateway.protection import load_tokens
from stateserver.gateway.tls import Certificates
from stateserver.security.keyring import KeyRing
from stateserver.settings import Settings, describe, kafka_client_options, load_settings, variable

BROKER_LIMIT_S = 10.0


class CheckFailed(StateServerError):
    """Something that a setting names is not there, or doesn't work."""


@click.command()
def command() -> None:
    """Show every setting and where it came from, and try what they name.

    Exit status 1 where something that a setting names doesn't work, 2 where a setting is wrong.
    """
    settings = load_settings(os.environ)
    shown = list(describe(settings, os.environ))
    width = max(len(one.name) for one in shown)
    for one in shown:
        click.echo(f"{one.name:{width}}  {one.value or '(not set)'}  [{one.origin}]")
    click.echo()
    results = [_report(check, settings) for check in CHECKS]
    if not all(results):
        raise click.exceptions.Exit(1)


def _report(check: Callable[[Settings], Iterator[str]], settings: Settings) -> bool:
    try:
        for good in check(settings):
            click.echo(f"ok    {good}")
    except StateServerError as trouble:
        click.echo(f"FAIL  {trouble.message}")
        if trouble.hint:
            click.echo(f"      {trouble.hint}")
        return False
    return True


def check_broker(settings: Settings) -> Iterator[str]:
    """That a broker answers as a Kafka client would have it, and what it knows of the topics to read."""
    brokers, partitions = asyncio.run(_ask_broker(settings))
    yield f"Kafka answers: {brokers} broker{'s' * (brokers != 1)}"
    for topic, count in partitions.items():
        yield f"topic {topic}: {f'{count} partitions' if count else 'not there yet, the worker creates it'}"


async def _ask_broker(settings: Settings) -> tuple[int, dict[str, int]]:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # we say it ourselves, once
    client = AIOKafkaClient(client_id="stateserver-check", **kafka_client_options(settings))
    try:
        async with asyncio.timeout(BROKER_LIMIT_S):
            await client.bootstrap()
            cluster = await client.fetch_all_metadata()
    except (KafkaError, OSError, TimeoutError) as error:
        what = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        hint = f"start the broker, or mend {variable('brokers')}, {variable('security_protocol')} and what it needs"
        raise CheckFailed(f"no Kafka at {', '.join(settings.brokers)} ({what})", hint) from error
    finally:
        await client.close()
    partitions = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in settings.packets_topics}
    return len(cluster.brokers()), partitions


def check_data_dir(settings: Settings) -> Iterator[str]:
    """That tables can be written, or their directory be made."""
    place = settings.data_dir.absolute()
    there = next(one for one in (place, *place.parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise unusable(there, error) from error
    yield f"data directory {place}{'' if there == place else ' can be made'}"


def check_keyring(settings: Settings) -> Iterator[str]:
    """That the key ring can be read."""
    if settings.keyring is None:
        raise CheckFailed(
            f"{variable('keyring')} is not set: no packet could be opened", "make one with: stateserver keys new"
        )
    KeyRing.load(settings.keyring.get_secret_value())
    yield "key ring"


def check_tls(settings: Settings) -> Iterator[str]:
    """That the gateway's certificate and key can be used, and its clients' authority, where there are any."""
    if settings.tls_cert is not None:
        Certificates(settings)
        yield "the gateway's certificate and its key"
        if settings.tls_client_ca is not None:
            yield f"who signs clients' certificates, which are {settings.tls_client}"


def check_tokens(settings: Settings) -> Iterator[str]:
    """That the hashed API keys and the keys of signed tokens can be read, where there are any."""
    if settings.tokens_file is not None or settings.tokens_jwt_keys is not None:
        load_tokens(settings)
        if settings.tokens_file is not None:
            yield "hashed API keys"
        if settings.tokens_jwt_keys is not None:
            yield "keys of signed tokens"


CHECKS = (check_broker, check_data_dir, check_keyring, check_tls, check_tokens)
