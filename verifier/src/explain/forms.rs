//! Forms of values, and finding and replacing what has them. Pure: nothing here knows of causes.

pub(super) mod value;
pub(super) mod pattern;
pub(super) mod calendar;
pub(super) mod moments;
pub(super) mod items;
pub(super) mod blocks;
pub(super) mod quotes;
pub(super) mod modes;
