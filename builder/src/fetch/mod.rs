//! Phase 1: the only code that opens a socket. Takes a list of pinned things, gives a wheelhouse.

pub mod request;
