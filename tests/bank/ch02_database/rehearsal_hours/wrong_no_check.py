# says: overlaps nothing
# %%build models/performance.py::Rehearsal
class Rehearsal(Row):
    """The stage is taken by a company, by day."""

    __tablename__ = "rehearsal"
    __table_args__ = (
        ExcludeConstraint((VENUE, "&&"), (HOURS, "&&"), name="ex_rehearsal_venue_hours"),
    )

    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    company: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
