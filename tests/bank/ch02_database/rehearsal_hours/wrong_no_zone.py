# says: drops the zone and keeps 12:00
# %%build models/performance.py::Rehearsal
from sqlalchemy import DateTime


class Rehearsal(Row):
    """The stage is taken by a company, by day."""

    __tablename__ = "rehearsal"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        ExcludeConstraint(
            (VENUE, "&&"),
            (func.tsrange(column("starts_at"), column("ends_at")), "&&"),
            name="ex_rehearsal_hours",
        ),
    )

    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    company: Mapped[str]
    starts_at: Mapped[datetime] = mapped_column(DateTime())
    ends_at: Mapped[datetime] = mapped_column(DateTime())
