"""How results and errors reach a model: as plain JSON, and in words of our own."""

import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from dreaming.errors import DreamingError
from dreaming.showing.plain import jsonable


@contextmanager
def clear_errors() -> Iterator[None]:
    """Give the client the text of our own errors; of others it learns only that there was one.

    Ours never hold a key or what was said; an exception of a library may hold both.
    """
    try:
        yield
    except DreamingError as error:
        raise ToolError(str(error)) from error


def as_tool(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method as an MCP tool: its errors are clear, and its result is plain JSON.

    The SDK reads name, description and arguments from the method: both wrappers keep them.
    """

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        with clear_errors():
            return plain_json(method(*args, **kwargs))

    @wraps(method)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with clear_errors():
            return plain_json(await method(*args, **kwargs))

    return call_async if inspect.iscoroutinefunction(method) else call


def plain_json(value: object) -> Any:
    """A value of nothing but what JSON has: days and dollars become text."""
    return json.loads(json.dumps(value, default=jsonable))


def as_resource(read: Callable[[], dict[str, Any]]) -> Callable[[], str]:
    """A method as an MCP resource: its result is JSON text."""

    @wraps(read)
    def text() -> str:
        return json.dumps(read(), default=jsonable, ensure_ascii=False)

    # The SDK takes the type of the resource from what the function says that it returns.
    text.__annotations__ = {"return": str}
    return text
