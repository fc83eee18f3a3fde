//! Files that an installer adds to a distribution: `direct_url.json`, with the URL of the source
//! (PEP 610), and uv's `uv_cache.json`, with times. Programs read these files only to find where a
//! distribution came from.

use serde_json::Value as Json;

use crate::explain::forms::pattern::Pattern;
use crate::explain::forms::value::{Bounds, Value};
use crate::explain::prove::{Claim, prove, unexplained};
use crate::explain::rewrite::Rewrite;
use crate::explain::{Cause, Evidence, Place, Proved, Unexplained};

static TIMES: Pattern =
    Pattern::new("uv's cache times", r#""(?:secs|nanos)_since_epoch":\s*(?<value>\d+)"#);

/// Explains two such files; `None` if `path` is none of them.
pub(crate) fn explain(
    path: &str,
    texts: &[Vec<u8>; 2],
) -> Option<Result<Vec<Proved>, Unexplained>> {
    let (directory, name) = path.rsplit_once('/')?;
    directory.ends_with(".dist-info").then_some(())?;
    let claim = match name {
        "direct_url.json" => place(texts),
        "uv_cache.json" => times(texts),
        _ => return None,
    };
    let proved = prove(texts, texts[0].len() as u64, claim.into_iter().collect(), Rewrite::apply);
    Some(
        proved.map_err(|refused| {
            unexplained(refused, vec![Evidence::new("text", &texts[0], &texts[1])])
        }),
    )
}

/// The claim that a local directory differs. A remote URL says what was installed, so no build can
/// leave it behind by accident.
fn place(texts: &[Vec<u8>; 2]) -> Option<Claim<Rewrite>> {
    let url = |text: &Vec<u8>| {
        let json: Json = serde_json::from_slice(text).ok()?;
        let url = json.get("url")?.as_str()?.to_owned();
        // As it stands in the file; one that is written in another way is not claimed.
        url.strip_prefix("file:///").map(|_| format!("\"{url}\""))
    };
    let [a, b] = [url(&texts[0])?, url(&texts[1])?];
    (a != b).then_some(())?;
    let values = [&a, &b].map(|url| Value::new(url.as_bytes(), Bounds::Word));
    let proof = "with one directory for both, which is where it was installed from";
    let claim = Claim::new(Cause::BuildPath(Place::DirectUrl), Rewrite::Value(values), proof);
    Some(claim.evidence([Evidence::new("url", a, b)]).proved())
}

fn times(texts: &[Vec<u8>; 2]) -> Option<Claim<Rewrite>> {
    let [a, b] = [0, 1].map(|side| TIMES.all(&texts[side]).join(&b' '));
    (a != b).then_some(())?;
    let cause = Cause::Timestamp(Place::UvCache);
    let claim = Claim::new(cause, Rewrite::Pattern(&TIMES), "without uv's cache times");
    Some(claim.evidence([Evidence::new("times", a, b)]).proved())
}
