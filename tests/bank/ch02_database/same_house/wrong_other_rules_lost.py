# says: with all its rules
# %%build models/hold.py::Hold
from sqlalchemy import ForeignKeyConstraint


class Hold(Base):
    """One buyer's claim on one seat of one performance."""

    __tablename__ = "hold"
    __table_args__ = (
        ForeignKeyConstraint(
            ["performance_id", "venue_id"], ["performance.id", "performance.venue_id"],
            name="fk_hold_night_house",
        ),
        ForeignKeyConstraint(["seat_id", "venue_id"], ["seat.id", "seat.venue_id"], name="fk_hold_chair_house"),
    )

    performance_id: Mapped[UUID] = mapped_column(ForeignKey("performance.id"), primary_key=True)
    seat_id: Mapped[UUID] = mapped_column(ForeignKey("seat.id"), primary_key=True)
    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    buyer_id: Mapped[UUID]
    expires_at: Mapped[datetime]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("order.id"), default=None)
# %%build models/seat.py::Seat
class Seat(Row):
    """A chair in a venue. The `section` decides what it costs."""

    __tablename__ = "seat"
    __table_args__ = (
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
    __table_args__ = (UniqueConstraint("id", "venue_id"),)

    show_id: Mapped[UUID] = mapped_column(ForeignKey("show.id"))
    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    price_amount: Mapped[int] = mapped_column(init=False, repr=False)
    currency: Mapped[str] = mapped_column(String(3), init=False, repr=False)
    price: Mapped[Money] = composite("price_amount", "currency")
