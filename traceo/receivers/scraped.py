"""The way in of what Traceo scrapes itself: that of remote write, without HTTP."""

from collections.abc import Awaitable, Callable

from traceo.errors import BadData, TraceoError
from traceo.receivers import remote_write
from traceo.receivers.ingest import Ingest
from traceo.receivers.status import to_failure
from traceo.store.base import Signal

TRANSPORT = "scrape"  # of the own metrics of ingest


def make_scrape_writer(ingest: Ingest, tenant: str) -> Callable[[bytes], Awaitable[None]]:
    """A function that stores one uncompressed remote-write request, and returns when that is certain.

    It raises what `Ingest.commit` raises, and BadData when a part of the request was refused; all else is stored.
    """

    async def write(body: bytes) -> None:
        try:
            outcome = await remote_write.write(ingest, tenant, body)
            if outcome.rejected:
                raise BadData(f"{outcome.rejected} items were refused: {outcome.reason}")
        except TraceoError as error:
            ingest.count(Signal.REMOTE_WRITE, TRANSPORT, str(to_failure(error).http), error)
            raise
        ingest.count(Signal.REMOTE_WRITE, TRANSPORT, "204", None)

    return write
