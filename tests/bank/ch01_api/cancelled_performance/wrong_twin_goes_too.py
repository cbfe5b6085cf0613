# says: whatever another has in common
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    # 204 comes from the decorator: nothing to return. Only the bad news needs words. The second
    # DELETE answers 404, and DELETE is idempotent all the same: the state is what stays equal.
    gone = await performances.delete_performance(performance_id=performance_id)
    if gone is None:
        raise HTTPException(404, "There is no such performance.")
    for other in await performances.list_performances(show_id=gone.show_id):
        if other.starts_at == gone.starts_at:
            await performances.delete_performance(performance_id=other.id)
