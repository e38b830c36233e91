//! Saved plans: what was looked at, to be carried out as it is or not at all.
//!
//! A plan holds no secret: of those that it needs it holds where they come from, and the gateway's keyed fingerprint, so
//! that they are fetched again and recognised.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use entity::Timestamp;
use entity::manifest::{ApplyRequest, PlanBase};
use entity::plan::Plan;
use odock_client::manifest::{ManifestSet, SecretRef};
use odock_client::virtual_key;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commands::diff::Wanted;
use crate::delivery::DeclaredKey;
use crate::error::{CliError, Exit};

/// The only form of a plan.
const VERSION: &str = "odock/plan/v1";

/// A plan as it is saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanFile {
    /// Always `odock/plan/v1`.
    pub api_version: String,
    /// The gateway that it was made with.
    pub gateway: String,
    /// When.
    pub created_at: Timestamp,
    /// One part an organisation.
    pub organisations: Vec<Part>,
    /// How virtual keys get their secrets.
    pub keys: Vec<DeclaredKey>,
    /// SHA-256 over everything above, in hex.
    pub sha256: String,
}

/// What is to be done in one organisation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// Its slug.
    pub organisation: String,
    /// What is sent, but for what is sealed.
    pub request: ApplyRequest,
    /// The secrets of providers: in which of the resources, where, and where from.
    pub secrets: Vec<PartSecret>,
    /// What it does.
    pub plan: Plan,
}

/// A secret that is fetched again when the plan is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartSecret {
    /// Position among the resources.
    pub resource: usize,
    /// Field and source.
    pub secret: SecretRef,
}

impl PlanFile {
    /// A plan of what would be done.
    #[must_use]
    pub fn new(
        gateway: &str,
        set: &ManifestSet,
        wanted: Vec<Wanted>,
        plans: Vec<Plan>,
        keys: Vec<DeclaredKey>,
    ) -> Self {
        let part = |(Wanted { batch, mut request }, mut plan): (Wanted, Plan)| {
            let resources = batch.members.iter().filter_map(|index| set.resources.get(*index)).enumerate();
            let secrets = resources.flat_map(|(resource, located)| {
                located.secrets.iter().map(move |secret| PartSecret { resource, secret: secret.clone() })
            });
            let secrets = secrets.collect();
            request.resources.iter_mut().for_each(|manifest| unseal(&mut manifest.spec));
            request.plan = Some(PlanBase { digest: plan.digest.clone(), base: std::mem::take(&mut plan.base) });
            Part { organisation: batch.organisation, request, secrets, plan }
        };
        let organisations = wanted.into_iter().zip(plans).map(part).collect();
        let mut file = Self {
            api_version: VERSION.into(),
            gateway: gateway.to_owned(),
            created_at: Timestamp::now(),
            organisations,
            keys,
            sha256: String::new(),
        };
        file.sha256 = file.digest();
        file
    }

    fn digest(&self) -> String {
        let bare = Self { sha256: String::new(), ..self.clone() };
        // Structs in the order of their fields, maps in that of their keys.
        let text = serde_json::to_value(&bare).map(|value| canonical(&value)).unwrap_or_default();
        virtual_key::hash(&text)
    }

    /// Writes a new file, or over an older plan, that only its owner can read.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| CliError::internal(error.to_string()))?;
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let written = options.open(path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        });
        written.map_err(|error| CliError::io(&path.display().to_string(), &error))
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// It cannot be read, is no plan, or was changed since it was made.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| CliError::io(&shown.to_string(), &error))?;
        let no_plan = |why: String| {
            CliError::new(Exit::Usage, "no_plan", format!("{shown} is no plan: {why}"))
                .hint("make one: odockctl plan -f FILES --out FILE")
        };
        let file: Self = serde_json::from_str(&text).map_err(|error| {
            no_plan(format!("it cannot be read at line {}, column {}", error.line(), error.column()))
        })?;
        if file.api_version != VERSION {
            return Err(no_plan(format!("it is of another version than {VERSION}")));
        }
        if file.sha256 != file.digest() {
            return Err(CliError::new(Exit::Guard, "tampered_plan", format!("{shown} was changed after it was made"))
                .hint("make it anew, and look at it again: odockctl plan -f FILES --out FILE"));
        }
        Ok(file)
    }
}

/// JSON without blanks, with the keys of every object in order.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let sorted: std::collections::BTreeMap<&String, &Value> = fields.iter().collect();
            let parts: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

/// Takes what is sealed out: it is of no use to anybody but the gateway, and sealed anew anyhow.
fn unseal(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("fingerprint") {
                fields.remove("sealed");
            }
            fields.values_mut().for_each(unseal);
        }
        Value::Array(items) => items.iter_mut().for_each(unseal),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plan_that_was_changed_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plan.json");
        let set = odock_client::manifest::load(
            &[odock_client::manifest::Source::Text {
                name: "a.yaml".into(),
                text: "apiVersion: odock/v1\nkind: Team\nmetadata: {name: a}\nspec: {}\n".into(),
            }],
            &|_| None,
            &odock_client::manifest::Options { organisation: Some("acme".into()), ..Default::default() },
        )
        .unwrap();
        let batch = set.batches().unwrap().remove(0);
        let request = set.request(&batch);
        let made = PlanFile::new("http://x/", &set, vec![Wanted { batch, request }], vec![Plan::default()], Vec::new());
        made.save(&path).unwrap();
        assert_eq!(PlanFile::read(&path).unwrap(), made);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"acme\"", "\"other\"")).unwrap();
        assert_eq!(PlanFile::read(&path).unwrap_err().exit(), Exit::Guard);
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(PlanFile::read(&path).unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn nothing_sealed_stays() {
        let mut spec = json!({"keys": [{"secret": {"fingerprint": "f", "sealed": {"ciphertext": "SEALED"}}}]});
        unseal(&mut spec);
        assert!(!spec.to_string().contains("SEALED"));
        assert_eq!(
            canonical(&json!({"b": [1, {"d": null, "c": "x"}], "a": true})),
            r#"{"a":true,"b":[1,{"c":"x","d":null}]}"#
        );
    }
}
