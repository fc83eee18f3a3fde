//! The corpus itself, and the parts that judge it.

use super::*;

#[test]
fn faults_are_detected_and_their_causes_named_without_false_alarms() {
    let shell = Shell::new().unwrap();
    let rows = rows(&shell, "sample", &[]).unwrap();
    assert!(rows.len() >= 30, "{} cases", rows.len());
    table::verdict(&rows).unwrap_or_else(|error| panic!("{error}\n{}", table::text(&rows)));
}
