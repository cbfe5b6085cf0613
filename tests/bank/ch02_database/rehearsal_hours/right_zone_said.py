# %%build models/performance.py::Rehearsal
from sqlalchemy import DateTime


class Rehearsal(Row):
    """The stage is taken by a company, by day."""

    __tablename__ = "rehearsal"
    __table_args__ = (
        ExcludeConstraint((VENUE, "&&"), (HOURS, "&&"), name="ex_rehearsal_venue_hours"),
        CheckConstraint("starts_at < ends_at", name="in_order"),
    )

    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    company: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
