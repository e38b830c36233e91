//! The live dashboard of Odock, as a core that knows neither terminal nor network.
//!
//! `update(&mut Model, Msg, &Env) -> Vec<Effect>` is the only way in which anything changes, and does no I/O;
//! `view(&Model, &mut Frame)` is the only way in which anything is shown, and changes nothing. What has to happen in the
//! world leaves as an [`effects::Effect`] and comes back as a [`msg::Msg`]; the program around this library runs them.
//!
//! | module | holds |
//! | --- | --- |
//! | [`model`] [`update`] [`view`] | the state, its transitions, its picture |
//! | [`action`] [`keys`] | what a person can do, and the keys that do it; help and palette are made from them |
//! | [`effects`] [`msg`] [`mod@env`] | the border with the world; `effects::admit` is the one place that refuses mutations |
//! | [`link`] [`live`] [`remote`] | the gateway: connection with backoff, live aggregates, loaded data |
//! | [`screens`] | one file a screen; a new one is a file and a line in the registry |
//! | [`overlay`] [`widgets`] [`theme`] [`mod@format`] | dialogs, tables and charts, colours, human numbers |

pub mod action;
pub mod acts;
pub mod effects;
pub mod env;
pub mod filter;
pub mod format;
pub mod fuzzy;
pub mod keys;
pub mod link;
pub mod live;
pub mod model;
pub mod msg;
pub mod overlay;
pub mod remote;
pub mod screens;
pub mod theme;
pub mod update;
pub mod view;
pub mod widgets;
