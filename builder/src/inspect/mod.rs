//! Looks at a recipe, its graphs and the machine, and changes nothing.

pub mod graphs; // the two graphs as a person looks at them
pub mod why_rebuild; // what a build would compile, and why
pub mod doctor; // what the machine lacks
