import base64
import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from stateserver.errors import StateServerError
from stateserver.settings import (
    HIDDEN,
    PREFIX,
    SECRETS,
    SettingError,
    Settings,
    describe,
    kafka_client_options,
    load_settings,
    variable,
)

SESSION_SECRET = base64.b64encode(bytes(range(32))).decode()
SASL = {
    "STATESERVER_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "STATESERVER_SASL_MECHANISM": "SCRAM-SHA-512",
    "STATESERVER_SASL_USERNAME": "stateserver",
    "STATESERVER_SASL_PASSWORD": "a password of a test",
}


def wrong(environ: dict[str, str]) -> SettingError:
    with pytest.raises(SettingError) as caught:
        load_settings(environ)
    return caught.value


def test_nothing_set_gives_the_defaults_of_page_4() -> None:
    settings = load_settings({"PATH": "/usr/bin"})
    assert settings.brokers == ("127.0.0.1:9092",)
    assert settings.packets_topics == ("blasting.packets",)
    assert settings.lateness_ms == 5000
    assert settings.http_host == "127.0.0.1"


def test_nothing_secret_has_a_default() -> None:
    settings = load_settings({})
    assert {getattr(settings, field) for field in SECRETS} == {None}


def test_packets_follow_the_prefix() -> None:
    assert load_settings({"STATESERVER_TOPIC_PREFIX": "mine."}).packets_topics == ("mine.packets",)
    assert load_settings({"STATESERVER_TOPIC_PREFIX": ""}).packets_topics == ("packets",)


def test_packets_topics_and_brokers_are_lists() -> None:
    settings = load_settings({"STATESERVER_PACKETS_TOPICS": "a, b", "STATESERVER_BROKERS": "x:1,[::1]:9092"})
    assert settings.packets_topics == ("a", "b")
    assert settings.brokers == ("x:1", "[::1]:9092")


