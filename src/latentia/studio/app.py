"""The studio as an application: which address asks for what; every refusal is a sentence, shown on the page."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentia.errors import BadField, BadRun, Latentia
from latentia.studio import explorer, forms, trying
from latentia.studio.answers import Bytes, File, said, whole
from latentia.studio.errands import Errands
from latentia.studio.feed import Feed
from latentia.studio.jobs import Jobs
from latentia.studio.live import Live
from latentia.studio.runs import Shelf
from latentia.studio.safety import inside, plain_name
from latentia.studio.trays import LIMITS, MANY, Trays, kind_of, limit_of, too_large
from latentia.tasks import page

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Studio", "application"]

Given = Mapping[str, Any]
STATIC = Path(__file__).resolve().parent / "static"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".zip": "application/zip",
    ".csv": "text/csv; charset=utf-8",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
}
SPOKEN = 1 << 20  # bytes of a request in JSON, at most


class Studio:
    """Everything that answers need."""

    def __init__(self, runs: Path, data: Sequence[Path] = (), device: str = "auto") -> None:
        self.shelf = Shelf(runs)
        self.folders = list(data)
        self.live = Live(self.shelf, device)
        self.jobs = Jobs(self.shelf)
        self.feed = Feed(self.shelf, self.jobs.look)
        self.trays, self.errands = Trays(), Errands()

    def close(self) -> None:
        """Forget what was handed in; trainings go on."""
        self.errands.close()
        self.trays.close()

    # --- runs ------------------------------------------------------------------------------------------------------

    def runs(self, _: Given) -> dict[str, Any]:
        tracks = self.shelf.look().values()
        return {"folder": str(self.shelf.root), "runs": [track.summary() for track in tracks]}

    def run(self, given: Given) -> dict[str, Any]:
        track = self.shelf.track(said(given, "run"))
        facts = {name: track.facts.get(name) or {} for name in ("recipe", "training", "splits")}
        return {
            **track.summary(),
            "facts": facts,
            "log": track.told(),
            "figures": track.figures(),
        }

    def picture(self, given: Given) -> File:
        path = self.shelf.track(said(given, "run")).path / "pictures" / f"{whole(given, 'seen', 0):010d}.png"
        if not path.is_file():
            raise BadRun("that picture is no longer there")
        return File(path, KINDS[".png"])

    def report(self, given: Given) -> File:
        path = self.shelf.track(said(given, "run")).path / "report.html"
        if not path.is_file():
            raise BadRun("this run has no report yet; it is written when the training ends")
        return File(path, KINDS[".html"], policy=f"{page.POLICY}; sandbox")

    def write_report(self, given: Given) -> dict[str, Any]:
        run = said(given, "run")
        self.shelf.track(run)
        return {"errand": self.errands.begin(lambda _: str(self.live.model(run).model.report())).number}

    # --- files -----------------------------------------------------------------------------------------------------

    def new_tray(self, given: Given) -> dict[str, Any]:
        verbs = trying.verbs_of(self.live.model(said(given, "run")))
        return {"tray": self.trays.new().name, "verbs": verbs, "limits": LIMITS, "many": MANY}

    def attempt(self, given: Given) -> dict[str, Any]:
        return {"errand": trying.begin(self.live, self.trays, self.errands, given).number}

    def errand(self, given: Given) -> dict[str, Any]:
        return self.errands.find(whole(given, "errand", 0)).told()

    def file(self, given: Given) -> File:
        name = said(given, "name")
        path = self.trays.file(said(given, "tray"), name)
        kind = KINDS.get(path.suffix.lower(), "application/octet-stream")
        return File(path, kind, keep="" if kind.startswith("video/") and not given.get("keep") else name)

    # --- trainings -------------------------------------------------------------------------------------------------

    def start(self, given: Given) -> dict[str, Any]:
        asked = forms.wanted(given, self.folders)
        stems = [Path(each).stem for each in asked.places]
        name = plain_name(str(given.get("run") or "-".join([asked.model, *stems])))
        return {"run": self.jobs.start(asked.words, name)}

    def stop(self, given: Given) -> dict[str, Any]:
        self.jobs.stop(said(given, "run"))
        return {}

    def resume(self, given: Given) -> dict[str, Any]:
        images = given.get("images")
        self.jobs.resume(said(given, "run"), [f"--images={whole(given, 'images', 0, 1)}"] if images else [])
        return {}


def _gets(studio: Studio) -> dict[str, Callable[[Given], Any]]:
    live = studio.live
    return {
        "runs": studio.runs,
        "run": studio.run,
        "picture": studio.picture,
        "report": studio.report,
        "about": lambda given: explorer.about(live, given),
        "item": lambda given: explorer.item(live, given),
        "walk": lambda given: explorer.walk(live, given),
        "map": lambda given: explorer.map_of(live, given),
        "directions": lambda given: explorer.directions(live, given),
        "errand": studio.errand,
        "file": studio.file,
        "offered": lambda _: forms.offered(studio.folders),
        "form": lambda given: forms.form(said(given, "model")),
        "jobs": lambda _: {"jobs": studio.jobs.told()},
    }


def _posts(studio: Studio) -> dict[str, Callable[[Given], Any]]:
    return {
        "decode": lambda given: explorer.decode(studio.live, given),
        "report": studio.write_report,
        "tray": studio.new_tray,
        "try": studio.attempt,
        "start": studio.start,
        "stop": studio.stop,
        "resume": studio.resume,
    }


def application(studio: Studio) -> Starlette:
    """The application behind :class:`latentia.studio.safety.Guard`."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    gets, posts = _gets(studio), _posts(studio)

    async def static(request: Request) -> Response:
        return await asyncio.to_thread(answered, lambda _: _static(request.path_params.get("name", "")), {})

    async def get(request: Request) -> Response:
        handler = gets.get(request.path_params["name"], _nothing)
        return await asyncio.to_thread(answered, handler, dict(request.query_params))

    async def post(request: Request) -> Response:
        handler = posts.get(request.path_params["name"], _nothing)
        try:
            given = json.loads(await _spoken(request))
        except (ValueError, Latentia) as error:
            return answered(_raising(BadField(f"the page sent no JSON: {error}")), {})
        return await asyncio.to_thread(answered, handler, given)

    async def events(_: Request) -> Response:
        from starlette.responses import StreamingResponse

        return StreamingResponse(studio.feed.read(), media_type="text/event-stream")

    async def hand_in(request: Request) -> Response:
        return await _handed_in(studio, request)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        studio.close()

    return Starlette(
        routes=[
            Route("/", static),
            Route("/static/{name}", static),
            Route("/events", events),
            Route("/api/{name}", get, methods=["GET"]),
            Route("/api/{name}", post, methods=["POST"]),
            Route("/api/upload", hand_in, methods=["PUT"]),
        ],
        lifespan=lifespan,
    )


