# %%build services/performances.py::reprice_performance
from dataclasses import replace


async def reprice_performance(
    store: Store, *, performance_id: UUID, price: Money
) -> Performance:
    """Give a performance another price, or raise `PerformanceNotFound`."""
    found = await store.performances.get(performance_id)
    if found is None:
        raise PerformanceNotFound(performance_id)
    row = Performance(
        id=found.id,
        show_id=found.show_id,
        venue_id=found.venue_id,
        starts_at=found.starts_at,
        ends_at=found.ends_at,
        price=price,
    )
    await store.performances.save(row)
    return row

# %%build api/performances.py::reprice_performance
from fastapi import Body

from boxoffice.api.schemas.performance import Cents


@router.put("/performances/{performance_id}/price")
async def reprice_performance(
    performance_id: PerformanceId,
    price_cents: Annotated[Cents, Body(embed=True)],
    store: StoreDep,
) -> PerformanceOut:
    """Change the price, in euro cents."""
    await read_performance(performance_id, store)
    return PerformanceOut.of(
        await performances.reprice_performance(
            store, performance_id=performance_id, price=Money(currency="EUR", amount=price_cents)
        )
    )

# %%build api/performances_v2.py::reprice_performance
from boxoffice.api.schemas.performance_v2 import PriceIn


@router.put("/performances/{performance_id}/price")
async def reprice_performance(
    performance_id: PerformanceId, new: PriceIn, store: StoreDep
) -> PerformanceOutV2:
    """Change the price, in any currency."""
    changed = await performances.reprice_performance(
        store, performance_id=performance_id, price=new.to_money()
    )
    return PerformanceOutV2.model_validate(changed)
