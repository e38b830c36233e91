//! Who somebody is: passwords, sessions, other issuers' tokens, service accounts, invitations.

mod exchange;
mod fake_github;
mod github;
mod guessing;
mod hostile;
mod invitations;
mod issuer;
mod passwords;
mod service_accounts;
mod sessions;
mod users;
