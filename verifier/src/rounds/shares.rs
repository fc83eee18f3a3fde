//! Runs rounds side by side, each on its own processors. If all rounds used all processors, a round
//! that starts more compilers would finish early, and the other could not use the freed processors.

use std::thread::ScopedJoinHandle;

use base::vocabulary::Problem;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::rounds::Round;

/// What each of the rounds may use that run at the same time.
#[derive(Debug)]
pub(crate) struct Shares(Vec<CpuSet>);

impl Shares {
    /// Divides the processors of this process among rounds: as many rounds run at once as there are
    /// processors. If the kernel does not report them, one round runs at a time.
    pub(crate) fn among(rounds: usize) -> Self {
        let Ok(own) = sched_getaffinity(None) else {
            return Self(vec![CpuSet::new()]);
        };
        let processors = (0..CpuSet::MAX_CPU).filter(|it| own.is_set(*it));
        let mut shares = vec![CpuSet::new(); rounds.min(own.count() as usize).max(1)];
        let count = shares.len();
        for (index, processor) in processors.enumerate() {
            shares[index % count].set(processor);
        }
        Self(shares)
    }

    /// Does the same in each round.
    ///
    /// # Errors
    /// Those of all rounds, as one with the worst outcome.
    pub(crate) fn of_each<T: Send>(
        &self,
        rounds: &[Round],
        work: impl Fn(&Round) -> Result<T, Problem> + Sync,
    ) -> Result<Vec<T>, Problem> {
        let work = &work;
        let mut done = Vec::new();
        for some in rounds.chunks(self.0.len()) {
            let results = std::thread::scope(|scope| {
                let begin = |(round, share)| {
                    scope.spawn(move || {
                        // Processes inherit it. Where it is not allowed, they share as they can.
                        let _ = sched_setaffinity(None, share);
                        work(round)
                    })
                };
                let threads: Vec<_> = some.iter().zip(&self.0).map(begin).collect();
                let join = |thread: ScopedJoinHandle<'_, Result<T, Problem>>| {
                    thread.join().expect("no round panics")
                };
                threads.into_iter().map(join).collect::<Vec<_>>()
            });
            done.extend(all(results)?);
        }
        Ok(done)
    }
}

/// All results, or all errors as one: the first has the words, the worst the outcome.
pub(crate) fn all<T>(results: Vec<Result<T, Problem>>) -> Result<Vec<T>, Problem> {
    let (mut done, mut failed) = (Vec::new(), None);
    for result in results {
        match (result, failed.take()) {
            (Ok(one), None) => done.push(one),
            (Ok(_), earlier) => failed = earlier,
            (Err(problem), None) => failed = Some(problem),
            (Err(problem), Some(earlier)) => {
                let worst = problem.outcome.max(earlier.outcome);
                failed = Some(earlier.fact("and", &problem).outcome(worst));
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_hides_another() {
        let failed = |what: &str| Err(Problem::usage(what).fact("why", what));
        assert_eq!(all(vec![Ok(1), Ok(2)]).unwrap(), [1, 2]);
        let problem = all(vec![Err(Problem::new("one")), Ok(1), failed("two")]).unwrap_err();
        assert_eq!(problem.to_string(), "one\n  and  two\n         why  two");
        assert_eq!(problem.outcome.code(), 1);
    }

    #[test]
    fn every_processor_is_in_one_share() {
        let own = sched_getaffinity(None).unwrap();
        let all = |set: &CpuSet| (0..CpuSet::MAX_CPU).filter(|it| set.is_set(*it)).collect();
        let processors: Vec<usize> = all(&own);
        for rounds in [1, 2, 3, 1000] {
            let Shares(shares) = Shares::among(rounds);
            assert_eq!(shares.len(), rounds.min(processors.len()));
            let mut shared: Vec<usize> = shares.iter().flat_map(all).collect();
            shared.sort_unstable();
            assert_eq!(shared, processors, "{rounds}");
            let counts = shares.iter().map(CpuSet::count);
            assert!(counts.clone().max().unwrap() - counts.min().unwrap() <= 1, "{rounds}");
        }
    }
}
