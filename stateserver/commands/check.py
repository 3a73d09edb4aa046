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
from stateserver.stream.errors import PartitionsChanged
from stateserver.stream.kafka_log import KafkaLog
from stateserver.stream.layout import Layout
from stateserver.stream.partitions_held import check_partitions
from stateserver.stream.topic_needs import Finding, topics_of
from stateserver.stream.topics import Survey, mismatch, survey_topics

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


def _report(check: Callable[[Settings], Iterator[str | Finding]], settings: Settings) -> bool:
    good = True
    try:
        for told in check(settings):
            if isinstance(told, str):
                click.echo(f"ok    {told}")
                continue
            good = good and not told.fatal
            _tell("FAIL" if told.fatal else "warn", f"topic {told.topic}: {told.what}: {told.why}", told.remedy)
    except StateServerError as trouble:
        _tell("FAIL", trouble.message, trouble.hint)
        return False
    return good


def _tell(judgement: str, what: str, hint: str) -> None:
    click.echo(f"{judgement}  {what}")
    for line in hint.splitlines():
        click.echo(f"      {line}")


def check_broker(settings: Settings) -> Iterator[str | Finding]:
    """That a broker answers as a Kafka client would have it, and whether the topics that are there are fit for use."""
    brokers = asyncio.run(_ask_broker(settings))
    yield f"Kafka answers: {brokers} broker{'s' * (brokers != 1)}"
    layout = Layout.with_prefix(settings.topic_prefix, settings.packets_topics)
    survey, for_good, changed = asyncio.run(_ask_topics(settings, layout))
    wrong = {one.topic for one in survey.findings} | set(survey.untold)
    for topic in topics_of(layout):
        count = survey.partitions.get(topic)
        if count is None:
            yield f"topic {topic}: not there yet, the worker creates it"
        elif topic not in wrong:
            yield f"topic {topic}: {count} partitions"
    yield from (one for one in survey.findings if for_good or one.fatal)
    if for_good:
        for topic in survey.untold:
            what = "its settings aren't told to this user"
            yield Finding(topic, what, "nobody can say whether they are right", "See docs/topics.md", fatal=False)
    if changed is not None:
        raise changed


async def _ask_topics(settings: Settings, layout: Layout) -> tuple[Survey, bool, StateServerError | None]:
    """What there is of the topics, whether it is there for good, and whether they have the partitions they had."""
    options = kafka_client_options(settings)
    survey = await survey_topics(options, layout)
    changed: StateServerError | None = mismatch(layout, survey.partitions)
    log = KafkaLog(options, settings.group, layout.state)
    await log.start()
    try:
        if changed is None and layout.state in survey.partitions:
            await check_partitions(log, layout._replace(partitions=survey.partitions[layout.state]))
    except PartitionsChanged as trouble:
        changed = trouble
    finally:
        await log.stop()
    return survey, log.idempotent, changed


async def _ask_broker(settings: Settings) -> int:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # we say it ourselves, once
    client = AIOKafkaClient(client_id="stateserver-check", **kafka_client_options(settings))
    try:
        async with asyncio.timeout(BROKER_LIMIT_S):
            await client.bootstrap()
            return len((await client.fetch_all_metadata()).brokers())
    except (KafkaError, OSError, TimeoutError) as error:
        what = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
        hint = f"start the broker, or mend {variable('brokers')}, {variable('security_protocol')} and what it needs"
        raise CheckFailed(f"no Kafka at {', '.join(settings.brokers)} ({what})", hint) from error
    finally:
        await client.close()


def check_data_dir(settings: Settings) -> Iterator[str | Finding]:
    """That tables can be written, or their directory be made."""
    place = settings.data_dir.absolute()
    there = next(one for one in (place, *place.parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise unusable(there, error) from error
    yield f"data directory {place}{'' if there == place else ' can be made'}"


def check_keyring(settings: Settings) -> Iterator[str | Finding]:
    """That the key ring can be read."""
    if settings.keyring is None:
        raise CheckFailed(
            f"{variable('keyring')} is not set: no packet could be opened", "make one with: stateserver keys new"
        )
    KeyRing.load(settings.keyring.get_secret_value())
    yield "key ring"


def check_tls(settings: Settings) -> Iterator[str | Finding]:
    """That the gateway's certificate and key can be used, and its clients' authority, where there are any."""
    if settings.tls_cert is not None:
        Certificates(settings)
        yield "the gateway's certificate and its key"
        if settings.tls_client_ca is not None:
            yield f"who signs clients' certificates, which are {settings.tls_client}"


def check_tokens(settings: Settings) -> Iterator[str | Finding]:
    """That the hashed API keys and the keys of signed tokens can be read, where there are any."""
    if settings.tokens_file is not None or settings.tokens_jwt_keys is not None:
        load_tokens(settings)
        if settings.tokens_file is not None:
            yield "hashed API keys"
        if settings.tokens_jwt_keys is not None:
            yield "keys of signed tokens"


CHECKS = (check_broker, check_data_dir, check_keyring, check_tls, check_tokens)
