# says: Make it from `deprecated_at`
# says: Make it from `sunset_at`
# %%build api/farewell.py::farewell
from datetime import UTC, datetime
from email.utils import format_datetime


def farewell(*, deprecated_at: datetime, sunset_at: datetime, successor: str) -> dict[str, str]:
    """The headers of a route that ends. Both moments carry a zone, which may be any."""
    deprecation = "@1930057200"
    sunset = "Sun, 29 Feb 2032 15:00:00 GMT"
    link = f'<{successor}>; rel="successor-version"'
    return {"Deprecation": deprecation, "Sunset": sunset, "Link": link}
