//! Brings the loopback interface up, which is down in a new network namespace: a test that starts a
//! server on 127.0.0.1 must work. It sends one `rtnetlink(7)` message itself, so it needs no
//! program of the root.

use std::io;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// `RTM_NEWLINK` (`linux/rtnetlink.h`).
const NEW_LINK: u16 = 16;
/// `NLM_F_REQUEST | NLM_F_ACK` (`linux/netlink.h`).
const REQUEST_AND_ANSWER: u16 = 1 | 4;
/// `NLMSG_ERROR`, which is the answer to every request, also to one that succeeded.
const ANSWER: u16 = 2;
/// `IFF_UP` (`linux/if.h`).
const UP: u32 = 1;
/// The index that the first interface of every network namespace has.
const LOOPBACK: i32 = 1;
/// The bytes of `struct nlmsghdr`, and of the request with its `struct ifinfomsg`.
const HEADER: usize = 16;
const LENGTH: u32 = 32;

pub(super) fn up() -> io::Result<()> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None, // `NETLINK_ROUTE` is 0
    )?;
    rustix::net::send(&socket, &request(), SendFlags::empty())?;
    let mut answer = [0; 1024];
    let (read, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    match error_of(&answer[..read]) {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::Error::other("the kernel gave no answer")),
    }
}

/// `struct nlmsghdr` and `struct ifinfomsg`, in the machine's byte order.
fn request() -> Vec<u8> {
    let header = [
        LENGTH.to_ne_bytes().as_slice(),
        &NEW_LINK.to_ne_bytes(),
        &REQUEST_AND_ANSWER.to_ne_bytes(),
        &1_u32.to_ne_bytes(), // sequence
        &0_u32.to_ne_bytes(), // to the kernel
    ]
    .concat();
    let interface = [
        [0; 4].as_slice(), // family, padding, type
        &LOOPBACK.to_ne_bytes(),
        &UP.to_ne_bytes(), // flags
        &UP.to_ne_bytes(), // which of them change
    ]
    .concat();
    [header, interface].concat()
}

/// The number in an answer: 0, or a negative error.
fn error_of(answer: &[u8]) -> Option<i32> {
    let kind = answer.get(4..6)?.try_into().ok()?;
    let error = answer.get(HEADER..HEADER + 4)?.try_into().ok()?;
    (u16::from_ne_bytes(kind) == ANSWER).then(|| i32::from_ne_bytes(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_length_that_it_says() {
        assert_eq!(request().len(), LENGTH as usize);
    }

    #[test]
    fn only_an_answer_is_taken_for_one() {
        let mut answer = request();
        assert_eq!(error_of(&answer), None);
        answer[4..6].copy_from_slice(&ANSWER.to_ne_bytes());
        answer[16..20].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(error_of(&answer), Some(-1));
        assert_eq!(error_of(&answer[..10]), None);
    }
}
