# says: Does your exclusion compare the venue too
# %%build models/performance.py::Rehearsal
class Rehearsal(Row):
    """The stage is taken by a company, by day."""

    __tablename__ = "rehearsal"
    __table_args__ = (
        ExcludeConstraint((HOURS, "&&"), name="ex_rehearsal_hours"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
    )

    venue_id: Mapped[UUID] = mapped_column(ForeignKey("venue.id"))
    company: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
