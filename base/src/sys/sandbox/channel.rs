//! The channel between the program outside and the launcher: a socket pair that carries JSON
//! messages with open files. A side that waits on it sees the end of the stream when the other side
//! is gone.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::limits::Reached;

/// What the launcher says, in this order; each at most once.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The master side of the program's terminal comes with it.
    Terminal,
    /// The program was not started.
    Failed {
        /// What was being done.
        step: String,
        /// The kernel's answer.
        error: String,
        /// Whether the machine allows no sandbox at all, rather than this one.
        forbidden: bool,
    },
    /// The program took too much of the machine, and is being ended.
    Stopped(Reached),
    /// The program ended, and everything that it had started.
    Ended {
        /// Its exit code, or 128 and the number of the signal.
        code: i32,
    },
}

/// The most open files that a message carries.
const FILES_MAX: usize = 3;
/// No message is longer.
const BYTES_MAX: u32 = 64 << 20;

/// Sends a message.
pub(super) fn send(
    mut socket: &UnixStream,
    message: &impl Serialize,
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let whole = [length.to_le_bytes().as_slice(), &body].concat();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::Error::other("too many open files for one message"));
    }
    let sent =
        rustix::net::sendmsg(socket, &[IoSlice::new(&whole)], &mut beside, SendFlags::NOSIGNAL)?;
    socket.write_all(&whole[sent..])
}

/// Waits for a message and its open files; `None` at the end.
pub(super) fn receive<T: DeserializeOwned>(
    mut socket: &UnixStream,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut length = [0; size_of::<u32>()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let read = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut length)],
        &mut beside,
        RecvFlags::CMSG_CLOEXEC,
    )?
    .bytes;
    if read == 0 {
        return Ok(None);
    }
    let mut files = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            files.extend(received);
        }
    }
    socket.read_exact(&mut length[read..])?;
    let length = u32::from_le_bytes(length);
    if length > BYTES_MAX {
        return Err(io::Error::other("the message is too long"));
    }
    let mut body = vec![0; length as usize];
    socket.read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&body)?, files)))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_message_arrives_whole_with_its_files() {
        let (one, other) = UnixStream::pair().unwrap();
        let text = "x".repeat(1 << 20);
        let file = tempfile::tempfile().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| send(&one, &text, &[file.as_fd(), file.as_fd()]).unwrap());
            let (received, files) = receive::<String>(&other).unwrap().unwrap();
            assert_eq!((received.len(), files.len()), (text.len(), 2));
        });
        drop(one);
        assert!(receive::<String>(&other).unwrap().is_none());
    }
}
