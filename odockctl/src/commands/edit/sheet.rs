//! What stands in the editor: remarks, then the resource as a manifest.

use entity::Kind;
use entity::manifest::API_VERSION;
use serde_json::Value;

use crate::commands::change::Current;
use crate::commands::target::noun;
use crate::error::{CliError, Exit};
use crate::output::clean;

/// The text of one resource.
pub struct Sheet {
    /// Its kind.
    pub kind: Kind,
    /// What is to be said above it.
    pub remarks: Vec<String>,
}

impl Sheet {
    /// The whole text, with a spec as YAML.
    pub fn write(&self, now: &Current, spec: &str) -> String {
        let mut body = format!("apiVersion: {API_VERSION}\nkind: {}\nmetadata:\n", self.kind);
        if let Some(organisation) = &now.organisation {
            body.push_str(&format!("  organisation: {organisation}\n"));
        }
        body.push_str(&format!("  name: {}\n", Value::from(now.name.as_str())));
        match spec.trim() {
            "{}" => body.push_str("spec: {}\n"),
            spec => {
                body.push_str("spec:\n");
                spec.lines().for_each(|line| body.push_str(&format!("  {line}\n")));
            }
        }
        self.again(now, &body)
    }

    /// The text as its writer left it, under what is to be said now.
    pub fn again(&self, now: &Current, body: &str) -> String {
        let mut head = format!(
            "# {} {}, revision {}. Change the spec, save and leave. Lines that begin with # are left out;\n\
             # an empty file changes nothing. What may stand here: odockctl explain {} --recursive\n",
            noun(self.kind),
            now.name,
            now.revision,
            noun(self.kind)
        );
        if !self.remarks.is_empty() {
            head.push_str("#\n");
        }
        for line in self.remarks.iter().flat_map(|remark| remark.lines()) {
            head.push_str(&format!("# {}\n", clean(line)));
        }
        format!("{head}{body}")
    }

    /// The spec that a text wants.
    ///
    /// # Errors
    /// It is no YAML, or is about something else.
    pub fn read(&self, now: &Current, body: &str) -> Result<Value, CliError> {
        let wrong = |message: String| CliError::new(Exit::Usage, "invalid", message);
        let document: Value = serde_saphyr::from_str(body).map_err(|error| {
            let text = error.to_string();
            wrong(format!("this is no YAML: {}", text.lines().next().unwrap_or_default()))
        })?;
        let is = |pointer: &str, wanted: &str| document.pointer(pointer).and_then(Value::as_str) == Some(wanted);
        if !is("/kind", self.kind.as_str()) || !is("/apiVersion", API_VERSION) {
            return Err(wrong(format!("kind must stay {} and apiVersion {API_VERSION}", self.kind)));
        }
        if !is("/metadata/name", &now.name) {
            return Err(wrong("the name cannot be changed here".to_owned()));
        }
        if now.organisation.as_deref().is_some_and(|own| !is("/metadata/organisation", own)) {
            return Err(wrong("the organisation cannot be changed".to_owned()));
        }
        match document.as_object().and_then(|fields| fields.keys().find(|key| !KEYS.contains(&key.as_str()))) {
            Some(stranger) => Err(wrong(format!("there is no field `{stranger}` beside the spec"))),
            None => document.get("spec").cloned().ok_or_else(|| wrong("the spec is missing".to_owned())),
        }
    }
}

const KEYS: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

/// A text without the lines that begin with `#`; none if nothing is left.
pub fn without_remarks(text: &str) -> Option<String> {
    let kept: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    (!kept.trim().is_empty()).then_some(kept)
}

/// What is wrong, as remarks.
pub fn complaint(error: &CliError) -> Vec<String> {
    let text = error.text("It was not accepted:");
    text.lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Current {
        Current {
            name: "ci: 1".into(),
            organisation: Some("acme".into()),
            revision: 3,
            spec: serde_json::json!({"type": "TEAM"}),
            text: "type: TEAM\n".into(),
        }
    }

    #[test]
    fn a_text_is_read_as_it_was_written() {
        let sheet = Sheet { kind: Kind::ApiKey, remarks: vec!["one\ntwo".into()] };
        let text = sheet.write(&now(), &now().text);
        assert!(text.contains("\n#\n# one\n# two\napiVersion:"), "{text}");
        let body = without_remarks(&text).unwrap();
        assert_eq!(sheet.read(&now(), &body).unwrap(), now().spec);
    }

    #[test]
    fn nothing_but_the_spec_may_change() {
        let sheet = Sheet { kind: Kind::ApiKey, remarks: Vec::new() };
        let body = without_remarks(&sheet.write(&now(), &now().text)).unwrap();
        for (from, to, what) in [
            ("ci: 1", "other", "name"),
            ("ApiKey", "Team", "kind"),
            ("acme", "globex", "organisation"),
            ("spec:", "status: {}\nspec:", "status"),
            ("spec:\n  type: TEAM", "", "spec is missing"),
        ] {
            let error = sheet.read(&now(), &body.replace(from, to)).unwrap_err();
            assert!(error.message().contains(what), "{what}: {}", error.message());
        }
        assert!(sheet.read(&now(), "a: [").unwrap_err().message().contains("no YAML"));
    }

    #[test]
    fn an_empty_file_is_no_text() {
        assert_eq!(without_remarks("# only\n\n#remarks\n"), None);
        assert_eq!(without_remarks(" a: 1 # kept\n").as_deref(), Some(" a: 1 # kept\n"));
    }
}
