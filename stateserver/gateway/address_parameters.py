"""The parameters of an operation as an address says them: in its path, and behind it."""

from fastapi import Request

from stateserver.gateway.operation import Operation
from stateserver.gateway.parameters import Parameters, check, from_address, no_such_parameter
from stateserver.gateway.refusals import BadRequest


def parameters_of(request: Request, operation: Operation) -> Parameters:
    """All of an operation's, checked. Raises BadRequest."""
    given = {**request.path_params, **_query_of(request, operation)}
    return check(operation.takes, from_address(operation.takes, given))


def refuse_query(request: Request) -> None:
    """Of an operation whose parameters all come otherwise. Raises BadRequest."""
    for name in request.query_params:
        raise no_such_parameter(name, ())


def _query_of(request: Request, operation: Operation) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in operation.path_parameters:
            raise no_such_parameter(name, operation.query_parameters)
        if name in query:
            raise BadRequest(f"parameter {name!r} is given more than once")
        query[name] = value
    return query
