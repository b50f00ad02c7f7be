"""The page as an ASGI application: addresses -> answers, and what an error looks like."""

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
from dreaming.page.day import MOST, read_day
from dreaming.page.finding import find
from dreaming.page.guarding import guarded
from dreaming.page.overview import read_overview, recent_searches
from dreaming.page.rendering import render
from dreaming.page.talks import neighbours, read_talk
from dreaming.remembering.words import query_terms
from dreaming.settings import parse_day

OpenHome = Callable[[], AbstractContextManager[Home]]
"""Opens the home. Each request does it for itself: other processes write it too."""


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
    """The search form, and what it found; what cannot be searched is said above it."""
    form, found, wrong = read_form(request.query_params), None, ""
    with _home(request) as home:
        if form.is_sent:
            try:
                found = find(home, form)
            except UsageError as error:
                wrong = str(error)
        searches = [] if form.is_sent else recent_searches(home)
        waiting = len(home.pipeline.waiting_days())
    values = {
        "form": form,
        "found": found,
        "wrong": wrong,
        "searches": searches,
        "waiting": waiting,
    }
    return render("search.html", status=400 if wrong else 200, **values)


def show_conversation(request: Request) -> Response:
    """A conversation beside its chunks."""
    params = request.query_params
    own_id, query, chunk_id = (read_text(params, name) for name in ("id", "q", "chunk"))
    with _home(request) as home:
        talk = read_talk(home, ConversationId(own_id), day=_day(read_text(params, "day")))
        zone = home.archive.calendar.zone
    if talk is None:
        raise HTTPException(
            404,
            f"No conversation {own_id!r} is held. It may have been forgotten, or never imported.",
        )
    before, after = neighbours(talk.days, [each.day for each in talk.shown])
    return render(
        "conversation.html",
        talk=talk,
        zone=zone,
        query=query,
        terms=frozenset(query_terms(query)),
        wanted=chunk_id,
        is_lost=bool(chunk_id) and chunk_id not in talk.chunk_ids,
        before=before and conversation_address(own_id, day=before),
        after=after and conversation_address(own_id, day=after),
        addresses={day: conversation_address(own_id, day=day) for day in talk.days},
    )


def show_overview(request: Request) -> Response:
    """What all days hold and cost, and what waits."""
    before = _day(read_text(request.query_params, "before"))
    with _home(request) as home:
        overview = read_overview(home, before=before)
    return render("overview.html", overview=overview)


def show_day(request: Request) -> Response:
    """The conversations of a day."""
    day = parse_day(request.path_params["day"])
    most = read_number(request.query_params, "most") or MOST
    with _home(request) as home:
        held = read_day(home, day, most=most)
        zone = home.archive.calendar.zone
    before, after = (each and day_address(each) for each in (held.before, held.after))
    return render("day.html", held=held, zone=zone, before=before, after=after)


def _day(text: str) -> date | None:
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
    return _error(500, "Something went wrong", "The terminal that serves this page says what.")


def _error(status: int, title: str, message: str) -> Response:
    return render("error.html", status=status, title=title, message=message)
