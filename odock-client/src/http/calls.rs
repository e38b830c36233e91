//! Calls that belong to no organisation.

use entity::access::CanI;
use entity::envelope::EncryptionKey;
use entity::page::{MAX_LIMIT, Page};
use entity::session::Version;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::query::{NoQuery, Paged};
use super::{Admin, Client, ClientError, ListQuery, OrganisationApi, Path, Request};

impl Client {
    /// Asks for `path`.
    ///
    /// # Errors
    /// The call failed, or its answer is no `T`.
    pub async fn get<T: DeserializeOwned>(&self, path: &Path, query: &impl Serialize) -> Result<T, ClientError> {
        Request::new(self, Method::GET, path).query(query)?.read(self).await
    }

    /// Posts a JSON body.
    ///
    /// # Errors
    /// The call failed, or its answer is no `T`.
    pub async fn post<T: DeserializeOwned>(&self, path: &Path, body: &impl Serialize) -> Result<T, ClientError> {
        Request::new(self, Method::POST, path).json(body)?.read(self).await
    }

    /// Deletes what is at `path`.
    ///
    /// # Errors
    /// The call failed.
    pub async fn delete(&self, path: &Path) -> Result<(), ClientError> {
        Request::new(self, Method::DELETE, path).done(self).await
    }

    /// One page of a list.
    ///
    /// # Errors
    /// The call failed.
    pub async fn list<T: DeserializeOwned>(&self, path: &Path, query: &ListQuery) -> Result<Page<T>, ClientError> {
        self.get(path, query).await
    }

    /// A list, page by page, up to `most` items, with the cursor of what is left.
    pub(super) async fn pages<T: DeserializeOwned, Q: Paged>(
        &self,
        path: &Path,
        query: &Q,
        most: usize,
    ) -> Result<Page<T>, ClientError> {
        let mut query = query.clone();
        let size = query.limit().unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT);
        let mut items = Vec::new();
        loop {
            // The last page is asked for in the size that fits, so that its cursor continues the list without a hole.
            let left = u32::try_from(most.saturating_sub(items.len())).unwrap_or(MAX_LIMIT);
            query.at_most(size.min(left.max(1)));
            let page: Page<T> = self.get(path, &query).await?;
            let empty = page.items.is_empty();
            items.extend(page.items);
            match page.next_cursor {
                // A page without items that promises more would be asked for for ever.
                Some(cursor) if items.len() < most && !empty => query.begin_at(cursor),
                next_cursor => return Ok(Page { items, next_cursor }),
            }
        }
    }

    /// A whole list, whatever its length.
    ///
    /// # Errors
    /// A call failed.
    pub async fn list_all<T: DeserializeOwned>(&self, path: &Path, query: &ListQuery) -> Result<Vec<T>, ClientError> {
        Ok(self.pages(path, query, usize::MAX).await?.items)
    }

    /// What the gateway is. Needs no token.
    ///
    /// # Errors
    /// The call failed.
    pub async fn version(&self) -> Result<Version, ClientError> {
        self.get(&Path::fixed("api/version"), &NoQuery {}).await
    }

    /// The public key for [`crate::seal::Sealer`].
    ///
    /// # Errors
    /// The call failed.
    pub async fn encryption_key(&self) -> Result<EncryptionKey, ClientError> {
        self.get(&Path::fixed("api/encryption-key"), &NoQuery {}).await
    }

    /// The table of who may do what, as the gateway prints it.
    ///
    /// # Errors
    /// The call failed.
    pub async fn auth_matrix(&self) -> Result<Value, ClientError> {
        self.get(&Path::fixed("api/auth/matrix"), &NoQuery {}).await
    }

    /// Whether the caller may do something; without a verb and a kind, everything that it may.
    ///
    /// # Errors
    /// The call failed, or the table knows no such thing.
    pub async fn can_i(&self, ask: Option<(&str, &str)>, name: Option<&str>) -> Result<CanI, ClientError> {
        #[derive(Serialize)]
        struct Ask<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            verb: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            kind: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<&'a str>,
        }
        let (verb, kind) = ask.unzip();
        self.get(&Path::fixed("api/can-i"), &Ask { verb, kind, name }).await
    }

    /// What happens inside one organisation, by slug or id.
    #[must_use]
    pub fn organisation(&self, organisation: &str) -> OrganisationApi {
        OrganisationApi::new(self.clone(), organisation)
    }

    /// What only super admins may do.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::new(self.clone())
    }
}
