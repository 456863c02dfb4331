"""``latentia studio``: the local page on which models are seen and used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common, switch
from latentia.errors import BadData


def studio(
    runs: Annotated[str, Parameter(name="RUNS", help="the folder of the runs, or one run")] = "runs",
    /,
    *,
    data: Annotated[
        list[str] | None,
        Parameter(help="a folder whose data may be trained on from the page; may be given again", negative=""),
    ] = None,
    port: Annotated[int | None, Parameter(help="8765 by default; 0 takes any; the next free one if in use")] = None,
    host: Annotated[str, Parameter(help="the address to listen on; another than this machine's own is told of")] = (
        "127.0.0.1"
    ),
    open: Annotated[bool, switch("open the page in the browser")] = False,
    common: Common = DEFAULTS,
) -> None:
    """A page in the browser: runs and their curves, latents to drag, files to try, trainings to start.

    Nothing leaves this machine. The address holds a random token: whoever has it may use the page. Trainings that it
    starts go on when it is closed. Ctrl-C ends it.
    """
    from latentia.studio import serve
    from latentia.studio.safety import ELSEWHERE, LOOPBACK

    serve.check()
    folder, folders = Path(runs), [Path(each).expanduser() for each in data or []]
    for each in [*folders, *([folder] if folder.exists() else [])]:
        if not each.is_dir():
            raise BadData(f"{each} is no folder")
    door = serve.listen(host, serve.PORT if port is None else port)
    for note in door.notes:
        common.remark(note)
    if host not in LOOPBACK:
        common.remark(ELSEWHERE.format(host=host))

    from latentia.studio.app import Studio

    answering = serve.server(Studio(folder, folders, common.device), door)
    output.facts({"studio": door.address, "runs": str(folder)}, common.json)
    sys.stdout.flush()  # who reads it through a pipe waits for it
    common.remark("Ctrl-C ends it; trainings go on")
    if open:
        import webbrowser

        webbrowser.open(door.address)
    try:
        answering.run(sockets=[door.socket])
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the studio has ended; trainings that it started go on") from None
