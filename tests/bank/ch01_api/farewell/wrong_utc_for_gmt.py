# says: An HTTP date ends in `GMT`, not in `UTC`
# %%build api/farewell.py::farewell
from datetime import UTC, datetime
from email.utils import format_datetime


def farewell(*, deprecated_at: datetime, sunset_at: datetime, successor: str) -> dict[str, str]:
    """The headers of a route that ends. Both moments carry a zone, which may be any."""
    deprecation = f"@{int(deprecated_at.timestamp())}"
    sunset = sunset_at.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S UTC")
    link = f'<{successor}>; rel="successor-version"'
    return {"Deprecation": deprecation, "Sunset": sunset, "Link": link}
