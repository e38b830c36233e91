//! Identifiers: UUIDv7, so that they sort by creation and need no coordination (RFC 9562, section 5.7).

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Makes a new identifier that sorts after those made before it.
            #[must_use]
            #[allow(clippy::new_without_default, reason = "a fresh id is an act, not a default")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        #[cfg(feature = "db")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// Names an organisation, the tenant boundary.
    OrganisationId;
    /// Names a person who administers or calls.
    UserId;
    /// Names a personal access token or a one-time sign-in token.
    AccessTokenId;
    /// Names a session: somebody signed in.
    SessionId;
    /// Names a user's identity at another issuer.
    ExternalIdentityId;
    /// Names a sign-in by a code that is typed elsewhere.
    DeviceSignInId;
    /// Names a service account.
    ServiceAccountId;
    /// Names a service account's place in a team.
    ServiceAccountTeamId;
    /// Names a token of another issuer that was used up.
    UsedAssertionId;
    /// Names an invitation.
    InvitationId;
    /// Names a team.
    TeamId;
    /// Names a user's membership of a team.
    TeamMemberId;
    /// Names an upstream provider of an organisation.
    ProviderId;
    /// Names a provider's credential.
    ProviderKeyId;
    /// Names a model that callers may ask for.
    ModelId;
    /// Names a virtual API key.
    ApiKeyId;
    /// Names one rotation of a virtual API key.
    RotationId;
    /// Names a grant of a model to a key.
    GrantId;
    /// Names a usage record.
    UsageRecordId;
    /// Names an audit event.
    AuditEventId;
    /// Names a budget.
    BudgetId;
    /// Names a quota.
    QuotaId;
    /// Names a policy overlay.
    OverlayId;
    /// Names what one owner declared of one resource.
    ManagedResourceId;
    /// Names a window of a budget or quota.
    WindowId;
    /// Names a task that is done while its caller does something else.
    JobId;
    /// Names a gateway process's data directory, over all its restarts.
    NodeId;
}
