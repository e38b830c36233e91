//! Pieces of pictures that know nothing of the model.

pub mod ascii;
pub mod cursor;
pub mod edit;
pub mod gauge;
pub mod layout;
pub mod spark;
pub mod table;
pub mod text;
