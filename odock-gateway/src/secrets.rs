//! Opens what administrators sealed.
/// The key pair that secrets are sealed for.
#[derive(Debug)]
pub struct Sealing;
