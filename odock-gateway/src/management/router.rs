//! Every route of the management API.
