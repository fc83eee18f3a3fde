//! A lock below the top of the source tree.

use super::{Lock, Package};

impl Lock {
    /// Moves the lock from `directory` to the top of the source tree: all its local paths become
    /// relative to the tree. A path that leads out of the tree starts with `..`.
    #[must_use]
    pub fn within(mut self, directory: &str) -> Self {
        if directory == "." {
            return self;
        }
        let edges = |package: &mut Package| {
            let Package { dependencies, extras, groups, .. } = package;
            let edges = [dependencies].into_iter().chain(extras.values_mut());
            for edge in edges.chain(groups.values_mut()).flatten() {
                if let Some(source) = &mut edge.source {
                    source.move_within(directory);
                }
            }
        };
        for package in &mut self.packages {
            package.source.move_within(directory);
            edges(package);
        }
        directory.clone_into(&mut self.directory);
        self
    }
}
