//! A real HTTP server on loopback that misbehaves on demand: per path a [`Reply`]. It counts
//! requests, so that tests can tell what was asked for and how often. It never sleeps; a server
//! that stalls holds the connection until the client goes away.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does with a request of a path.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// The bytes; `Range` is honoured.
    File(Vec<u8>),
    /// The bytes as a page of that media type.
    Page(&'static str, String),
    /// Only a status.
    Status(u16),
    /// A status for so many requests, then the bytes.
    Recovers(u16, usize, Vec<u8>),
    /// At most so many bytes per response, then the connection ends; `Range` is honoured.
    Cuts(usize, Vec<u8>),
    /// The first response is cut after so many bytes; the others are whole, whatever `Range` says.
    CutsOnceIgnoresRange(usize, Vec<u8>),
    /// The first response is cut within the first bytes, the second continues with the other bytes.
    Changes(usize, Vec<u8>, Vec<u8>),
    /// So many bytes without `Content-Length`, then the connection ends.
    EndsEarly(usize, Vec<u8>),
    /// So many bytes, then silence until the client goes away.
    Stalls(usize, Vec<u8>),
    /// So many bytes, one each tenth of a second, then the others.
    Drips(usize, Vec<u8>),
    /// Silence until the test releases it, then the bytes.
    Waits(Arc<Mutex<Receiver<()>>>, Vec<u8>),
    /// Zeros without end.
    Endless,
    /// A redirect.
    Redirect(String),
    /// The bytes compressed, although nobody asked for it.
    Gzipped(Vec<u8>),
    /// The bytes as they are, but labelled `Content-Encoding: gzip`.
    CalledGzip(Vec<u8>),
    /// Not HTTP.
    Nonsense,
}

/// A request that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    replies: BTreeMap<String, Reply>,
    seen: Vec<Seen>,
    connections: usize,
    watchers: Vec<Sender<String>>,
}

