//! Temporary scalings of limits: an incident brake, a launch boost.

use entity::resource::{OverlaySpec, OverlayState};

use super::crud::prelude::*;

crud::handlers!(
    OverlaySpec,
    OverlayState,
    "overlay",
    "overlays",
    "/api/organisations/{organisation}/overlays",
    "/api/organisations/{organisation}/overlays/{name}"
);
crud::plain_handlers!(
    OverlaySpec,
    OverlayState,
    "overlay",
    "overlays",
    "/api/organisations/{organisation}/overlays",
    "/api/organisations/{organisation}/overlays/{name}"
);
