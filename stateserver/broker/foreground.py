"""What `make kafka` runs: a real Apache Kafka in the foreground."""

import signal
import sys
from pathlib import Path

import click

from stateserver.broker.java import cache_dir
from stateserver.broker.kafka import Kafka
from stateserver.errors import StateServerError


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=19092, show_default=True, help="Port for clients.")
@click.option("--data", type=click.Path(path_type=Path), help="Where it keeps its data (default: .cache/).")
def main(port: int, data: Path | None) -> None:
    """A real Apache Kafka on 127.0.0.1, until Ctrl-C. Its data stay for the next time."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: sys.exit(0))
    data_dir = data or cache_dir() / f"kafka-data-{port}"
    click.echo("Starting Apache Kafka (its first start ever fetches it from Maven Central) ...")
    try:
        with Kafka(data_dir, port) as kafka:
            click.echo(f"Apache Kafka on {kafka.bootstrap}, data in {data_dir}; Ctrl-C stops it.")
            status = kafka.wait()
    except StateServerError as trouble:
        click.echo(f"Error: {trouble.message}\n{trouble.hint}".rstrip(), err=True)
        sys.exit(2)
    click.echo(f"Apache Kafka ended by itself with status {status}; see {kafka.output}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