/// The server; it ends with the process.
pub(crate) struct Server {
    base: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                shared.lock().unwrap().connections += 1;
                // A client that goes away in the middle is part of the tests.
                std::thread::spawn(move || drop(serve(&stream.unwrap(), &shared)));
            }
        });
        Self { base, state }
    }

    /// A port on which nobody listens.
    pub(crate) fn refused() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    pub(crate) fn set(&self, path: &str, reply: Reply) -> String {
        self.state.lock().unwrap().replies.insert(path.to_owned(), reply);
        self.url(path)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let state = self.state.lock().unwrap();
        state.seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Hears of each request's path, after the first bytes of its reply were sent.
    pub(crate) fn watch(&self) -> Receiver<String> {
        let (sender, receiver) = channel();
        self.state.lock().unwrap().watchers.push(sender);
        receiver
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let Some(seen) = read_request(&mut reader)? else {
            return Ok(());
        };
        let (reply, earlier) = {
            let mut state = state.lock().unwrap();
            let earlier = state.seen.iter().filter(|other| other.path == seen.path).count();
            state.seen.push(seen.clone());
            (state.replies.get(&seen.path).cloned(), earlier)
        };
        if seen.method == "HEAD" {
            let mut out = stream;
            out.write_all(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        let keeps = answer(stream, reply, &seen, earlier, state)?;
        if !keeps {
            return Ok(());
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Seen>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            return Ok(Some(Seen { method, path, headers }));
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
}

/// Says whether the connection may be used again.
fn answer(
    mut out: &TcpStream,
    reply: Option<Reply>,
    seen: &Seen,
    earlier: usize,
    state: &Mutex<State>,
) -> io::Result<bool> {
    let notify = || {
        let state = state.lock().unwrap();
        for watcher in &state.watchers {
            let _ = watcher.send(seen.path.clone());
        }
    };
    let offset = seen
        .headers
        .get("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
        .unwrap_or(0);
    match reply.unwrap_or(Reply::Status(404)) {
        Reply::Recovers(status, times, _) if earlier < times => status_only(out, status),
        Reply::File(bytes) | Reply::Recovers(_, _, bytes) => send(out, &bytes, offset, usize::MAX),
        Reply::Page(media_type, text) => page(out, media_type, &text),
        Reply::Status(status) => status_only(out, status),
        Reply::Cuts(after, bytes) => send(out, &bytes, offset, after),
        Reply::CutsOnceIgnoresRange(after, bytes) if earlier == 0 => send(out, &bytes, 0, after),
        Reply::CutsOnceIgnoresRange(_, bytes) => send(out, &bytes, 0, usize::MAX),
        Reply::Changes(after, old, _) if earlier == 0 => send(out, &old, 0, after),
        Reply::Changes(_, _, new) => send(out, &new, offset, usize::MAX),
        Reply::EndsEarly(after, bytes) => {
            out.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            out.write_all(&bytes[..after])?;
            Ok(false)
        }
        Reply::Stalls(after, bytes) => {
            let _ = send(out, &bytes, offset, after)?;
            notify();
            hold(out)
        }
        Reply::Drips(count, bytes) => drip(out, &bytes, count),
        Reply::Waits(released, bytes) => {
            notify();
            // An error is a test that has ended.
            let _ = released.lock().unwrap().recv();
            send(out, &bytes, offset, usize::MAX)
        }
        Reply::Endless => {
            out.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                out.write_all(&[0; 4096])?;
            }
        }
        Reply::Redirect(to) => {
            let head = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            out.write_all(head.as_bytes())?;
            Ok(true)
        }
        Reply::Gzipped(bytes) => {
            let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            zipped.write_all(&bytes)?;
            labelled_gzip(out, &zipped.finish()?)
        }
        Reply::CalledGzip(bytes) => labelled_gzip(out, &bytes),
        Reply::Nonsense => {
            out.write_all(b"what?\r\n\r\n")?;
            Ok(false)
        }
    }
}

fn page(mut out: &TcpStream, media_type: &str, text: &str) -> io::Result<bool> {
    let length = text.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    out.write_all(head.as_bytes())?;
    out.write_all(text.as_bytes())?;
    Ok(true)
}

fn labelled_gzip(mut out: &TcpStream, bytes: &[u8]) -> io::Result<bool> {
    let length = bytes.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
    out.write_all(head.as_bytes())?;
    out.write_all(bytes)?;
    Ok(true)
}

fn status_only(mut out: &TcpStream, status: u16) -> io::Result<bool> {
    let head = format!("HTTP/1.1 {status} So\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbody");
    out.write_all(head.as_bytes())?;
    Ok(true)
}

fn send(mut out: &TcpStream, bytes: &[u8], offset: usize, at_most: usize) -> io::Result<bool> {
    let total = bytes.len();
    if offset > total {
        return status_only(out, 416);
    }
    let rest = &bytes[offset..];
    let status = if offset > 0 {
        let last = total.saturating_sub(1);
        format!("206 Partial Content\r\nContent-Range: bytes {offset}-{last}/{total}")
    } else {
        "200 OK".to_owned()
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", rest.len());
    out.write_all(head.as_bytes())?;
    out.write_all(&rest[..rest.len().min(at_most)])?;
    Ok(at_most >= rest.len())
}

fn drip(mut out: &TcpStream, bytes: &[u8], count: usize) -> io::Result<bool> {
    send(out, bytes, 0, 0)?;
    out.set_read_timeout(Some(Duration::from_millis(100)))?;
    for byte in &bytes[..count] {
        out.write_all(&[*byte])?;
        // The client says nothing more, and then it is gone.
        match out.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return Ok(false),
        }
    }
    out.write_all(&bytes[count..])?;
    Ok(false)
}

fn hold(mut stream: &TcpStream) -> io::Result<bool> {
    let mut byte = [0];
    while stream.read(&mut byte)? > 0 {}
    Ok(false)
}
