//! A lock below the top of the source tree.

use super::{Lock, Package};

impl Lock {
    /// The lock as if it lay at the top of the source tree, in whose `directory` it lies: all local
    /// paths of it become relative to the tree. One that leads out of the tree begins with `..`.
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
