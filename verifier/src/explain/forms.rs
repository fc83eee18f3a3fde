//! Finds and replaces values by their form. Pure: it knows no causes.

pub(super) mod value;
pub(super) mod pattern;
pub(super) mod calendar;
pub(super) mod moments;
pub(super) mod items;
pub(super) mod blocks;
pub(super) mod quotes;
pub(super) mod modes;
