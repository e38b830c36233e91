//! Everything that is sealed, whatever it belongs to: for which keys, and how to put it in other envelopes.

use std::collections::BTreeMap;
use std::fmt;

use entity::Timestamp;
use entity::envelope::Envelope;
use entity::row::{api_key, provider_api_key};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use uuid::Uuid;

/// What a sealed secret belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A provider's credential.
    ProviderKey,
    /// A virtual key that nobody has seen yet.
    ApiKey,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProviderKey => "provider key",
            Self::ApiKey => "virtual key",
        })
    }
}

/// A sealed secret.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// What it belongs to.
    pub holder: Holder,
    /// That one's id.
    pub id: Uuid,
    /// What is stale when it changes.
    pub subject: Uuid,
    /// The envelope.
    pub envelope: Envelope,
}

/// How many secrets of each holder are sealed for each key.
pub type Counts = BTreeMap<String, BTreeMap<Holder, u64>>;

#[derive(FromQueryResult)]
struct Count {
    key_id: Option<String>,
    number: i64,
}

/// Counts what is sealed, by key id.
pub async fn counts(db: &impl ConnectionTrait) -> Result<Counts, DbErr> {
    let mut counts = Counts::new();
    for (holder, table, column) in
        [(Holder::ProviderKey, "provider_api_key", "sealed"), (Holder::ApiKey, "api_key", "sealed_secret")]
    {
        let backend = db.get_database_backend();
        let key_id = key_id(backend, column);
        let sql =
            format!("SELECT {key_id} AS key_id, COUNT(*) AS number FROM {table} WHERE {column} IS NOT NULL GROUP BY 1");
        for count in Count::find_by_statement(Statement::from_string(backend, sql)).all(db).await? {
            // An unseen virtual key that was shown since keeps a JSON `null`, which names no key.
            let Some(key) = count.key_id else { continue };
            counts.entry(key).or_default().insert(holder, u64::try_from(count.number).unwrap_or(0));
        }
    }
    Ok(counts)
}

/// The key id of an envelope in a JSON column, in SQL.
fn key_id(backend: DbBackend, column: &str) -> String {
    match backend {
        DbBackend::Postgres => format!("{column} ->> 'keyId'"),
        _ => format!("json_extract({column}, '$.keyId')"),
    }
}

/// Up to `most` secrets that are sealed for another key, oldest first.
pub async fn other_than(db: &impl ConnectionTrait, key: &str, most: u64) -> Result<Vec<Sealed>, DbErr> {
    let backend = db.get_database_backend();
    let differs = |column| Expr::cust(key_id(backend, column)).ne(key);
    let providers: Vec<(Uuid, Uuid, Envelope)> = provider_api_key::Entity::find()
        .select_only()
        .columns([provider_api_key::Column::Id, provider_api_key::Column::ProviderId, provider_api_key::Column::Sealed])
        .filter(differs("sealed"))
        .order_by_asc(provider_api_key::Column::Id)
        .limit(most)
        .into_tuple()
        .all(db)
        .await?;
    let of_provider = |(id, subject, envelope)| Sealed { holder: Holder::ProviderKey, id, subject, envelope };
    let mut found: Vec<Sealed> = providers.into_iter().map(of_provider).collect();
    let left = most.saturating_sub(found.len() as u64);
    let keys: Vec<(Uuid, Option<Envelope>)> = api_key::Entity::find()
        .select_only()
        .columns([api_key::Column::Id, api_key::Column::SealedSecret])
        .filter(api_key::Column::SealedSecret.is_not_null())
        .filter(differs("sealed_secret"))
        .order_by_asc(api_key::Column::Id)
        .limit(left)
        .into_tuple()
        .all(db)
        .await?;
    found
        .extend(keys.into_iter().filter_map(|(id, envelope)| {
            Some(Sealed { holder: Holder::ApiKey, id, subject: id, envelope: envelope? })
        }));
    Ok(found)
}

/// Puts a secret into another envelope, unless it is no longer in the one that was read. Whether it was.
pub async fn replace(
    db: &impl ConnectionTrait,
    old: &Sealed,
    new: &Envelope,
    fingerprint: &str,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let backend = db.get_database_backend();
    // Ciphertexts are unique: the same one is the same envelope.
    let same = |column: &str| {
        let ciphertext = match backend {
            DbBackend::Postgres => format!("{column} ->> 'ciphertext'"),
            _ => format!("json_extract({column}, '$.ciphertext')"),
        };
        Expr::cust(ciphertext).eq(old.envelope.ciphertext.as_str())
    };
    let done = match old.holder {
        Holder::ProviderKey => {
            let columns = provider_api_key::ActiveModel {
                sealed: Set(new.clone()),
                fingerprint: Set(fingerprint.to_owned()),
                updated_at: Set(now),
                ..Default::default()
            };
            let update = provider_api_key::Entity::update_many().set(columns);
            update.filter(provider_api_key::Column::Id.eq(old.id)).filter(same("sealed")).exec(db).await?
        }
        Holder::ApiKey => {
            let columns = api_key::ActiveModel {
                sealed_secret: Set(Some(new.clone())),
                updated_at: Set(now),
                ..Default::default()
            };
            let update = api_key::Entity::update_many().set(columns);
            update.filter(api_key::Column::Id.eq(old.id)).filter(same("sealed_secret")).exec(db).await?
        }
    };
    Ok(done.rows_affected == 1)
}