def test_settings_do_not_change() -> None:
    settings = load_settings({})
    with pytest.raises(ValidationError):
        settings.http_port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"HTTP_PORT": "http"}, "HTTP_PORT"),
        ({"HTTP_PORT": "65536"}, "HTTP_PORT"),
        ({"HTTP_PORT": ""}, "HTTP_PORT"),
        ({"HTTP_HOST": "a b"}, "HTTP_HOST"),
        ({"BROKERS": "nowhere"}, "BROKERS"),
        ({"BROKERS": "a:1,"}, "BROKERS"),
        ({"BROKERS": "a:1,a:1"}, "BROKERS"),
        ({"BROKERS": "a:0"}, "BROKERS"),
        ({"TOPIC_PREFIX": "a/b"}, "TOPIC_PREFIX"),
        ({"PACKETS_TOPICS": "packets,,more"}, "PACKETS_TOPICS"),
        ({"GROUP": "two words"}, "GROUP"),
        ({"LATENESS_MS": "-1"}, "LATENESS_MS"),
        ({"LATENESS_MS": "1.5"}, "LATENESS_MS"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT"),
        ({"KEYRING": '{"keys": '}, "KEYRING"),
        ({"TOKENS_FILE": "[1"}, "TOKENS_FILE"),
        ({"TOKENS_SESSION_SECRET": "not base64!"}, "TOKENS_SESSION_SECRET"),
        ({"TOKENS_SESSION_SECRET": "c2hvcnQ="}, "TOKENS_SESSION_SECRET"),
        ({"TLS_CERT": "cert.pem"}, "TLS_KEY"),
        ({"TLS_KEY": "key.pem"}, "TLS_CERT"),
        ({"SECURITY_PROTOCOL": "TLS"}, "SECURITY_PROTOCOL"),
        ({"SECURITY_PROTOCOL": "SASL_SSL"}, "SASL_MECHANISM"),
        ({"SASL_PASSWORD": "unused"}, "SASL_PASSWORD"),
        ({"SSL_CAFILE": "ca.pem"}, "SSL_CAFILE"),
        ({"SECURITY_PROTOCOL": "SSL", "SSL_CERTFILE": "cert.pem"}, "SSL_KEYFILE"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_its_variable(environ: dict[str, str], name: str) -> None:
    error = wrong({PREFIX + field: value for field, value in environ.items()})
    assert error.name == PREFIX + name
    assert error.name in error.message
    assert error.hint


def test_an_unknown_name_is_an_error_with_the_nearest_known_one() -> None:
    assert "STATESERVER_HTTP_PORT" in wrong({"STATESERVER_HTP_PORT": "1"}).hint
    assert wrong({"stateserver_group": "x"}).hint == "did you mean STATESERVER_GROUP?"
    assert wrong({"STATESERVER_": "x"}).name == "STATESERVER_"


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", max_size=30))
def test_no_unknown_name_passes_in_silence(rest: str) -> None:
    if rest.lower() in Settings.model_fields:
        return
    with pytest.raises(SettingError):
        load_settings({PREFIX + rest: "1"})


def refusal(environ: dict[str, str]) -> SettingError | None:
    """The error these settings cause, if any; any other exception is a failure of the test."""
    try:
        load_settings(environ)
    except SettingError as error:
        return error
    return None


@given(st.sampled_from(sorted(Settings.model_fields)), st.text(max_size=100))
def test_any_value_is_taken_or_refused_by_name(field: str, value: str) -> None:
    error = refusal({variable(field): value})
    assert error is None or error.name.startswith(PREFIX)


@given(st.sampled_from(sorted(SECRETS)), st.text(alphabet="0123456789abcdefghij", min_size=12, max_size=60))
def test_no_error_shows_what_a_secret_variable_held(field: str, secret: str) -> None:
    value = f'{{"key": {secret}' if field in ("keyring", "tokens_file") else secret
    error = refusal({variable(field): value})
    assert error is not None
    assert secret not in "".join(traceback.format_exception(error))


def test_the_secrets_are_those_that_the_types_say() -> None:
    secret_types = {
        field
        for field, info in Settings.model_fields.items()
        if any(issubclass(one, SecretStr) for one in _plain_types(info.annotation))
    }
    assert secret_types == SECRETS


def _plain_types(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for inner in get_args(annotation):
        yield from _plain_types(inner)


def test_each_setting_shows_its_value_and_where_it_came_from() -> None:
    environ = {"STATESERVER_TOPIC_PREFIX": "mine.", "STATESERVER_BROKERS": "a:1,b:2"}
    shown = {one.name: (one.value, one.origin) for one in describe(load_settings(environ), environ)}
    assert shown["STATESERVER_TOPIC_PREFIX"] == ("mine.", "environment")
    assert shown["STATESERVER_BROKERS"] == ("a:1,b:2", "environment")
    assert shown["STATESERVER_PACKETS_TOPICS"] == ("mine.packets", "default")
    assert shown["STATESERVER_KEYRING"] == ("", "default")
    assert set(shown) == {variable(field) for field in Settings.model_fields}


def test_secrets_are_hidden_and_paths_are_not() -> None:
    environ = {
        **SASL,
        "STATESERVER_TOKENS_SESSION_SECRET": SESSION_SECRET,
        "STATESERVER_KEYRING": '{"keys": []}',
        "STATESERVER_TOKENS_FILE": "keys/tokens.json",
    }
    settings = load_settings(environ)
    shown = {one.name: one.value for one in describe(settings, environ)}
    assert shown["STATESERVER_SASL_PASSWORD"] == HIDDEN
    assert shown["STATESERVER_TOKENS_SESSION_SECRET"] == HIDDEN
    assert shown["STATESERVER_KEYRING"] == HIDDEN
    assert shown["STATESERVER_TOKENS_FILE"] == "keys/tokens.json"
    assert SESSION_SECRET not in repr(settings) + str(settings)
    assert "a password of a test" not in repr(settings) + str(settings)


def test_kafka_clients_are_told_where_and_how() -> None:
    options = kafka_client_options(load_settings({**SASL, "STATESERVER_BROKERS": "a:1,b:2"}))
    assert options == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "stateserver",
        "sasl_plain_password": "a password of a test",
    }


def test_kafka_over_tls_takes_no_old_tls_and_checks_the_broker() -> None:
    context = kafka_client_options(load_settings({"STATESERVER_SECURITY_PROTOCOL": "ssl"}))["ssl_context"]
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("field", ["SSL_CAFILE", "SSL_CERTFILE"])
def test_a_file_for_kafka_tls_that_cannot_be_used_is_named(field: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    environ = {"STATESERVER_SECURITY_PROTOCOL": "SSL", f"{PREFIX}{field}": str(broken)}
    if field == "SSL_CERTFILE":
        environ["STATESERVER_SSL_KEYFILE"] = str(broken)
    with pytest.raises(SettingError, match=field):
        kafka_client_options(load_settings(environ))


def test_a_setting_error_is_one_of_ours() -> None:
    assert issubclass(SettingError, StateServerError)
