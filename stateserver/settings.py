"""All settings of a process: environment variables named `STATESERVER_...`, and nothing else (page 4).

A name that no setting has, or a value that can't be right, is an error that names the variable: a typing
mistake never silently leaves a default in force. There is no default for anything secret.
"""

import base64
import binascii
import difflib
import ipaddress
import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from stateserver.errors import StateServerError

PREFIX = "STATESERVER_"
HIDDEN = "(hidden)"
SESSION_SECRET_BYTES = 32
VALUE_SHOWN_MAX = 60


class SettingError(StateServerError):
    """A setting is unknown, wrong, or missing beside another; `name` is its environment variable."""

    def __init__(self, name: str, trouble: str, hint: str = "") -> None:
        super().__init__(f"{name}: {trouble}", hint)
        self.name = name


def variable(field: str) -> str:
    """The environment variable of a field of `Settings`."""
    return PREFIX + field.upper()


class PathOrJson(SecretStr):
    """A path, or the JSON that could lie there. The JSON is secret, the path is not."""

    @property
    def is_json(self) -> bool:
        """Whether it is the JSON itself."""
        return self.get_secret_value().lstrip().startswith(("{", "["))


def _comma_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _each(pattern: str, trouble: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not re.fullmatch(pattern, value):
                raise ValueError(f"{value!r} {trouble}")
        if len(set(values)) < len(values):
            raise ValueError("the same one stands there twice")
        return values

    return check


def _broker_ports(brokers: tuple[str, ...]) -> tuple[str, ...]:
    for broker in brokers:
        if not 1 <= int(broker.rpartition(":")[2]) <= 65535:
            raise ValueError(f"{broker!r} has no port between 1 and 65535")
    return brokers


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError:
            raise ValueError(f"{value!r} is no address and no network") from None
    return values


def _json_if_inline(value: PathOrJson) -> PathOrJson:
    if value.is_json:
        try:
            json.loads(value.get_secret_value())
        except ValueError:
            raise ValueError("looks like JSON, but is not") from None
    return value


def _key_of_32_bytes(value: SecretStr) -> SecretStr:
    try:
        key = base64.b64decode(value.get_secret_value(), validate=True)
    except binascii.Error:
        raise ValueError("is not base64") from None
    if len(key) != SESSION_SECRET_BYTES:
        raise ValueError(f"holds {len(key)} bytes, not {SESSION_SECRET_BYTES}")
    return value


def _known_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a directory of zones
        raise ValueError("is no time zone that is known here") from None
    return name


Brokers = Annotated[
    tuple[str, ...],
    BeforeValidator(_comma_list),
    AfterValidator(_each(r"(\[[0-9a-fA-F:.]+\]|[^\s:/,\[\]]+):[0-9]{1,5}", "is not host:port")),
    AfterValidator(_broker_ports),
]
TopicName = r"[A-Za-z0-9._-]{1,249}"
TopicNames = Annotated[
    tuple[str, ...],
    BeforeValidator(_comma_list),
    AfterValidator(_each(TopicName, "can't be the name of a topic")),
]
Networks = Annotated[tuple[str, ...], BeforeValidator(_comma_list), AfterValidator(_networks)]
Upper = BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)
Lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
PathOrInlineJson = Annotated[PathOrJson, AfterValidator(_json_if_inline)]
SessionSecret = Annotated[SecretStr, AfterValidator(_key_of_32_bytes)]


