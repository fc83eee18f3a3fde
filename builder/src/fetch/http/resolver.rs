//! Resolves each host name once per run. Sixteen downloads ask for the same few names. The system's
//! resolver waits five seconds for each lost answer, and under such a load some answers are lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Asks the system's resolver, and remembers what it said.
#[derive(Debug, Default)]
pub(super) struct Remembering {
    system: DefaultResolver,
    // One lock for each name: who asks for a name that is being looked up waits for that answer,
    // and nobody waits for another name's.
    known: Mutex<BTreeMap<String, Arc<Mutex<Option<ResolvedSocketAddrs>>>>>,
}

impl Resolver for Remembering {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let name = format!("{:?} {:?}", uri.scheme(), uri.authority());
        let slot = {
            let mut known = self.known.lock().expect("nothing panics with it");
            Arc::clone(known.entry(name).or_default())
        };
        let mut answer = slot.lock().expect("nothing panics with it");
        if let Some(addresses) = &*answer {
            let mut copy = self.empty();
            addresses.iter().for_each(|address| copy.push(*address));
            return Ok(copy);
        }
        let addresses = self.system.resolve(uri, config, timeout)?;
        let mut copy = self.empty();
        addresses.iter().for_each(|address| copy.push(*address));
        *answer = Some(copy);
        Ok(addresses)
    }
}
