# says: Let the route take a `VenueIn`
# %%build services/venues.py::replace_venue
async def replace_venue(*, venue_id: UUID, new: dict[str, str]) -> Venue | None:
    if venue_id not in venues:
        return None
    venues[venue_id] = venues[venue_id].model_copy(update=new)
    return venues[venue_id]

# %%build api/venues.py::replace_venue
@router.put("/venues/{venue_id}")
async def replace_venue(venue_id: UUID, new: dict[str, str]) -> Venue:
    venue = await venues.replace_venue(venue_id=venue_id, new=new)
    if venue is None:
        raise HTTPException(404, "There is no such venue.")
    return venue
