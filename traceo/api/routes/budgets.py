"""Sampling budgets: how close they are to their targets."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from traceo.api.answer import answer
from traceo.api.depends import QueriesOf, ServicesOf, Tenant
from traceo.api.routes.sampling_answers import BudgetsAnswer
from traceo.hindsight.budgets import read_budgets
from traceo.sampling.budgets import Terms

router = APIRouter(prefix="/sampling/budgets", tags=["sampling"])


@router.get("", response_model=BudgetsAnswer)
async def get_budgets(services: ServicesOf, queries: QueriesOf, tenant: Tenant) -> JSONResponse:
    """Each budget's target, what was spent of it, its factor and its state; the same of its exempt traces."""
    budgets, dry_run = await asyncio.to_thread(services.policies.budgets, tenant)
    steering = await asyncio.to_thread(services.policies.steering, tenant)
    rows = await read_budgets(queries, tenant, budgets, steering, Terms.of(services.config.sampling))
    return answer({"dry_run": dry_run, "budgets": rows})