class Settings(BaseModel):
    """What a process is told from outside. A field's description says what its variable takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    brokers: Brokers = Field(("127.0.0.1:9092",), description="Kafka brokers: host:port, comma separated")
    topic_prefix: str = Field(
        "blasting.",
        pattern=r"^[A-Za-z0-9._-]{0,200}$",
        description="what the topics' names begin with: letters, digits, '.', '_' and '-'; may be empty",
    )
    packets_topics: TopicNames = Field(
        ("blasting.packets",),
        description="topics to read, comma separated; default: the prefix and 'packets'",
    )
    data_dir: Path = Field(Path("data"), description="a directory of this process alone, for its tables")
    keyring: PathOrInlineJson | None = Field(None, description="path of the key ring (mode 0600), or its JSON")
    group: str = Field(
        "stateserver",
        pattern=rf"^{TopicName}$",
        description="the workers' Kafka consumer group: letters, digits, '.', '_' and '-'",
    )

    standby_replicas: int = Field(
        0, ge=0, le=3, description="how many other workers keep each partition's tables on their disks too, 0 to 3"
    )
    metrics_port: int | None = Field(
        None, ge=1, le=65535, description="where a worker serves metrics and health, on 127.0.0.1; left out: nowhere"
    )

    security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Upper] = Field(
        "PLAINTEXT", description="how to talk to Kafka: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], Upper] | None = Field(
        None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    sasl_username: str | None = Field(None, description="the user Kafka knows this process as")
    sasl_password: SecretStr | None = Field(None, description="that user's password")
    ssl_cafile: Path | None = Field(None, description="PEM file of who signed the brokers' certificates")
    ssl_certfile: Path | None = Field(None, description="PEM file of this process's certificate for Kafka")
    ssl_keyfile: Path | None = Field(None, description="PEM file of that certificate's key")

    http_host: str = Field("127.0.0.1", pattern=r"^[^\s/]+$", description="address the gateway listens on")
    http_port: int = Field(8080, ge=0, le=65535, description="the gateway's port, 0 to 65535; 0 is any free one")
    http_public_origin: str | None = Field(
        None,
        pattern=r"^https?://[^\s/]+$",
        description="where a proxy in front ends TLS: the address browsers see, such as https://blasts.example",
    )
    tls_cert: Path | None = Field(None, description="PEM file of the gateway's certificate and its chain")
    tls_key: Path | None = Field(None, description="PEM file of that certificate's key")
    tls_client_ca: Path | None = Field(
        None, description="PEM file of who signs machines' certificates: they may prove themselves by one"
    )
    tls_client: Annotated[Literal["optional", "required"], Lower] = Field(
        "optional", description="whether every client needs such a certificate: optional or required"
    )
    http_proxies: Networks = Field(
        (),
        description="addresses or networks of the proxies in front, comma separated, such as 10.0.0.5,10.1.0.0/24: "
        "whom X-Forwarded-For is believed from",
    )
    tokens_file: PathOrInlineJson | None = Field(
        None, description="path of the hashed API keys (mode 0600), or their JSON"
    )
    tokens_session_secret: SessionSecret | None = Field(
        None, description="32 random bytes in base64: signs the browsers' sessions"
    )
    tokens_jwt_keys: PathOrInlineJson | None = Field(
        None, description="path of the keys that check people's signed tokens (mode 0600), or their JSON"
    )
    tokens_issuer: str | None = Field(None, min_length=1, max_length=1_024, description="who signs those: their iss")
    tokens_audience: str = Field(
        "stateserver", min_length=1, max_length=1_024, description="whom those must be meant for: their aud"
    )
    audit_log: str = Field(
        "stderr", description="where each command and refused attempt is written down: a file, stderr or stdout"
    )
    limit_requests_per_second: int = Field(
        1_000, ge=1, le=1_000_000, description="requests and calls a second of each principal, 1 to 1000000"
    )
    limit_failed_logins_per_minute: int = Field(
        300, ge=1, le=1_000_000, description="bad credentials a minute from each address, 1 to 1000000"
    )
    limit_connections: int = Field(4_096, ge=1, le=1_000_000, description="connections in all, 1 to 1000000")
    limit_connections_per_address: int = Field(
        2_048, ge=1, le=1_000_000, description="connections from each address, proxies excepted, 1 to 1000000"
    )
    limit_websockets_per_principal: int = Field(
        2_048, ge=1, le=1_000_000, description="WebSockets of each principal, 1 to 1000000"
    )

    time_zone: Annotated[str, AfterValidator(_known_time_zone)] = Field(
        "UTC", description="the site's time zone, for reports: an IANA name such as America/Santiago"
    )
    lateness_ms: int = Field(
        5000, ge=0, le=600_000, description="how late a silent system's records may come, 0 to 600000 ms"
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Annotated[Literal["text", "json"], Lower] = Field("text", description="text or json")

    @model_validator(mode="before")
    @classmethod
    def _packets_follow_the_prefix(cls, given: Any) -> Any:
        if isinstance(given, dict) and "topic_prefix" in given:
            return {"packets_topics": f"{given['topic_prefix']}packets", **given}
        return given

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        for trouble in _contradictions(self):
            raise trouble
        return self


def _contradictions(settings: Settings) -> Iterator[SettingError]:
    protocol = f"{PREFIX}SECURITY_PROTOCOL"
    for field in ("sasl_mechanism", "sasl_username", "sasl_password"):
        given, wanted = getattr(settings, field) is not None, settings.security_protocol.startswith("SASL_")
        if given and not wanted:
            yield SettingError(variable(field), f"is of no use with {settings.security_protocol}", f"see {protocol}")
        if wanted and not given:
            yield SettingError(variable(field), f"is needed with {settings.security_protocol}", "set it")
    for field in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        if getattr(settings, field) is not None and not settings.security_protocol.endswith("SSL"):
            trouble = f"is of no use with {settings.security_protocol}, which encrypts nothing"
            yield SettingError(variable(field), trouble, f"see {protocol}")
    yield from _contradictions_of_the_gateway(settings)


def _contradictions_of_the_gateway(settings: Settings) -> Iterator[SettingError]:
    for one, other in (("ssl_certfile", "ssl_keyfile"), ("tls_cert", "tls_key")):
        for field, beside in ((one, other), (other, one)):
            if getattr(settings, field) is None and getattr(settings, beside) is not None:
                yield SettingError(variable(field), f"is needed beside {variable(beside)}", "set both or neither")
    for field, needed in (("tls_client_ca", "tls_cert"), ("tokens_jwt_keys", "tokens_issuer")):
        if getattr(settings, field) is not None and getattr(settings, needed) is None:
            yield SettingError(variable(needed), f"is needed with {variable(field)}", "set it")
    if settings.tls_client == "required" and settings.tls_client_ca is None:
        yield SettingError(variable("tls_client_ca"), "is needed to know certificates by", "set it")


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings that `environ` (such as os.environ) gives. Raises SettingError for the first wrong one."""
    given: dict[str, str] = {}
    for name, value in environ.items():
        if not name.upper().startswith(PREFIX):
            continue
        field = name.removeprefix(PREFIX).lower()
        if field not in Settings.model_fields or name != variable(field):
            raise _unknown(name)
        if not value.strip() and field != "topic_prefix":
            raise SettingError(name, "is empty", f"leave it out, or give {Settings.model_fields[field].description}")
        given[field] = value
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise _wrong(error, given) from None  # pydantic's own may show the value, which may be secret