def answered(handler: Callable[[Given], Any], given: Given) -> Response:
    """What a handler answers, or why it does not, as a response."""
    from starlette.responses import FileResponse, JSONResponse, Response

    try:
        if not isinstance(given, Mapping):
            raise BadField("the page sent no names with values")
        found = handler(given)
    except Latentia as error:
        return JSONResponse({"error": str(error)}, 404 if isinstance(error, BadRun) else 400)
    except FileNotFoundError as error:
        return JSONResponse({"error": f"{error.filename} is no longer there"}, 404)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        told = f"this is a bug of latentia, not of your input: {type(error).__name__}: {error}"
        return JSONResponse({"error": told}, 500)
    if isinstance(found, Bytes):
        return Response(found.body, media_type=found.kind, headers=dict(found.headers))
    if isinstance(found, File):
        policy = {"content-security-policy": found.policy} if found.policy else {}
        return FileResponse(found.path, media_type=found.kind, filename=found.keep or None, headers=policy)
    return JSONResponse(found)


def _nothing(_: Given) -> Any:
    raise BadField("the page asked for what this studio does not know; load it again")


def _raising(error: Latentia) -> Callable[[Given], Any]:
    def raise_it(_: Given) -> Any:
        raise error

    return raise_it


def _static(name: str) -> Bytes:
    """A file of the page; the look of reports is its own, too."""
    if name == "look.css":
        return Bytes(page.STYLE.encode(), KINDS[".css"])
    path = inside(STATIC, name or "index.html")
    if path.parent != STATIC or not path.is_file():
        raise BadRun("there is no such page")
    return Bytes(path.read_bytes(), KINDS[path.suffix])


async def _spoken(request: Request) -> bytes:
    """The body of a request, which may not be long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > SPOKEN:
            raise BadField("it is too long")
    return body or b"{}"


async def _handed_in(studio: Studio, request: Request) -> Response:
    """Take a file as it comes, and no more of it than is allowed."""
    name, part = request.query_params.get("name", ""), None
    try:
        tray = studio.trays.find(said(request.query_params, "tray"))
        part = studio.trays.part(tray, name)
        limit = limit_of(name)
        if int(request.headers.get("content-length") or 0) > limit:
            raise BadField(too_large(name, limit))
        with part.open("wb") as file:
            taken = 0
            async for some in request.stream():
                taken += len(some)
                if taken > limit:
                    raise BadField(too_large(name, limit))
                await asyncio.to_thread(file.write, some)
        await asyncio.to_thread(tray.accept, name, part)
    except (Latentia, ValueError) as error:
        if part is not None:
            part.unlink(missing_ok=True)
        reason = error if isinstance(error, Latentia) else BadField("the browser sent no length that is a number")
        return answered(_raising(reason), {})
    return answered(lambda _: {"files": tray.files, "kind": kind_of(name)}, {})
