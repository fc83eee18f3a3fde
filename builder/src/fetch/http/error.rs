//! Why a transfer failed, as an enum, so that code can decide whether to try again or to look
//! elsewhere.

use std::io;

use base::vocabulary::{Outcome, Problem, Sha256};

/// A transfer that did not bring what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The server answered, but not with the file.
    #[error("the server answered {status}{}", reason(*.status))]
    Status {
        /// The status code.
        status: u16,
        /// The seconds of `Retry-After`, if it gave some.
        retry_after: Option<u64>,
    },
    /// The connection ended early.
    #[error("the transfer ended after {received} bytes{}", of(*.expected))]
    Truncated {
        /// The bytes that came.
        received: u64,
        /// The bytes that should have come.
        expected: Option<u64>,
    },
    /// The server sent nothing, or too little, until the timeout.
    #[error("the server stopped sending ({0})")]
    Stalled(String),
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The certificate or the handshake was not accepted.
    #[error("the connection is not secure: {0}")]
    Tls(String),
    /// The server does not speak HTTP as RFC 9112 has it.
    #[error("the server's answer makes no sense: {0}")]
    Protocol(String),
    /// A redirect without target, to another scheme, or one too many.
    #[error("{0}")]
    Redirect(String),
    /// More came than may come.
    #[error("the server sends more than {0} bytes")]
    TooLarge(u64),
    /// The size differs from the lock.
    #[error("it has {received} bytes instead of {expected}")]
    WrongSize {
        /// The lock's size.
        expected: u64,
        /// What the server has.
        received: u64,
    },
    /// The hash differs from the lock.
    #[error("it has another sha256")]
    WrongHash {
        /// The lock's digest.
        expected: Sha256,
        /// The hash of the received bytes.
        received: Sha256,
        /// How many bytes came.
        bytes: u64,
    },
    /// A local file could not be written or read.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl TransferError {
    /// Whether the same request may succeed a moment later. A wrong hash may not: the server has
    /// another file.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Truncated { .. } | Self::Stalled(_) | Self::Connect(_) => true,
            _ => false,
        }
    }

    /// Whether the server says that there is no such file.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Status { status: 404 | 410, .. })
    }

    pub(super) fn of_ureq(error: ureq::Error) -> Self {
        use ureq::Error;
        match error {
            Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                Self::Connect("no answer in time".to_owned())
            }
            Error::Timeout(which) => Self::Stalled(format!("no bytes in time, {which}")),
            Error::HostNotFound => Self::Connect("the host's name is not known".to_owned()),
            Error::ConnectionFailed => Self::Connect("the connection failed".to_owned()),
            Error::ConnectProxyFailed(reason) => Self::Connect(format!("the proxy: {reason}")),
            Error::Io(error) => Self::of_io(error),
            Error::Rustls(error) => Self::Tls(error.to_string()),
            Error::Tls(reason) => Self::Tls(reason.to_owned()),
            other => Self::Protocol(other.to_string()),
        }
    }

    pub(super) fn of_io(error: io::Error) -> Self {
        if let Some(inner) = error.get_ref()
            && inner.is::<ureq::Error>()
        {
            // A body's reader wraps ureq's own errors.
            let inner = error.into_inner().expect("there is one");
            return match inner.downcast::<ureq::Error>() {
                Ok(error) => Self::of_ureq(*error),
                Err(other) => Self::Protocol(other.to_string()),
            };
        }
        match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                // Only one of our own says something.
                let said = error.get_ref().map(ToString::to_string);
                Self::Stalled(said.unwrap_or_else(|| "no bytes in time".to_owned()))
            }
            io::ErrorKind::InvalidData => Self::Tls(error.to_string()),
            _ => Self::Connect(error.to_string()),
        }
    }
}

/// Adds why a transfer failed to the problem of the one who wanted it: the facts of the case and a
/// way out.
pub fn because(problem: Problem, error: TransferError) -> Problem {
    match error {
        TransferError::WrongHash { expected, received, bytes } => problem
            .fact("expected", format!("sha256:{expected} (locked)"))
            .fact("received", format!("sha256:{received} ({bytes} bytes)"))
            .outcome(Outcome::GoldenMismatch)
            .hint("the file is not the one that was locked; find out why before locking it again"),
        TransferError::WrongSize { expected, received } => problem
            .fact("expected", format!("{expected} bytes (locked)"))
            .fact("received", format!("{received} bytes"))
            .outcome(Outcome::GoldenMismatch)
            .hint("the file is not the one that was locked; find out why before locking it again"),
        error @ TransferError::Status { status: 401 | 403 | 407, .. } => {
            problem.fact("because", error).hint(
                "put the credentials into `~/.netrc`, or into the URL that `UV_DEFAULT_INDEX` has",
            )
        }
        error @ TransferError::Connect(_) => problem.fact("because", error).hint(
            "is there a network? proxies are taken from `https_proxy`, `http_proxy`, `no_proxy`",
        ),
        error @ TransferError::Tls(_) => problem
            .fact("because", error)
            .hint("set `SSL_CERT_FILE` to the certificates to trust, if a proxy has its own"),
        TransferError::Disk(error) => problem.cause(error),
        error => problem.fact("because", error),
    }
}

fn reason(status: u16) -> String {
    let status = ureq::http::StatusCode::from_u16(status).ok();
    let reason = status.and_then(|status| status.canonical_reason());
    reason.map(|reason| format!(" {reason}")).unwrap_or_default()
}

fn of(expected: Option<u64>) -> String {
    expected.map(|expected| format!(" of {expected}")).unwrap_or_default()
}
