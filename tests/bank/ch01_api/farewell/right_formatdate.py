# %%build api/farewell.py::farewell
from email.utils import formatdate
from datetime import UTC, datetime
from email.utils import format_datetime


def farewell(*, deprecated_at: datetime, sunset_at: datetime, successor: str) -> dict[str, str]:
    """The headers of a route that ends. Both moments carry a zone, which may be any."""
    deprecation = "@%d" % deprecated_at.timestamp()
    sunset = formatdate(sunset_at.timestamp(), usegmt=True)
    link = "<" + successor + ">;rel=successor-version"
    return {"Deprecation": deprecation, "Sunset": sunset, "Link": link}
