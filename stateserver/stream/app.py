"""The Faust app: an agent that feeds batches of the journal to a worker, and the worker's tables."""

from collections.abc import Mapping
from typing import Any, cast

import faust
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP, AppT, StreamT
from faust.types.auth import CredentialsT
from yarl import URL

from stateserver.garbage import keep_for_good
from stateserver.settings import Settings, kafka_client_options
from stateserver.stream.layout import STATE_TABLE, UNITS_TABLE, Layout
from stateserver.stream.ports import BATCH_RECORDS_MAX, Batch, PartitionStore, Progress
from stateserver.stream.store import URL_SCHEME, Store
from stateserver.stream.transport import FAUST_LOGGER, Consumer, Transport
from stateserver.stream.worker import Worker

SESSION_TIMEOUT_S = 10.0
HEARTBEAT_S = 3.0
REBALANCE_TIMEOUT_S = 6.0
"""The embedded broker makes everyone wait half of it at each join."""
BATCHES_WAITING_MAX = 16
NEVER_S = 1e6


class TablesRestored(Recovery):
    """Faust's recovery, which has the worker restore its partitions in place of reading changelogs: see `restore`."""

    logger = FAUST_LOGGER

    def need_recovery(self) -> bool:
        """No changelog is read by Faust."""
        return False

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Have Faust read no changelog for standbys either: the worker does."""
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)
        self.standby_tps.clear()

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Called once partitions are assigned, before the journal is read on. Cancelled by the next rebalance."""
        app = cast("App", self.app)
        journals = set(app.layout.journals)
        await app.worker.assign({tp.partition for tp in app.consumer.assignment() if tp.topic in journals})
        keep_for_good()
        if not app.worker.failure.done():
            await super().on_recovery_completed(generation_id)
        await app.worker.stand_by({tp.partition for tp in app.assignor.assigned_standbys()})
        self.tables.on_standbys_ready()


class Tables(TableManager):
    """Faust's tables, restored by the worker."""

    logger = FAUST_LOGGER

    @property
    def recovery(self) -> Recovery:
        """The recovery service."""
        if self._recovery is None:
            self._recovery = TablesRestored(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class App(faust.App):
    """Faust's app with our transport, tables and worker. `worker` is set before it starts."""

    logger = FAUST_LOGGER
    worker: Worker
    layout: Layout

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)


class FaustJournal:
    """`Journal` on the app's consumer."""

    def __init__(self, app: App) -> None:
        self._app = app

    @property
    def _consumer(self) -> Consumer:
        consumer = self._app.consumer
        assert isinstance(consumer, Consumer)
        return consumer

    async def commit(self, positions: Mapping[tuple[str, int], int]) -> None:
        await self._consumer.commit_positions(positions)

    async def progress(self, topic: str, partition: int) -> Progress | None:
        return await self._consumer.progress(topic, partition)


class FaustStores:
    """`Stores` behind the app's tables."""

    def __init__(self, app: App) -> None:
        self._app = app

    def _store(self, table: str) -> Store:
        store = cast("Collection", self._app.tables[table]).data
        assert isinstance(store, Store)
        return store

    def open(self, table: str, partition: int) -> PartitionStore:
        return self._store(table).partition(partition)

    def close(self, table: str, partition: int) -> None:
        self._store(table).close_partition(partition)


def create_app(settings: Settings, layout: Layout, partitions: int) -> App:
    """The app, not started yet; give it its `worker` first. `partitions` is how many each topic has."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    app = App(
        settings.group,
        broker=[URL(f"kafka://{broker}") for broker in settings.brokers],
        broker_credentials=_credentials(settings),
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_rebalance_timeout=REBALANCE_TIMEOUT_S,
        broker_max_poll_records=BATCH_RECORDS_MAX,
        # The worker makes its checkpoints itself; Faust's timer would only wait for them.
        broker_commit_interval=NEVER_S,
        consumer_auto_offset_reset="earliest",
        datadir=str(settings.data_dir),
        store=URL(URL_SCHEME),
        key_serializer="raw",
        value_serializer="raw",
        table_standby_replicas=settings.standby_replicas,
        # The worker's positions say what is done, so there is nothing of Faust's to wait for.
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        TableManager=Tables,
    )
    app.layout = layout
    _add_table(app, STATE_TABLE, layout.state, partitions)
    _add_table(app, UNITS_TABLE, layout.topics.units, partitions)
    journals = app.topic(
        *layout.journals, key_type=bytes, value_type=bytes, allow_empty=True, maxsize=BATCHES_WAITING_MAX
    )

    async def feed(stream: StreamT[Batch]) -> None:
        async for batch in stream:
            await app.worker.take(batch)

    async def hold(*_: object, **__: object) -> None:
        await app.worker.hold()

    app.agent(journals, name="journal")(feed)
    app.on_partitions_revoked.connect(hold)
    app.finalize()
    return app


def _add_table(app: AppT, name: str, changelog: str, partitions: int) -> None:
    topic = app.topic(changelog, key_type=bytes, value_type=bytes, acks=False, allow_empty=True)
    app.Table(name, key_type=bytes, value_type=bytes, partitions=partitions, changelog_topic=topic)


def _credentials(settings: Settings) -> CredentialsT | None:
    options: dict[str, Any] = kafka_client_options(settings)
    context = options.get("ssl_context")
    if settings.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=options["sasl_mechanism"],
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
