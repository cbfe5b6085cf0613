# says: A comma begins the next link
# %%build api/farewell.py::farewell
from datetime import UTC, datetime
from email.utils import format_datetime


def farewell(*, deprecated_at: datetime, sunset_at: datetime, successor: str) -> dict[str, str]:
    """The headers of a route that ends. Both moments carry a zone, which may be any."""
    # timestamp() knows the zone; int() loses the point and what stands behind it.
    deprecation = f"@{int(deprecated_at.timestamp())}"
    # Turned to UTC first: usegmt only writes the word GMT, it does not turn the hours.
    sunset = format_datetime(sunset_at.astimezone(UTC), usegmt=True)
    link = f'<{successor}>, rel="successor-version"'
    return {"Deprecation": deprecation, "Sunset": sunset, "Link": link}
