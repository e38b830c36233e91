//! Caps on spend.

use entity::resource::{BudgetSpec, LimitState};

use super::crud::prelude::*;

crud::handlers!(
    BudgetSpec,
    LimitState,
    "budget",
    "budgets",
    "/api/organisations/{organisation}/budgets",
    "/api/organisations/{organisation}/budgets/{name}"
);
crud::plain_handlers!(
    BudgetSpec,
    LimitState,
    "budget",
    "budgets",
    "/api/organisations/{organisation}/budgets",
    "/api/organisations/{organisation}/budgets/{name}"
);
