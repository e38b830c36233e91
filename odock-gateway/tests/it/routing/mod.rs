//! Smart routing: calls go on to another upstream when theirs fails, and upstreams that keep failing rest.

mod breakers;
mod candidates;
mod failover;
mod hedge;
mod money;
mod streams;
mod turns;
mod unified;
