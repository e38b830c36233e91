//! The program as its users meet it: started with arguments, against a gateway that answers as scripted.

#![allow(unreachable_pub, reason = "nothing is outside of a test program")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

mod audit;
mod canary;
mod catalogue;
mod chat;
mod completion;
mod credentials;
mod declarative;
mod describe;
mod doctor;
mod edit;
mod errors;
mod exits;
mod formats;
mod guards;
mod help;
mod hostile;
mod keys;
mod labels;
mod limits;
mod session;
mod sinks;
mod support;
mod tail;
mod verbs;
mod watch;
