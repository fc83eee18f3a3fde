//! The state of one run that makes a build lock, shared by its parallel questions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use base::packaging::PackageName;
use url::Url;

use super::Maker;
use super::built::{Built, BuiltMetadata};
use super::interpreter::Interpreter;
use super::pins::Pins;
use crate::fetch::Settings;
use crate::fetch::http::Client;
use crate::fetch::index::{Index, Lookup};
use crate::lock::build_graph::BuildName;
use crate::lock::build_lock::{FilePlace, LockedFile, Requirement, Tool, ToolSource};
use crate::lock::resolve::Resolution;
use base::sys::Host;
use base::vocabulary::{Problem, Redacted};

/// The date up to which files are seen, and who says so.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) date: String,
    pub(super) origin: &'static str,
}

/// The state of one run.
pub(super) struct Run<'a> {
    pub(super) bound: Option<Bound>,
    /// Of the target whose wheels can run here.
    pub(super) here: &'a Resolution,
    /// A directory of this run.
    pub(super) work: &'a Path,
    interpreter: OnceLock<Result<Interpreter, Problem>>,
    // One lock for each question: who asks what is being asked waits for that answer.
    memo: Mutex<BTreeMap<String, Arc<Mutex<Option<Pins>>>>>,
    /// Whether an index says when files were uploaded, once that is known.
    dated: Mutex<BTreeMap<Url, bool>>,
    /// One at a time works on tools: they need each other, in any order.
    tools_alone: Mutex<()>,
    pub(super) found: Mutex<Found>,
}

/// What was found out.
#[derive(Default)]
pub(super) struct Found {
    pub(super) tools: BTreeMap<Requirement, Tool>,
    pub(super) wheels: BTreeMap<Requirement, BTreeSet<LockedFile>>,
    /// What each backend has answered. It is asked once: PEP 517 has no notion of another target
    /// than the interpreter that asks.
    pub(super) answers: BTreeMap<BuildName, BTreeSet<String>>,
    /// Wheels of tools that were built, and what they say.
    pub(super) built: BTreeMap<ToolSource, Built>,
    /// Where what is built from source comes from.
    pub(super) sources: BTreeMap<Requirement, ToolSource>,
}

/// The builds that wait for what is asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    waiting: Vec<Requirement>,
    /// Whether it is the one chain that works on tools.
    alone: bool,
}

impl Chain {
    /// With one more, which is worked on.
    ///
    /// # Errors
    /// It waits for itself.
    pub(super) fn with(&self, requirement: &Requirement) -> Result<Self, Problem> {
        if let Some(from) = self.waiting.iter().position(|it| it == requirement) {
            let cycle = self.waiting[from..].iter().chain([requirement]).map(ToString::to_string);
            let problem = Problem::new("build requirements form a cycle");
            return Err(problem.fact("cycle", cycle.collect::<Vec<_>>().join(" → ")).hint(
                "one of them must come as a wheel: from another index, or, if the project has it \
                 in `no-binary-package`, taken out of that",
            ));
        }
        let waiting = self.waiting.iter().chain([requirement]).cloned().collect();
        Ok(Self { waiting, alone: true })
    }

    /// The same, once it is alone.
    pub(super) fn entered(&self) -> Self {
        Self { alone: true, ..self.clone() }
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(bound: Option<Bound>, here: &'a Resolution, work: &'a Path) -> Self {
        Self {
            bound,
            here,
            work,
            interpreter: OnceLock::new(),
            memo: Mutex::default(),
            dated: Mutex::default(),
            tools_alone: Mutex::default(),
            found: Mutex::default(),
        }
    }

    pub(super) fn bound_date(&self) -> Option<&str> {
        self.bound.as_ref().map(|bound| bound.date.as_str())
    }

    /// The interpreter that uv is given.
    pub(super) fn interpreter(&self, maker: &Maker<'_>) -> Result<&Interpreter, Problem> {
        let made = self.interpreter.get_or_init(|| Interpreter::describe(maker, self.work));
        made.as_ref().map_err(Clone::clone)
    }

    /// The answer to a question, which is asked once. Who waits for it must not be waited for: a
    /// question that a tool's build has rather asks again.
    pub(super) fn memo(
        &self,
        key: &str,
        chain: &Chain,
        ask: impl FnOnce() -> Result<Pins, Problem>,
    ) -> Result<Pins, Problem> {
        let slot = {
            let mut known = self.memo.lock().expect("nothing panics with it");
            Arc::clone(known.entry(key.to_owned()).or_default())
        };
        let answer = if chain.alone { slot.try_lock().ok() } else { slot.lock().ok() };
        let Some(mut answer) = answer else {
            return ask();
        };
        if let Some(pins) = &*answer {
            return Ok(pins.clone());
        }
        let pins = ask()?;
        *answer = Some(pins.clone());
        Ok(pins)
    }

    /// Until it is dropped, nobody else works on tools. Who was let in at the start of a chain is
    /// so for all of it.
    pub(super) fn alone(&self, chain: &Chain) -> Option<MutexGuard<'_, ()>> {
        (!chain.alone).then(|| self.tools_alone.lock().expect("nothing panics with it"))
    }

    pub(super) fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().expect("nothing panics with it")
    }

    /// What is known of distributions of indexes whose metadata only their wheels have.
    pub(super) fn known_of_indexes(&self) -> Vec<(PackageName, BuiltMetadata)> {
        let found = self.found();
        let of_index = found.built.iter().filter_map(|(source, built)| match source {
            ToolSource::Archive { file, .. } if file.place == FilePlace::Index => Some(built),
            _ => None,
        });
        of_index.map(|built| (built.name.clone(), built.metadata.clone())).collect()
    }

    /// Notes where build requirements come from.
    pub(super) fn keep(&self, pins: &Pins) {
        let mut found = self.found();
        for (requirement, pin) in pins {
            let files = found.wheels.entry(requirement.clone()).or_default();
            files.extend(pin.wheel.clone());
            if let Some(source) = &pin.source {
                found.sources.insert(requirement.clone(), source.clone());
            }
        }
    }

    /// Whether an index says when files were uploaded (PEP 700), if that is known.
    pub(super) fn is_dated(&self, index: &Index) -> Option<bool> {
        self.dated.lock().expect("nothing panics with it").get(&index.url).copied()
    }

    /// The indexes that are known not to say when files were uploaded: no bound counts for them,
    /// or they would be empty.
    pub(super) fn undated(&self, indexes: &[Index]) -> BTreeSet<Url> {
        let undated = indexes.iter().filter(|index| self.is_dated(index) == Some(false));
        undated.map(|index| index.url.clone()).collect()
    }

    /// Finds out whether an index says when files were uploaded, if it has any of `names`.
    pub(super) fn look_for_dates(
        &self,
        index: &Index,
        names: &[&PackageName],
        settings: &Settings,
        host: Host<'_>,
    ) {
        if self.is_dated(index).is_some() {
            return;
        }
        let client = Client::new(host.environment, settings.patience);
        let lookup = Lookup::new(&client, host.environment, settings);
        // What cannot be read, uv reports.
        let dated = names.iter().find_map(|name| lookup.has_dates(index, name).ok().flatten());
        let Some(dated) = dated else { return };
        let mut known = self.dated.lock().expect("nothing panics with it");
        if known.insert(index.url.clone(), dated).is_none() && !dated {
            host.progress.warn(&format!(
                "the index `{}` does not say when files were uploaded; `exclude-newer` does not \
                 bound what comes from it",
                Redacted(&index.url)
            ));
        }
    }
}
