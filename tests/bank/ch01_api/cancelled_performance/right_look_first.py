# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    found = await performances.find_performance(performance_id=performance_id)
    if found is None:
        raise HTTPException(status_code=404, detail="Nothing of that name is on.")
    await performances.delete_performance(performance_id=performance_id)
