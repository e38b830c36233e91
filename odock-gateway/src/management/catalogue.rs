//! Models that are known, with their limits and list prices: facts for declaring models, the same for everybody.

use std::sync::LazyLock;

use entity::catalogue::KnownModel;
use entity::check::nearest;
use entity::vocab::{Capability, ModelType, ProviderType};
use odock_catalogue::{Catalogue, Damaged};
use serde::Deserialize;

use super::body::First;
use super::crud::prelude::*;
use super::problem::{Code, shortened};

/// Read when somebody first asks: most gateways are never asked.
static KNOWN: LazyLock<Result<Vec<KnownModel>, Damaged>> = LazyLock::new(|| {
    let catalogues = Catalogue::all()?;
    Ok(catalogues.iter().flat_map(|of| of.models.iter().map(|entry| of.known(entry))).collect())
});

fn known() -> Result<&'static [KnownModel], ApiError> {
    KNOWN.as_deref().map_err(ApiError::internal)
}

/// Which known models.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CatalogueParams {
    /// The most items of the page.
    #[param(minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u32>,
    /// Where the page begins: the `nextCursor` of the page before.
    cursor: Option<String>,
    /// A part of what its provider calls it, of its name or of its note, in any case.
    q: Option<String>,
    /// Whose models.
    #[param(inline)]
    provider: Option<ProviderType>,
    /// What they are for.
    #[param(inline)]
    r#type: Option<ModelType>,
    /// What they can do beyond text.
    #[param(inline)]
    capability: Option<Capability>,
}

impl CatalogueParams {
    fn wants(&self, model: &KnownModel) -> bool {
        let part = self.q.as_deref().unwrap_or_default().to_lowercase();
        let holds = |text: &str| text.to_lowercase().contains(&part);
        self.provider.is_none_or(|wanted| model.provider == wanted)
            && self.r#type.is_none_or(|wanted| model.r#type == wanted)
            && self.capability.is_none_or(|wanted| model.capabilities.contains(&wanted))
            && (holds(&model.slug) || holds(&model.name) || model.note.as_deref().is_some_and(holds))
    }
}

/// Lists the models that this version of the gateway knows, with their limits and dated list prices.
///
/// A model need not be known to be declared, and what a contract says may differ.
#[utoipa::path(
    get, path = "/api/catalogue", tag = "catalogue", operation_id = "list_catalogue", params(CatalogueParams),
    responses((status = 200, description = "A page.", body = Page<KnownModel>), Refusals)
)]
pub(super) async fn list(Params(params): Params<CatalogueParams>) -> Result<Json<Page<KnownModel>>, ApiError> {
    let wanted: Vec<&KnownModel> = known()?.iter().filter(|model| params.wants(model)).collect();
    let part = ListParams { limit: params.limit, cursor: params.cursor, ..ListParams::default() };
    let page = part.page(wanted, |model| &model.slug)?;
    Ok(Json(Page { items: page.items.into_iter().cloned().collect(), next_cursor: page.next_cursor }))
}

/// Shows one known model.
#[utoipa::path(
    get, path = "/api/catalogue/{provider}/{name}", tag = "catalogue", operation_id = "show_catalogue",
    params(
        ("provider" = String, Path, description = "The type of provider: `OPENAI`, or as in odockctl, `openai`."),
        ("name" = String, Path, description = "What the provider calls the model, or the name that an import gives it.")
    ),
    responses((status = 200, description = "The model.", body = KnownModel), Refusals)
)]
pub(super) async fn show(First(provider): First, Last(name): Last) -> Result<Json<KnownModel>, ApiError> {
    let word = provider.to_ascii_uppercase().replace('-', "_");
    let Ok(kind) = word.parse::<ProviderType>() else {
        let error = ApiError::new(Code::NotFound, format!("there is no type of provider `{}`", shortened(&provider)));
        return Err(error.hint(format!("there are {}", odock_catalogue::words().join(", "))));
    };
    let of_it = known()?.iter().filter(|model| model.provider == kind);
    let is_called =
        |model: &&KnownModel| model.slug.eq_ignore_ascii_case(&name) || model.name.eq_ignore_ascii_case(&name);
    match of_it.clone().find(is_called) {
        Some(model) => Ok(Json(model.clone())),
        None => {
            let error = ApiError::not_found("known model", &name);
            Err(match nearest(&name, of_it.map(|model| model.slug.as_str())) {
                Some(meant) => error.hint(format!("did you mean {meant}?")),
                None => error.hint("a model need not be known to be declared"),
            })
        }
    }
}
