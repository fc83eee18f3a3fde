//! HTTP as phase 1 needs it: one client for a run, which reuses connections, goes through the
//! proxies of the environment, trusts the certificates of the system, and follows redirects.
//! `download` fetches files with it. Data from here is not yet trusted.

mod client;
mod resolver;
mod pace;
mod download;
mod error;

pub use client::{Client, Page, Patience};
pub use download::Pin;
pub use error::{TransferError, because};
