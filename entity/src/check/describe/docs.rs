//! What fields mean, as the schemas of their types say.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::resource::{
    ApiKeySpec, BudgetSpec, Kind, ModelSpec, OrganisationSpec, OverlaySpec, ProviderSpec, QuotaSpec,
    ServiceAccountSpec, TeamSpec, UserSpec,
};

/// The schemas of a kind's spec and of everything in it.
pub(super) struct Docs {
    root: Value,
    known: BTreeMap<String, Value>,
}

impl Docs {
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Organisation => Self::made::<OrganisationSpec>(),
            Kind::User => Self::made::<UserSpec>(),
            Kind::Team => Self::made::<TeamSpec>(),
            Kind::ServiceAccount => Self::made::<ServiceAccountSpec>(),
            Kind::Provider => Self::made::<ProviderSpec>(),
            Kind::Model => Self::made::<ModelSpec>(),
            Kind::ApiKey => Self::made::<ApiKeySpec>(),
            Kind::Budget => Self::made::<BudgetSpec>(),
            Kind::Quota => Self::made::<QuotaSpec>(),
            Kind::Overlay => Self::made::<OverlaySpec>(),
        }
    }

    fn made<T: ToSchema>() -> Self {
        let mut found: Vec<(String, RefOr<Schema>)> = Vec::new();
        T::schemas(&mut found);
        let value = |schema: &RefOr<Schema>| serde_json::to_value(schema).unwrap_or_default();
        Self {
            root: value(&<T as PartialSchema>::schema()),
            known: found.iter().map(|(name, schema)| (name.clone(), value(schema))).collect(),
        }
    }

    /// The schema of the spec itself.
    pub(super) fn root(&self) -> &Value {
        &self.root
    }

    /// What a schema is about: its own words, else those of what it refers to.
    pub(super) fn about(&self, schema: &Value) -> String {
        let own = schema["description"].as_str();
        let text = own.or_else(|| self.resolved(schema)["description"].as_str()).unwrap_or_default();
        // Links of the documentation of the code mean nothing here.
        text.replace("[`", "`").replace("`]", "`").replace("\n", " ")
    }

    /// The schema of a field.
    pub(super) fn property<'a>(&'a self, schema: &'a Value, name: &str) -> Option<&'a Value> {
        self.resolved(schema)["properties"].get(name)
    }

    /// The schema of a list's items.
    pub(super) fn items<'a>(&'a self, schema: &'a Value) -> Option<&'a Value> {
        self.resolved(schema).get("items")
    }

    /// The schema of a map's values.
    pub(super) fn values<'a>(&'a self, schema: &'a Value) -> Option<&'a Value> {
        self.resolved(schema).get("additionalProperties")
    }

    /// What a schema refers to, through references and through "this or null".
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut at = schema;
        // A chain of references is short; a circle would not end.
        for _ in 0..8 {
            let reference = at["$ref"].as_str().and_then(|path| path.rsplit('/').next());
            let among = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|key| at[key].as_array());
            let next = match (reference, among) {
                (Some(name), _) => self.known.get(name),
                (None, Some(parts)) => parts.iter().find(|part| part["type"] != "null"),
                (None, None) => None,
            };
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        at
    }
}
