# %%build services/income.py::select_takings
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, case, func, select

from boxoffice.models.order import Order


def select_takings(day: date, zone: str, currency: str) -> Select[tuple[int]]:
    """What all orders of a day come to, in the currency's minor unit."""
    begins = datetime.combine(day, time(), ZoneInfo(zone))
    ends = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
    total = func.sum(Order.total_amount)
    of_the_day = and_(begins <= Order.placed_at, ends > Order.placed_at)
    return select(case((total.is_(None), 0), else_=total)).where(of_the_day).filter_by(currency=currency)
