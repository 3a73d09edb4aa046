"""`python -m benchmarks [NAME ...]`: run the benchmarks, all or those named."""

import argparse
import importlib

BENCHMARKS = {
    "core": "the core on the standard load, beside a floor that only opens and checks the same records",
    "gateway_read": "a gateway's read model of a million units: time and memory",
    "gateway_ready": "a gateway from its start to where it is ready, a million units on a broker",
    "replay": "a journal file, from its lines to what becomes of it",
    "worker": "a worker on the standard load and Apache Kafka, beside a floor that only reads the same records",
    "event_headers": "what CloudEvents headers add to the worker's cost of an event",
    "latency": "from a packet appended to its change readable, beside the same packets read from the journal",
    "memory": "what a worker holds with a million detonators, beside one that holds none",
    "restore": "a million detonators restored from the changelog and from disk, beside reading that changelog",
    "two_workers": "two workers on two partitions, beside one on both",
    "websocket_fanout": "a thousand WebSocket clients of one gateway, and a floor of bare writes",
    "past": "how a system stood once, after a day of 1,000,000 events, beside a floor that only reads them",
    "report_pdf": "the report of a huge blast, each view of it",
}


def main() -> None:
    """Run them one after the other; each prints its own table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = "; ".join(f"{name}: {what}" for name, what in BENCHMARKS.items())
    parser.add_argument("name", nargs="*", choices=[[], *BENCHMARKS], help=names)
    for name in parser.parse_args().name or BENCHMARKS:
        print(f"{name}: {BENCHMARKS[name]}")
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
