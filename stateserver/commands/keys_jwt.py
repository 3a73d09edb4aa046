"""`stateserver keys jwt`: keys that sign people's tokens, and the tokens."""

import json
import time
from pathlib import Path

import click

from stateserver.commands.key_files import load_keys
from stateserver.security.keyring import EVERY_SYSTEM, read_systems
from stateserver.security.secret_document import replace_private_file, write_private_file
from stateserver.security.signed_tokens import LIFETIME_S_MAX, SignedTokens
from stateserver.security.signing_keys import Algorithm, new_signing_key, sign_token
from stateserver.security.tokens import Role

HOUR_S = 3600
File = click.Path(path_type=Path, dir_okay=False)


@click.group("jwt")
def command() -> None:
    """Make keys that sign people's tokens, and sign tokens with them.

    For people whom something else knows already: a gateway needs to know the signer alone, not each of them.
    """


@command.command()
@click.option("--id", "key_id", required=True, help="The key's id: the tokens' kid.")
@click.option(
    "--algorithm",
    type=click.Choice([one.value for one in Algorithm]),
    default=Algorithm.EDDSA.value,
    show_default=True,
    help="EdDSA: the gateways can check, not sign. HS256: one secret on both sides.",
)
@click.option("--signing", required=True, type=File, help="Write the signing key to this new file, mode 0600.")
@click.option("--out", type=File, help="Write what the gateways check with to this new file, mode 0600.")
@click.option("--add", type=File, help="Append that to this file, which is there: so keys are rotated.")
def new(key_id: str, algorithm: str, signing: Path, out: Path | None, add: Path | None) -> None:
    """Make a key: its signing half for who gives tokens out, the other for STATESERVER_TOKENS_JWT_KEYS."""
    if (out is None) == (add is None):
        raise click.UsageError("Either --out or --add: what the gateways check with goes to one file.")
    made = new_signing_key(key_id, Algorithm(algorithm))
    there, keys = load_keys(add, "file of token keys") if add is not None else ({}, [])
    document = _written(there | {"keys": [*keys, made.verifying]})
    SignedTokens.load(document, issuer="-", audience="-")
    write_private_file(signing, _written(made.signing))
    if out is not None:
        write_private_file(out, document)
    elif add is not None:
        replace_private_file(add, document)
    click.echo(f"Made {key_id}: signing key in {signing}, what checks it in {out or add}.")


@command.command()
@click.option("--signing", required=True, type=File, help="The file of the signing key.")
@click.option("--issuer", required=True, help="Who signs: STATESERVER_TOKENS_ISSUER.")
@click.option("--audience", default="stateserver", show_default=True, help="STATESERVER_TOKENS_AUDIENCE.")
@click.option("--subject", required=True, help="Whose it is: what the journal and the audit log call them.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]), help="What they may do.")
@click.option("--systems", multiple=True, default=(EVERY_SYSTEM,), show_default=True, help="A system; may be repeated.")
@click.option(
    "--hours",
    type=click.IntRange(1, LIFETIME_S_MAX // HOUR_S),
    default=12,
    show_default=True,
    help="How long it lasts.",
)
def issue(
    signing: Path, issuer: str, audience: str, subject: str, role: str, systems: tuple[str, ...], hours: int
) -> None:
    """Sign a token. It is shown this once, and kept nowhere."""
    read_systems(list(systems), "--systems")
    now_s = int(time.time())
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "role": role,
        "systems": list(systems),
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + hours * HOUR_S,
    }
    click.echo(f"Token: {sign_token(str(signing), claims)}")


def _written(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
