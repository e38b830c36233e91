//! What is sealed for which key, as a table.

use entity::envelope::SealedFor;

use crate::output::{Column, Show, yes_no};

impl Show for SealedFor {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("KEY ID", "keyId", |of| of.key_id.clone()),
                Column::new("LIVE", "live", |of| yes_no(of.live)),
                Column::new("PROVIDER KEYS", "providerKeys", |of| of.provider_keys.to_string()),
                Column::new("VIRTUAL KEYS", "virtualKeys", |of| of.virtual_keys.to_string()),
            ]
        }
    }

    fn example() -> Self {
        Self { key_id: "2027-06".into(), live: true, provider_keys: 12, virtual_keys: 3 }
    }

    fn handle(&self) -> String {
        format!("key-id/{}", self.key_id)
    }
}
