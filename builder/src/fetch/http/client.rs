//! The client: connections, proxies, certificates, credentials, redirects.

use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use ureq::http::{Response, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};
use url::Url;

use super::super::address::Netrc;
use super::TransferError;
use super::pace::Paced;
use super::resolver::Remembering;
use base::sys::env::Environment;
use base::vocabulary::Redacted;

/// How long a server is waited for, and how often it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, the handshake included.
    pub connect: Duration,
    /// For the next bytes of an answer that has begun; also the span in which at least a kilobyte
    /// a second must come.
    pub stall: Duration,
    /// For a program that fetches, such as git: all of its run.
    pub program: Duration,
    /// How many times a request is made that fails for a passing reason.
    pub attempts: u32,
    /// The pause after the first failure; each further one is twice as long.
    pub backoff: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_mins(1),
            program: Duration::from_mins(30),
            attempts: 4,
            backoff: Duration::from_millis(500),
        }
    }
}

/// A pause is never longer than this, whatever the server asks for.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The most redirects: as many as browsers follow (the fetch standard); pip and uv follow about as
/// many.
const REDIRECTS_MAX: usize = 20;

/// A client for one run.
#[derive(Debug)]
pub struct Client {
    environment: Environment,
    netrc: Netrc,
    pub(super) patience: Patience,
    // A proxy is a matter of the scheme, and an agent has one proxy: hence two. Reading the
    // certificates takes some milliseconds, so neither is made before it is needed.
    plain: OnceLock<Agent>,
    secure: OnceLock<Agent>,
}

impl Client {
    /// A client for `environment`.
    pub fn new(environment: &Environment, patience: Patience) -> Self {
        Self {
            environment: environment.clone(),
            netrc: Netrc::load(environment),
            patience,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
        }
    }

    /// Fetches a page of at most `limit` bytes; returns where it finally was, its content type in
    /// small letters, and its bytes.
    pub fn page(&self, url: &Url, accept: &str, limit: u64) -> Result<Page, TransferError> {
        self.persist(|| {
            let headers =
                [(header::ACCEPT, accept.to_owned()), (header::ACCEPT_ENCODING, "gzip".to_owned())];
            let (url, response) = self.get(url, &headers)?;
            let media_type = header_text(&response, header::CONTENT_TYPE).to_ascii_lowercase();
            let zipped = is_gzip(&response);
            let expected = response.body().content_length();
            let mut bytes = Vec::new();
            let mut body = Paced::new(response.into_body().into_reader(), self.patience.stall);
            if let Err(error) = (&mut body).take(limit + 1).read_to_end(&mut bytes) {
                return Err(ended(error, bytes.len() as u64, expected));
            }
            if zipped {
                let mut plain = Vec::new();
                let inflated = flate2::read::MultiGzDecoder::new(bytes.as_slice())
                    .take(limit + 1)
                    .read_to_end(&mut plain);
                inflated.map_err(|error| TransferError::Protocol(error.to_string()))?;
                bytes = plain;
            }
            if bytes.len() as u64 > limit {
                return Err(TransferError::TooLarge(limit));
            }
            Ok(Page { url, media_type, bytes })
        })
    }

