"""The page as an ASGI application: addresses -> replies, and error pages."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from dreaming.conversation import ConversationId
from dreaming.errors import DreamingError, UsageError
from dreaming.home import Home
from dreaming.page.addresses import conversation_address, day_address
from dreaming.page.asking import read_form, read_number, read_text
from dreaming.page.conversation import neighbours, read_conversation
from dreaming.page.day import PAGE_SIZE, read_day
from dreaming.page.finding import find
from dreaming.page.guarding import guarded
from dreaming.page.overview import read_overview, recent_searches
from dreaming.page.rendering import render
from dreaming.remembering.words import query_terms
from dreaming.settings import parse_day

OpenHome = Callable[[], AbstractContextManager[Home]]
"""Opens the home. Each request opens it anew: other processes change it while the page runs."""


def make_application(open_home: OpenHome) -> ASGIApp:
    """The page over a home."""
    application = Starlette(
        routes=[
            Route("/", show_search),
            Route("/conversation", show_conversation),
            Route("/overview", show_overview),
            Route("/day/{day}", show_day),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        ],
        exception_handlers={
            UsageError: _show_wrong_use,
            DreamingError: _show_failure,
            HTTPException: _show_http_error,
            Exception: _show_defect,
        },
    )
    application.state.open_home = open_home
    return guarded(application)


def _home(request: Request) -> AbstractContextManager[Home]:
    opened: AbstractContextManager[Home] = request.app.state.open_home()
    return opened


def show_search(request: Request) -> Response:
    """The search form with its results, or with the reason why it cannot be searched."""
    form = read_form(request.query_params)
    results = None
    error_message = ""
    with _home(request) as home:
        if form.is_sent:
            try:
                results = find(home, form)
            except UsageError as error:
                # Not the error page: the form stays, so that the field can be corrected.
                error_message = str(error)
        searches = [] if form.is_sent else recent_searches(home)
        waiting = len(home.pipeline.waiting_days())
    return render(
        "search.html",
        status=400 if error_message else 200,
        form=form,
        results=results,
        wrong=error_message,
        searches=searches,
        waiting=waiting,
    )


def show_conversation(request: Request) -> Response:
    """A conversation beside its chunks."""
    params = request.query_params
    conversation_id = ConversationId(read_text(params, "id"))
    query = read_text(params, "q")
    chunk_id = read_text(params, "chunk")
    day = _parse_optional_day(read_text(params, "day"))
    with _home(request) as home:
        conversation = read_conversation(home, conversation_id, day=day)
        zone = home.archive.calendar.zone
    if conversation is None:
        raise HTTPException(
            404,
            f"No conversation {conversation_id!r} is held. It may have been forgotten, or never "
            "imported.",
        )
    addresses = {day: conversation_address(conversation_id, day=day) for day in conversation.days}
    shown_days = [shown.day for shown in conversation.shown]
    before, after = neighbours(conversation.days, shown_days)
    return render(
        "conversation.html",
        conversation=conversation,
        zone=zone,
        query=query,
        terms=frozenset(query_terms(query)),
        wanted=chunk_id,
        # An upgrade replaces chunks: a link from before may name one that is gone.
        is_lost=bool(chunk_id) and chunk_id not in conversation.chunk_ids,
        before=before and addresses[before],
        after=after and addresses[after],
        addresses=addresses,
    )


def show_overview(request: Request) -> Response:
    """All days: their chunks, their cost, and those that wait for a run."""
    before = _parse_optional_day(read_text(request.query_params, "before"))
    with _home(request) as home:
        overview = read_overview(home, before=before)
    return render("overview.html", overview=overview)


def show_day(request: Request) -> Response:
    """The conversations of a day."""
    day = parse_day(request.path_params["day"])
    most = read_number(request.query_params, "most") or PAGE_SIZE
    with _home(request) as home:
        listing = read_day(home, day, most=most)
        zone = home.archive.calendar.zone
    return render(
        "day.html",
        listing=listing,
        zone=zone,
        before=listing.before and day_address(listing.before),
        after=listing.after and day_address(listing.after),
    )


def _parse_optional_day(text: str) -> date | None:
    return parse_day(text) if text else None


def _show_wrong_use(_request: Request, error: Exception) -> Response:
    return _error(400, "That cannot be shown", str(error))


def _show_failure(_request: Request, error: Exception) -> Response:
    return _error(500, "The memory cannot be read", str(error))


def _show_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = "There is no such page" if error.status_code == 404 else error.detail
    message = error.detail if error.detail != "Not Found" else "The address leads nowhere."
    return _error(error.status_code, title, message)


def _show_defect(_request: Request, _defect: Exception) -> Response:
    # The defect itself is not shown: its message may quote a conversation.
    return _error(500, "Something went wrong", "The terminal that serves this page says what.")


def _error(status: int, title: str, message: str) -> Response:
    return render("error.html", status=status, title=title, message=message)
