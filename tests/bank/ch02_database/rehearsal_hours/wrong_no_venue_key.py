# says: uuidrange
# %%build models/performance.py::Rehearsal
class Rehearsal(Row):
    """The stage is taken by a company, by day."""

    __tablename__ = "rehearsal"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        ExcludeConstraint(
            (VENUE, "&&"),
            (func.tstzrange(column("starts_at"), column("ends_at"), text("'[)'")), "&&"),
            name="one_company",
        ),
    )

    venue_id: Mapped[UUID]
    company: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