def _unknown(name: str) -> SettingError:
    known = [variable(field) for field in Settings.model_fields]
    close = difflib.get_close_matches(name.upper(), known, n=1)
    return SettingError(
        name,
        "there is no such setting",
        f"did you mean {close[0]}?" if close else "'stateserver check' lists all there are",
    )


def _wrong(error: ValidationError, given: Mapping[str, str]) -> SettingError:
    first = error.errors(include_url=False, include_input=False)[0]
    field = str(first["loc"][0])
    own = first.get("ctx", {}).get("error")
    if own is not None:
        trouble = str(own)
    elif field in SECRETS:
        trouble = "can't be right"
    else:
        trouble = f"can't be {given[field][:VALUE_SHOWN_MAX]!r}"
    return SettingError(variable(field), trouble, f"it takes: {Settings.model_fields[field].description}")


SECRETS = {
    "keyring",
    "sasl_password",
    "tokens_file",
    "tokens_session_secret",
    "tokens_jwt_keys",
}  # a test holds this to the types


class Shown(NamedTuple):
    """One setting as people may see it; `origin` is "default" or "environment"."""

    name: str
    value: str
    origin: str


def describe(settings: Settings, environ: Mapping[str, str]) -> Iterator[Shown]:
    """Every setting, its value and where it came from. Secrets are hidden; what isn't set shows as ""."""
    for field in Settings.model_fields:
        name = variable(field)
        yield Shown(name, _shown(getattr(settings, field)), "environment" if name in environ else "default")


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, PathOrJson) and not value.is_json:
        return value.get_secret_value()
    if isinstance(value, SecretStr):
        return HIDDEN
    return ",".join(value) if isinstance(value, tuple) else str(value)


def kafka_client_options(settings: Settings) -> dict[str, Any]:
    """What every aiokafka client is built with: where the brokers are and how to talk to them.

    Raises SettingError where a file of the SSL settings can't be used.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.brokers),
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    if settings.sasl_password is not None:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return options


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    hint = "it must be a PEM file that this process may read"
    try:
        context = ssl.create_default_context(cafile=settings.ssl_cafile)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(variable("ssl_cafile"), f"can't be used: {error}", hint) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ssl_certfile is not None:
        try:
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile)
        except (OSError, ssl.SSLError) as error:
            raise SettingError(variable("ssl_certfile"), f"can't be used with its key: {error}", hint) from error
    return context
