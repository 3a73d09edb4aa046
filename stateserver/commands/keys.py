"""`stateserver keys`: make and list keys of the key ring, and tokens for the API."""

import json
import os
import time
from pathlib import Path
from typing import Any

import click

from stateserver.codec.packet import Kind
from stateserver.commands import keys_jwt
from stateserver.commands.key_files import load_keys
from stateserver.security.keyring import EVERY_SYSTEM, KeyRing, new_key_document
from stateserver.security.secret_document import load_secret_document, replace_private_file, write_private_file
from stateserver.security.tokens import Role, TokenBook, entry_document, new_token
from stateserver.settings import SettingError, load_settings, variable

A_DAY_MS = 86_400_000
# What a ring holds that is asked for without further words: a key for each process that seals.
WHOLE_RING = {"packet-server-1": Kind.FRAME, "worker-1": Kind.TICK, "gateway-1": Kind.COMMAND}

out_option = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this new file, mode 0600."
)
add_option = click.option(
    "--add", type=click.Path(path_type=Path, dir_okay=False), help="Append it to this file, which is there."
)
systems_option = click.option(
    "--systems", multiple=True, default=(EVERY_SYSTEM,), show_default=True, help="A system; may be repeated."
)


@click.group()
def command() -> None:
    """Make and list the keys that seal records, and the tokens that let clients in."""


command.add_command(keys_jwt.command)


@command.command()
@click.option("--id", "key_id", help="The key's id. Without it: a whole ring, a key for each kind.")
@click.option(
    "--uses",
    multiple=True,
    type=click.Choice([kind.value for kind in Kind]),
    help="A kind it may seal; may be repeated. With --id.",
)
@systems_option
@click.option(
    "--current/--not-current",
    default=None,
    help="Seal the kinds of --uses with it from now on. Without a word: a new ring does, one that is added to doesn't.",
)
@out_option
@add_option
def new(
    key_id: str | None,
    uses: tuple[str, ...],
    systems: tuple[str, ...],
    current: bool | None,
    out: Path | None,
    add: Path | None,
) -> None:
    """Make a key ring, or one key.

    Without --out and --add the ring is printed: take care who sees it. With both, the key is appended to the ring
    of --add, and lies alone in --out, for the Packet Server that is to seal with it.

    Workers and gateways take up what is added while they run. They must all be able to read what a key seals before
    one seals with it: so add it, then make it current (stateserver keys current).
    """
    if (key_id is None) != (not uses):
        raise click.UsageError("--id and --uses go together: which key, and what it may seal.")
    made = (
        {key_id: [Kind(use) for use in uses]}
        if key_id is not None
        else {name: [kind] for name, kind in WHOLE_RING.items()}
    )
    keys = [new_key_document(name, kinds, list(systems)) for name, kinds in made.items()]
    chosen = {str(kind): name for name, kinds in made.items() for kind in kinds}
    fresh: dict[str, Any] = {"keys": keys, "current": {} if current is False else chosen}
    grown = fresh if add is None else _grown(add, fresh["keys"], chosen if current else {})
    KeyRing.from_document(grown)
    if out is not None:
        write_private_file(out, _written(fresh))
    if add is not None:
        replace_private_file(add, _written(grown))
    if out is None and add is None:
        click.echo(_written(fresh), nl=False)
        return
    for name in made:
        click.echo(f"Made {name}: in {' and '.join(str(path) for path in (add, out) if path)}.")


def _grown(path: Path, keys: list[dict[str, Any]], current: dict[str, str]) -> dict[str, Any]:
    """The ring of that file with more keys, and these current ones. Raises SecretTrouble."""
    ring = load_secret_document(str(path), "key ring")
    KeyRing.from_document(ring)
    return {"keys": [*ring["keys"], *keys], "current": {**ring.get("current", {}), **current}}


@command.command("current")
@click.option("--id", "key_id", required=True, help="A key of the ring.")
@click.option(
    "--uses",
    multiple=True,
    required=True,
    type=click.Choice([kind.value for kind in Kind]),
    help="A kind to seal with it from now on; may be repeated.",
)
@click.argument("ring", type=click.Path(path_type=Path, dir_okay=False))
def make_current(key_id: str, uses: tuple[str, ...], ring: Path) -> None:
    """Seal with that key of the file RING from now on.

    Every worker and gateway must have taken it up before: their logs say so.
    """
    document = _grown(ring, [], dict.fromkeys(uses, key_id))
    KeyRing.from_document(document)
    replace_private_file(ring, _written(document))
    click.echo(f"{', '.join(uses)}: sealed with {key_id} from now on.")


@command.command("list")
@click.argument("ring", required=False)
def list_keys(ring: str | None) -> None:
    """List the keys of a ring: what each may seal and where, never the key itself.

    RING is the path of a key ring; without it, the one of STATESERVER_KEYRING.
    """
    keys = KeyRing.load(ring if ring is not None else _ring_of_settings())
    for key in keys.all_keys():
        shown: dict[str, Any] = {
            "id": key.id,
            "uses": sorted(key.uses),
            "systems": [EVERY_SYSTEM] if key.systems is None else sorted(key.systems),
            "current": [kind for kind in Kind if keys.has_current(kind) and keys.current(kind) is key],
        }
        click.echo(json.dumps(shown, ensure_ascii=False))


@command.command()
@click.option("--id", "token_id", required=True, help="Who will bear it: what logs call it.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="What its bearer may do.")
@systems_option
@click.option("--days", type=click.IntRange(1, 36500), help="For how many days. Without it, until withdrawn.")
@click.option("--certificate", help="A client certificate instead: sha256:HEX, dns:NAME or uri:NAME.")
@out_option
@add_option
def token(
    token_id: str,
    role: str,
    systems: tuple[str, ...],
    days: int | None,
    certificate: str | None,
    out: Path | None,
    add: Path | None,
) -> None:
    """Make a token for the API, and the entry that lets it in.

    The token is shown this once. What is kept, in the file of STATESERVER_TOKENS_FILE, is its hash alone. With
    --certificate there is no token: the entry lets in who has that certificate.
    """
    if out is not None and add is not None:
        raise click.UsageError("Either --out or --add: the entry goes to one file.")
    expires_ms = None if days is None else time.time_ns() // 1_000_000 + days * A_DAY_MS
    made = new_token()
    entry = entry_document(made, token_id, Role(role), list(systems), expires_ms)
    if certificate is not None:
        entry = {**entry, "certificate": certificate}
        del entry["sha256"]
    entries = load_keys(add, "token file")[1] if add is not None else []
    document = _written({"keys": [*entries, entry]})
    TokenBook.load(document)
    if out is not None:
        write_private_file(out, document)
    elif add is not None:
        replace_private_file(add, document)
    click.echo(f"Token: {made}" if certificate is None else f"{token_id} comes by the certificate {certificate}.")
    if out is None and add is None:
        click.echo(document, nl=False)


def _ring_of_settings() -> str:
    keyring = load_settings(os.environ).keyring
    if keyring is None:
        raise SettingError(variable("keyring"), "is needed", "set it, or name a ring: stateserver keys list RING")
    return keyring.get_secret_value()


def _written(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
