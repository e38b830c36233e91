//! Calls that belong to no organisation.

use entity::envelope::EncryptionKey;
use entity::page::{MAX_LIMIT, Page};
use entity::session::{CreateToken, IssuedToken, SignIn, Token, Version, WhoAmI};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
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

    /// Who the token belongs to.
    ///
    /// # Errors
    /// The call failed.
    pub async fn whoami(&self) -> Result<WhoAmI, ClientError> {
        self.get(&Path::fixed("api/whoami"), &NoQuery {}).await
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

    /// Turns a one-time sign-in token into a personal token. Needs no token of its own, and is never repeated.
    ///
    /// # Errors
    /// The call failed.
    pub async fn sign_in(&self, token: &SecretString, name: Option<&str>) -> Result<IssuedToken, ClientError> {
        let body = SignIn { token: token.expose_secret().to_owned(), name: name.map(str::to_owned) };
        Request::new(self, Method::POST, &Path::fixed("api/auth/sign-in"))
            .of_the_session()
            .json(&body)?
            .read(self)
            .await
    }

    /// Revokes the token that this client calls with.
    ///
    /// # Errors
    /// The call failed.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        Request::new(self, Method::POST, &Path::fixed("api/auth/sign-out")).of_the_session().done(self).await
    }

    /// The caller's own personal tokens.
    ///
    /// # Errors
    /// A call failed.
    pub async fn tokens(&self) -> Result<Vec<Token>, ClientError> {
        self.list_all(&Path::fixed("api/auth/tokens"), &ListQuery::default()).await
    }

    /// Makes a personal token for the caller.
    ///
    /// # Errors
    /// The call failed.
    pub async fn create_token(&self, token: &CreateToken) -> Result<IssuedToken, ClientError> {
        self.post(&Path::fixed("api/auth/tokens"), token).await
    }

    /// Revokes one of the caller's own tokens.
    ///
    /// # Errors
    /// The call failed.
    pub async fn revoke_token(&self, id: entity::AccessTokenId) -> Result<(), ClientError> {
        self.delete(&Path::fixed("api/auth/tokens").name(&id.to_string())?).await
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
