//! The rules of a store, each by itself: nothing here knows what any store of the tool holds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fs_err as fs;

use super::*;

/// Keeps what was told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn all(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Progress for Told {
    fn stage(&self, _name: &str, _steps: Option<u64>) {}
    fn begin(&self, _step: &str) {}
    fn bytes(&self, _count: u64) {}
    fn end(&self, _step: &str) {}
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
    fn note(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

/// A cache, and a store in it whose entries are a file `text`.
struct Place {
    cache: PathBuf,
    told: Told,
    store: Store,
    made: AtomicUsize,
    _dir: tempfile::TempDir,
}

const GOOD: &str = "good";

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().to_owned();
        Self {
            store: Store::new(&cache, "things"),
            told: Told::default(),
            made: AtomicUsize::new(0),
            cache,
            _dir: dir,
        }
    }

    fn key() -> Sha256 {
        Sha256::of("key")
    }

    fn entry(&self) -> PathBuf {
        self.store.entry(&Self::key())
    }

    fn obtain(
        &self,
        reuse: bool,
        make: impl FnOnce(&Path) -> Result<(), Problem>,
    ) -> Result<String, Problem> {
        let wish = Wish { key: &Self::key(), what: "thing `x`", reuse };
        self.store.obtain(&wish, &self.told, verify, |staged| {
            self.made.fetch_add(1, Ordering::SeqCst);
            make(staged)?;
            Ok("made".to_owned())
        })
    }

    fn found_or_made(&self) -> String {
        self.obtain(true, make).unwrap()
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

fn verify(entry: &Path) -> Result<Verified<String>, Problem> {
    match files::read_if_there(&entry.join("text")) {
        Ok(Some(text)) if text == GOOD.as_bytes() => Ok(Verified::Whole("found".to_owned())),
        Ok(Some(_)) => Ok(Verified::Damaged("other bytes".to_owned())),
        Ok(None) => Ok(Verified::Damaged("no text".to_owned())),
        Err(error) => Err(Problem::new("cannot read").cause(error)),
    }
}

fn make(staged: &Path) -> Result<(), Problem> {
    fs::create_dir(staged)
        .and_then(|()| fs::write(staged.join("text"), GOOD))
        .map_err(|error| Problem::new("cannot make").cause(error))
}

#[test]
fn what_is_there_and_whole_is_not_made_again() {
    let place = Place::new();
    assert_eq!(place.found_or_made(), "made");
    assert_eq!(place.found_or_made(), "found");
    assert_eq!(place.obtain(false, make).unwrap(), "made");
    assert_eq!((place.made(), place.told.all()), (2, Vec::new()));
    assert_eq!(place.store.keys().unwrap(), [Place::key()]);
}

#[test]
fn what_is_damaged_is_told_and_heals() {
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 4] = [
        ("other bytes", |entry| fs::write(entry.join("text"), "gooe").unwrap()),
        ("no text", |entry| fs::remove_file(entry.join("text")).unwrap()),
        ("no text", |entry| {
            files::remove_tree(entry).unwrap();
            fs::write(entry, "no directory").unwrap();
        }),
        ("no text", |entry| {
            files::remove_tree(entry).unwrap();
            std::os::unix::fs::symlink("nowhere", entry).unwrap();
        }),
    ];
    let place = Place::new();
    place.found_or_made();
    for (because, damage) in damages {
        damage(&place.entry());
        assert_eq!(place.found_or_made(), "made");
        let told = place.told.all().join("");
        for part in ["thing `x` is damaged", because, place.entry().to_str().unwrap()] {
            assert!(told.contains(part), "no `{part}` in {told}");
        }
        assert_eq!(place.found_or_made(), "found");
    }
}

#[test]
fn what_is_only_looked_for_is_not_made() {
    let place = Place::new();
    let wish = Wish { key: &Place::key(), what: "thing `x`", reuse: true };
    let find = || place.store.find(&wish, &place.told, verify).unwrap();
    assert_eq!(find(), None);
    assert!(!place.cache.join("things").exists());
    place.found_or_made();
    assert_eq!(find().as_deref(), Some("found"));
    fs::write(place.entry().join("text"), "bad").unwrap();
    assert_eq!(find(), None);
    assert!(!place.entry().exists() && place.told.all().len() == 1);
}

/// A circle of links cannot be read by anybody, and says nothing about what was stored.
#[test]
fn an_error_of_the_machine_is_no_damage() {
    let place = Place::new();
    place.found_or_made();
    let text = place.entry().join("text");
    fs::remove_file(&text).unwrap();
    std::os::unix::fs::symlink(&text, &text).unwrap();
    let problem = place.obtain(true, make).unwrap_err();
    assert!(problem.what.contains("cannot read"), "{problem}");
    assert!(text.symlink_metadata().is_ok() && place.made() == 1);
}

