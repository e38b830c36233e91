//! Moves what is sealed for older keys to the newest.
//!
//! Whoever holds the private keys does this: the data plane. The control plane asks for a batch and learns how many moved.
//! A batch is one transaction a secret, so that it can stop anywhere and be asked for again.

use entity::envelope::Envelope;
use secrecy::SecretString;

use crate::gateway::Gateway;
use crate::secrets::{SealError, Sealing};
use crate::store;
use crate::store::sealed::{self, Holder, Sealed};

/// What a batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Secrets that are sealed for the newest key now.
    pub moved: u64,
    /// Secrets that were changed at the same moment: the next batch finds them as they are.
    pub skipped: u64,
}

/// Why a batch ended early. What was moved before stays moved.
#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] sea_orm::DbErr),
    /// A secret does not open.
    #[error("the secret of the {holder} {id} does not open: {reason}")]
    Sealed {
        /// What it belongs to.
        holder: Holder,
        /// Its id.
        id: uuid::Uuid,
        /// Why.
        reason: SealError,
    },
}

/// Moves up to `most` secrets.
///
/// # Errors
/// The database failed, or a secret does not open.
pub async fn batch(gateway: &Gateway, most: u64) -> Result<Moved, RewrapError> {
    let newest = gateway.sealing.key_id();
    let found = sealed::other_than(gateway.database.writer(), newest, most).await?;
    let (mut done, mut subjects) = (Moved::default(), Vec::new());
    for one in found {
        let (envelope, fingerprint) = renewed(gateway, &one)?;
        let now = gateway.clock.now();
        if sealed::replace(gateway.database.writer(), &one, &envelope, &fingerprint, now).await? {
            done.moved += 1;
            subjects.push(one.subject);
        } else {
            done.skipped += 1;
        }
    }
    gateway.invalidate(&subjects).await;
    Ok(done)
}

/// Refuses to start without a key that something is still sealed for: it would be found out only when it is needed.
///
/// A node that made its own key cannot have lost a configured one; it is told, for it may share the database by mistake.
///
/// # Errors
/// Which keys are missing, and what is sealed for them.
pub async fn check_keys(database: &store::Database, sealing: &Sealing) -> anyhow::Result<()> {
    let counts = match sealed::counts(database.reader()).await {
        Ok(counts) => counts,
        // Whether the database is there, and its schema whole, is found out elsewhere.
        Err(error) => {
            tracing::debug!(%error, "Could not look what is sealed for which key");
            return Ok(());
        }
    };
    let missing: Vec<String> = counts
        .into_iter()
        .filter(|(key, _)| !sealing.key_ids().any(|known| known == key))
        .map(|(key, holders)| {
            let parts: Vec<String> = holders.iter().map(|(holder, number)| format!("{number} {holder}(s)")).collect();
            format!("{} for `{key}`", parts.join(" and "))
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = format!("secrets are sealed for keys that this gateway does not have: {}", missing.join("; "));
    if sealing.is_generated() {
        tracing::error!("{what}; they cannot be used");
        return Ok(());
    }
    anyhow::bail!(
        "{what}. Add the missing keys to secrets.previous_keys (PROVIDER_KEY_ENCRYPTION_PREVIOUS_KEYS), move everything \
         to the newest with `odockctl secrets rewrap`, and only then take them out"
    )
}

/// The same secret, sealed for the newest key, and its fingerprint under that key.
fn renewed(gateway: &Gateway, one: &Sealed) -> Result<(Envelope, String), RewrapError> {
    let failed = |reason| RewrapError::Sealed { holder: one.holder, id: one.id, reason };
    let secret: SecretString = gateway.sealing.open(&one.envelope).map_err(failed)?;
    let envelope = gateway.sealing.seal(&secret).map_err(failed)?;
    Ok((envelope, gateway.sealing.fingerprint(&secret)))
}
