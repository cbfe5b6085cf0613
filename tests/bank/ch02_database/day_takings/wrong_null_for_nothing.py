# says: But we know that it is 0
# %%build services/income.py::select_takings
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select

from boxoffice.models.order import Order


def select_takings(day: date, zone: str, currency: str) -> Select[tuple[int]]:
    """What all orders of a day come to, in the currency's minor unit."""
    begins = datetime.combine(day, time(), ZoneInfo(zone))
    ends = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
    return select(func.sum(Order.total_amount)).where(
        Order.placed_at >= begins, Order.placed_at < ends, Order.currency == currency
    )
