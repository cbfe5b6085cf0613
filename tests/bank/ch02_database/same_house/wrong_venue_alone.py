# says: says only that the house exists
# %%build models/hold.py::Hold
from sqlalchemy import ForeignKeyConstraint


class Hold(Base):
    """One buyer's claim on one seat of one performance."""

    __tablename__ = "hold"
    __table_args__ = (
        ForeignKeyConstraint(["venue_id"], ["venue.id"]),
    )

    performance_id: Mapped[UUID] = mapped_column(ForeignKey("performance.id"), primary_key=True)
    seat_id: Mapped[UUID] = mapped_column(ForeignKey("seat.id"), primary_key=True)
    venue_id: Mapped[UUID]
    buyer_id: Mapped[UUID]
    expires_at: Mapped[datetime]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("order.id"), default=None)
# %%build models/seat.py::Seat
class Seat(Row):
    """A chair in a venue. The `section` decides what it costs."""

    __tablename__ = "seat"
    __table_args__ = (
        UniqueConstraint("venue_id", "section", "row", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        UniqueConstraint("id", "venue_id"),
    )

    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    section: Mapped[str]
    row: Mapped[str]
    number: Mapped[int]
# %%build models/performance.py::Performance
from sqlalchemy import UniqueConstraint


class Performance(Row):
    """A show at a venue at a time. `price` is what its cheapest seat costs."""

    __tablename__ = "performance"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("price_amount >= 0", name="price_not_negative"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_is_iso"),
        ExcludeConstraint((VENUE, "&&"), (HOURS, "&&"), name="ex_performance_venue_hours"),
        UniqueConstraint("id", "venue_id"),
    )

    show_id: Mapped[UUID] = mapped_column(ForeignKey("show.id"))
    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    price_amount: Mapped[int] = mapped_column(init=False, repr=False)
    currency: Mapped[str] = mapped_column(String(3), init=False, repr=False)
    price: Mapped[Money] = composite("price_amount", "currency")