    /// Does something again while it fails for a passing reason.
    pub(super) fn persist<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, TransferError>,
    ) -> Result<T, TransferError> {
        let mut pause = self.patience.backoff;
        for _ in 1..self.patience.attempts {
            let error = match attempt() {
                Err(error) if error.is_transient() => error,
                other => return other,
            };
            let asked = match error {
                TransferError::Status { retry_after, .. } => retry_after,
                _ => None,
            };
            let asked = Duration::from_secs(asked.unwrap_or(0));
            std::thread::sleep(pause.max(asked).min(PAUSE_MAX));
            pause *= 2;
        }
        attempt()
    }

    /// Makes one request and follows redirects; any status but success is an error. Returns where
    /// the answer finally came from.
    pub(super) fn get(
        &self,
        url: &Url,
        headers: &[(header::HeaderName, String)],
    ) -> Result<(Url, Response<Body>), TransferError> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.request(&url, headers)?;
            let status = response.status();
            if status.is_success() {
                return Ok((url, response));
            }
            let location = header_text(&response, header::LOCATION);
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                let retry_after = header_text(&response, header::RETRY_AFTER).parse().ok();
                return Err(TransferError::Status { status: status.as_u16(), retry_after });
            }
            url = redirected(&url, location)?;
        }
        Err(TransferError::Redirect(format!(
            "more than {REDIRECTS_MAX} redirects, the last to `{}`",
            Redacted(&url)
        )))
    }

    fn request(
        &self,
        url: &Url,
        headers: &[(header::HeaderName, String)],
    ) -> Result<Response<Body>, TransferError> {
        let mut bare = url.clone();
        // Not in the request line: it goes into logs and to proxies.
        let _ = bare.set_username("");
        let _ = bare.set_password(None);
        bare.set_fragment(None);
        let mut request = self.agent(url)?.get(bare.as_str());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        // Looked up for every hop by its own host: credentials do not travel with a redirect.
        if let Some(authorization) = self.netrc.authorization(url) {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.call().map_err(TransferError::of_ureq)
    }

    fn agent(&self, url: &Url) -> Result<&Agent, TransferError> {
        let slot = match url.scheme() {
            "http" => &self.plain,
            "https" => &self.secure,
            other => {
                let message = format!("`{other}:` is not fetched, only `https:` and `http:`");
                return Err(TransferError::Redirect(message));
            }
        };
        if let Some(agent) = slot.get() {
            return Ok(agent);
        }
        let agent = self.make_agent(url.scheme())?;
        Ok(slot.get_or_init(|| agent))
    }

    fn make_agent(&self, scheme: &str) -> Result<Agent, TransferError> {
        let mut tls = TlsConfig::builder();
        if scheme == "https" {
            tls = tls.root_certs(certificates(&self.environment)?);
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(self.patience.connect))
            .timeout_per_read(Some(self.patience.stall))
            .timeout_recv_response(Some(self.patience.stall))
            .max_idle_connections_per_host(64)
            .max_idle_connections(64)
            .user_agent(concat!("lockstep/", env!("CARGO_PKG_VERSION")))
            .proxy(proxy(&self.environment, scheme)?)
            .tls_config(tls.build())
            .build();
        Ok(Agent::with_parts(config, DefaultConnector::default(), Remembering::default()))
    }
}

/// A page of an index.
#[derive(Debug)]
pub struct Page {
    /// The URL after redirects.
    pub url: Url,
    /// Its content type, in small letters.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

pub(super) fn header_text<T>(response: &Response<T>, name: header::HeaderName) -> &str {
    let value = response.headers().get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

pub(super) fn is_gzip<T>(response: &Response<T>) -> bool {
    matches!(header_text(response, header::CONTENT_ENCODING), "gzip" | "x-gzip")
}

/// What a body's reader failed with: an early end is something else than silence.
pub(super) fn ended(error: std::io::Error, received: u64, expected: Option<u64>) -> TransferError {
    match TransferError::of_io(error) {
        TransferError::Connect(_) => TransferError::Truncated { received, expected },
        other => other,
    }
}

fn redirected(from: &Url, location: &str) -> Result<Url, TransferError> {
    if location.is_empty() {
        let message = format!("`{}` redirects to nowhere", Redacted(from));
        return Err(TransferError::Redirect(message));
    }
    let to = from.join(location).map_err(|error| {
        TransferError::Redirect(format!("`{}` redirects wrongly: {error}", Redacted(from)))
    })?;
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(TransferError::Redirect(format!(
            "`{}` redirects to the insecure `{}`",
            Redacted(from),
            Redacted(&to)
        )));
    }
    Ok(to)
}

fn proxy(environment: &Environment, scheme: &str) -> Result<Option<ureq::Proxy>, TransferError> {
    let Some(address) = environment.proxy(scheme) else {
        return Ok(None);
    };
    // Its address may hold a password, so it is not shown.
    let wrong = |_| TransferError::Connect(format!("`{scheme}_proxy` is not a proxy's address"));
    let parsed = ureq::Proxy::new(address).map_err(wrong)?;
    let mut builder =
        ureq::Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(user) = parsed.username() {
        builder = builder.username(user);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    for entry in environment.no_proxy() {
        // To curl and Python `a.example` means its subdomains too, to ureq only itself.
        let bare = entry.trim_start_matches("*.").trim_start_matches('.');
        builder = builder.no_proxy(entry).no_proxy(bare);
        if bare != "*" {
            builder = builder.no_proxy(&format!(".{bare}"));
        }
    }
    builder.build().map(Some).map_err(wrong)
}

fn certificates(environment: &Environment) -> Result<RootCerts, TransferError> {
    let file = environment.get("SSL_CERT_FILE").map(Path::new);
    let dir = environment.get("SSL_CERT_DIR").map(Path::new);
    let loaded = if file.is_none() && dir.is_none() {
        rustls_native_certs::load_native_certs()
    } else {
        rustls_native_certs::load_certs_from_paths(file, dir)
    };
    if loaded.certs.is_empty() {
        let errors: Vec<_> = loaded.errors.iter().map(ToString::to_string).collect();
        let message = format!("no certificate to trust was found; {}", errors.join("; "));
        return Err(TransferError::Tls(message));
    }
    let certificates = loaded.certs.iter();
    Ok(certificates
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect::<Vec<_>>()
        .into())
}
