# says: you need an exclusion constraint
# %%build models/performance.py::Rehearsal
from sqlalchemy import UniqueConstraint


class Rehearsal(Row):
    """The stage is taken by a company, by day."""

    __tablename__ = "rehearsal"
    __table_args__ = (
        UniqueConstraint("venue_id", "starts_at", "ends_at"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
    )

    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    company: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
