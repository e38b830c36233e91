//! Whether a stream may go on: its caller is held against the table for as long as it lasts.

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::FromRequestParts;
use entity::usage::UsageRecord;
use entity::vocab::Role;
use entity::{OrganisationId, TeamId};
use http::request::Parts;
use tokio::time::Instant;

use super::caller::{Caller, MaybeTenant};
use super::guard;
use super::table::{Rule, Target};
use crate::gateway::Gateway;
use crate::management::problem::ApiError;
use crate::store;
use crate::store::reach::{Member, Reach};

/// How often a caller is looked at again.
pub(in crate::management) const RECHECK: Duration = Duration::from_secs(1);
/// How long a caller is trusted that cannot be looked at.
const TRUST: Duration = Duration::from_secs(10);

/// The caller of a stream, and the line of the table under which it was opened.
#[derive(Clone, Debug)]
pub(in crate::management) struct Standing {
    caller: Caller,
    rule: Rule,
    organisation: Option<OrganisationId>,
    /// How far the caller reaches.
    pub(in crate::management) reach: Reach,
    trusted_at: Instant,
}

impl<S: Sync> FromRequestParts<S> for Standing {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let (rule, reach) = (parts.extensions.get::<Rule>(), parts.extensions.get::<Reach>());
        let (Some(rule), Some(reach)) = (rule, reach) else {
            return Err(ApiError::internal("a stream was reached around the guard"));
        };
        let organisation = match parts.extensions.get::<MaybeTenant>() {
            Some(MaybeTenant::Known(tenant)) => Some(tenant.id),
            _ => None,
        };
        Ok(Self { caller, rule: *rule, organisation, reach: *reach, trusted_at: Instant::now() })
    }
}

impl Standing {
    /// Looks at the caller again, and says whether the stream may go on: as long as the caller reaches what it did.
    pub(in crate::management) async fn holds(&mut self, gateway: &Gateway) -> bool {
        match tokio::time::timeout(RECHECK, self.look(gateway)).await {
            Ok(Ok(reach)) => {
                self.trusted_at = Instant::now();
                reach == Some(self.reach)
            }
            // Nobody can say at present.
            Ok(Err(_)) | Err(_) => self.trusted_at.elapsed() < TRUST,
        }
    }

    async fn look(&self, gateway: &Gateway) -> Result<Option<Reach>, ApiError> {
        let Some(now) = guard::again(gateway, &self.caller).await? else { return Ok(None) };
        let is_inside = match self.rule.target {
            Target::Organisation | Target::OrganisationOrNew => {
                now.role == Role::SuperAdmin || now.organisation_id == self.organisation
            }
            Target::Open | Target::Session | Target::Everything => true,
        };
        Ok(self.rule.decide(now.role).reach(self.caller.member()).filter(|_| is_inside))
    }
}

/// The usage that a caller of limited reach gets to see, for those who look at one record at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::management) struct Mine {
    member: Member,
    teams: HashSet<TeamId>,
}

impl Mine {
    /// Looks up what belongs to a reach; `None` where that is everything.
    pub(in crate::management) async fn of(gateway: &Gateway, reach: Reach) -> Result<Option<Self>, ApiError> {
        let (member, teams) = match reach {
            Reach::Everything => return Ok(None),
            Reach::Own(member) => (member, HashSet::new()),
            Reach::Teams(member) => (member, store::reach::managed_teams(gateway.database.reader(), member).await?),
        };
        Ok(Some(Self { member, teams }))
    }

    /// Whether a record is among it.
    pub(in crate::management) fn has(&self, record: &UsageRecord) -> bool {
        record.user_id.is_some_and(|user| Member::User(user) == self.member)
            || record.team_id.is_some_and(|team| self.teams.contains(&team))
    }
}
