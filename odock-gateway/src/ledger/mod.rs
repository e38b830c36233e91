//! Budgets and quotas: what requests set aside before they are sent, and what they are charged afterwards.

mod limit;

pub use self::limit::Limit;
