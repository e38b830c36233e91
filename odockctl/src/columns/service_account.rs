//! Service accounts as a table.

use std::collections::BTreeSet;

use entity::resource::{ClaimRule, ServiceAccount, ServiceAccountSpec, ServiceAccountState, TrustRule};
use entity::vocab::{Role, Scope};

use super::resources::{created, ident, name, organisation, resource, revision};
use super::{at, or_dash};
use crate::output::{Column, Show, instant, yes_no};

impl Show for ServiceAccount {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::new("NAME", "name", name),
                Column::new("ROLE", "spec.role", |a| a.spec.role.to_string()),
                Column::new("SCOPES", "spec.scopes", |a| {
                    a.spec.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
                }),
                Column::new("TRUSTS", "spec.trust", |a| {
                    let issuers = a.spec.trust.iter().map(|rule| rule.issuer.as_str());
                    issuers.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",")
                }),
                Column::new("DISABLED", "spec.disabled", |a| yes_no(a.spec.disabled)),
                Column::new("TOKENS", "status.tokens", |a| a.status.tokens.to_string()),
                Column::new("LAST USED", "status.lastUsedAt", |a| or_dash(a.status.last_used_at.map(instant))),
                Column::wide("TEAMS", "spec.teams", |a| a.spec.teams.iter().cloned().collect::<Vec<_>>().join(",")),
                Column::wide("DESCRIPTION", "spec.description", |a| or_dash(a.spec.description.as_ref())),
                Column::wide("ORGANISATION", "organisation", organisation),
                Column::wide("CREATED", "createdAt", created),
                Column::wide("REVISION", "revision", revision),
                Column::wide("ID", "id", ident),
            ]
        }
    }

    fn example() -> Self {
        let rule = TrustRule {
            name: "main".into(),
            issuer: "https://token.actions.githubusercontent.com".into(),
            audience: "https://odock.acme.example".into(),
            subject: "repo:acme/web:ref:refs/heads/main".into(),
            claims: vec![ClaimRule { claim: "repository_id".into(), matches: "1296269".into() }],
            reusable: true,
        };
        let spec = ServiceAccountSpec {
            description: Some("Deploys".into()),
            role: Role::OrgAdmin,
            scopes: [Scope::Read, Scope::Write].into(),
            teams: ["search".to_owned()].into(),
            trust: vec![rule],
            disabled: true,
        };
        resource(spec, ServiceAccountState { tokens: 1, last_used_at: Some(at()) })
    }

    fn handle(&self) -> String {
        format!("service-account/{}", self.name)
    }
}
