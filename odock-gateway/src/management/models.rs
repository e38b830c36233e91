//! Models that callers may ask for.

use entity::resource::{ModelSpec, ModelState};

use super::crud::prelude::*;

crud::handlers!(
    ModelSpec,
    ModelState,
    "model",
    "models",
    "/api/organisations/{organisation}/models",
    "/api/organisations/{organisation}/models/{name}"
);
crud::plain_handlers!(
    ModelSpec,
    ModelState,
    "model",
    "models",
    "/api/organisations/{organisation}/models",
    "/api/organisations/{organisation}/models/{name}"
);
