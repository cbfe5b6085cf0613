# says: Is a `return` missing in the service?
# %%build api/performances.py::reprice_performance
from fastapi import Body

from boxoffice.api.schemas.performance import Cents


@router.put(
    "/performances/{performance_id}/price",
    responses=refusals(PerformanceNotFound, PriceNotInEuro, UnreadableBody, InvalidRequest),
)
async def reprice_performance(
    performance_id: PerformanceId,
    price_cents: Annotated[Cents, Body(embed=True)],
    store: StoreDep,
) -> PerformanceOut:
    """Change the price, in euro cents."""
    found = await performances.find_performance(store, performance_id=performance_id)
    # What /v1 cannot say, it must not change: this raises before anything is saved.
    PerformanceOut.of(found)
    changed = await performances.reprice_performance(
        store, performance_id=performance_id, price=Money(price_cents, EURO)
    )
    return PerformanceOut.of(changed)
# %%build api/performances_v2.py::reprice_performance
from boxoffice.api.schemas.performance_v2 import PriceIn


@router.put(
    "/performances/{performance_id}/price",
    responses=refusals(PerformanceNotFound, UnreadableBody, InvalidRequest),
)
async def reprice_performance(
    performance_id: PerformanceId, new: PriceIn, store: StoreDep
) -> PerformanceOutV2:
    """Change the price, in any currency."""
    changed = await performances.reprice_performance(
        store, performance_id=performance_id, price=new.to_money()
    )
    return PerformanceOutV2.model_validate(changed)
# %%build services/performances.py::reprice_performance
from dataclasses import replace


async def reprice_performance(
    store: Store, *, performance_id: UUID, price: Money
) -> Performance:
    """Give a performance another price, or raise `PerformanceNotFound`."""
    performance = await find_performance(store, performance_id=performance_id)
    # Money goes in whole, so no route can keep the amount and lose the currency.
    changed = replace(performance, price=price)
    await store.performances.save(changed)