#[test]
fn what_could_not_be_made_leaves_nothing() {
    let place = Place::new();
    let half = |staged: &Path| {
        make(staged)?;
        Err(Problem::new("cannot go on"))
    };
    assert_eq!(place.obtain(true, half).unwrap_err().what, "cannot go on");
    assert!(!place.entry().exists());
    // What is replaced stays as long as there is nothing in its place.
    place.found_or_made();
    place.obtain(false, half).unwrap_err();
    assert_eq!(place.found_or_made(), "found");
    let left = files::sorted_entries(&place.cache.join("things/.work")).unwrap();
    assert_eq!(left.len(), 1, "only the lock under which runs are swept: {left:?}");
}

/// Many at once, of which one makes it.
#[test]
fn those_that_wait_find_what_was_made() {
    let place = Place::new();
    let start = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                place.found_or_made();
            });
        }
    });
    assert_eq!(place.made(), 1);
}

/// One waits while another makes it, and says so.
#[test]
fn who_waits_says_what_for() {
    let place = Place::new();
    std::thread::scope(|scope| {
        let (begun, wait) = std::sync::mpsc::channel();
        let place = &place;
        scope.spawn(move || {
            place
                .obtain(true, |staged| {
                    begun.send(()).unwrap();
                    let begin = Instant::now();
                    while place.told.0.lock().unwrap().is_empty() {
                        assert!(begin.elapsed() < Duration::from_mins(1), "nobody waits");
                        std::thread::yield_now();
                    }
                    make(staged)
                })
                .unwrap();
        });
        wait.recv().unwrap();
        assert_eq!(place.found_or_made(), "found");
    });
    assert_eq!(place.told.all(), ["another run makes the thing `x`; waiting for it"]);
}

/// Two are in the middle of it at once, and neither waits for the other.
#[test]
fn several_can_verify_at_once() {
    let place = Place::new();
    place.found_or_made();
    let wish = Wish { key: &Place::key(), what: "thing `x`", reuse: true };
    let [(to_one, one), (to_other, other)] = [0, 1].map(|_| std::sync::mpsc::channel());
    let meet = |tell: std::sync::mpsc::Sender<()>, hear: std::sync::mpsc::Receiver<()>| {
        let met = place.store.find(&wish, &place.told, |entry| {
            tell.send(()).unwrap();
            hear.recv_timeout(Duration::from_mins(1)).expect("the other one is there, too");
            verify(entry)
        });
        assert_eq!(met.unwrap().as_deref(), Some("found"));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| meet(to_one, other));
        scope.spawn(|| meet(to_other, one));
    });
    assert_eq!(place.told.all(), [""; 0]);
}

/// What the process that does it leaves when it is killed in the middle is swept by the next one.
#[test]
fn half_of_a_killed_run_is_never_found() {
    let place = Place::new();
    let dead = place.cache.join("things/.work/entry-dead");
    fs::create_dir_all(dead.join("entry")).unwrap();
    fs::write(dead.join("entry/text"), "go").unwrap();
    // Killed between the removal of the old entry and the rename of the new one: a directory that
    // holds half of it is no entry, whatever it is called.
    assert_eq!(place.store.keys().unwrap(), []);
    assert_eq!(place.found_or_made(), "made");
    assert!(!dead.exists());
}

#[test]
fn an_entry_of_another_store_is_taken_over_once() {
    let place = Place::new();
    let other = place.cache.join("other");
    let wish = Wish { key: &Place::key(), what: "thing `x`", reuse: true };
    let adopt = || {
        make(&other).unwrap();
        place.store.adopt(&wish, &other, &place.told).unwrap();
    };
    adopt();
    assert!(!other.exists());
    assert_eq!(place.found_or_made(), "found");
    fs::write(place.entry().join("note"), "").unwrap();
    adopt();
    assert!(other.exists() && place.entry().join("note").exists());
}

#[test]
fn the_dead_and_the_usable_are_told_apart_and_removed() {
    let place = Place::new();
    place.found_or_made();
    fs::create_dir_all(place.cache.join("things/.work/dead")).unwrap();
    let held = place.store.held().unwrap();
    let shown: Vec<_> = held.iter().map(|it| (it.path().to_owned(), it.dead)).collect();
    assert_eq!(shown, [(place.cache.join("things/.work"), true), (place.entry(), false)]);
    assert!(held[1].paths[1].ends_with(format!("{}.lock", Place::key())));
    for it in &held {
        it.remove().unwrap();
    }
    assert_eq!(files::sorted_entries(&place.cache.join("things")).unwrap().len(), 0);
}

#[test]
fn a_seal_is_whole_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(unseal::<Vec<String>>(dir.path()).unwrap(), None);
    let content = vec!["a".to_owned(), "b".to_owned()];
    seal(dir.path(), &content).unwrap();
    assert_eq!(unseal(dir.path()).unwrap(), Some(content));
    assert_eq!(unseal::<u8>(dir.path()).unwrap(), None);
    let path = dir.path().join(SEAL);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            fs::write(&path, &bad).unwrap();
            let found: Option<Vec<String>> = unseal(dir.path()).unwrap();
            // The digest of either case is the same digest.
            let same_digest = bad.eq_ignore_ascii_case(&good) && at < 80;
            assert!(found.is_none() || same_digest, "{at}: {}", String::from_utf8_lossy(&bad));
        }
    }
}
