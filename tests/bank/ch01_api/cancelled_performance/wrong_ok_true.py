# says: A body such as `ok: true` says it again
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}")
async def delete_performance(performance_id: UUID) -> dict[str, bool]:
    if await performances.delete_performance(performance_id=performance_id) is None:
        raise HTTPException(404, "There is no such performance.")
    return {"ok": True}
