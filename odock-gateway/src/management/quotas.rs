//! Caps on a metric.

use entity::resource::{LimitState, QuotaSpec};

use super::crud::prelude::*;

crud::handlers!(
    QuotaSpec,
    LimitState,
    "quota",
    "quotas",
    "/api/organisations/{organisation}/quotas",
    "/api/organisations/{organisation}/quotas/{name}"
);
crud::plain_handlers!(
    QuotaSpec,
    LimitState,
    "quota",
    "quotas",
    "/api/organisations/{organisation}/quotas",
    "/api/organisations/{organisation}/quotas/{name}"
);
