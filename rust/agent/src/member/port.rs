//! [`Port`]: the socket, and when a datagram came.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::sys::socket::{self, ControlMessageOwned, MsgFlags, SockaddrStorage, sockopt};
use nix::sys::time::TimeSpec;

use crate::sys::ClosedInChildren;

/// Which addresses a socket can send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    V4,
    V6,
    Both,
}

impl Reach {
    /// `to` must be canonical.
    pub(super) fn covers(self, to: &SocketAddr) -> bool {
        match self {
            Self::V4 => to.is_ipv4(),
            Self::V6 => to.is_ipv6(),
            Self::Both => true,
        }
    }
}

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Canonical.
    pub(super) from: SocketAddr,
    pub(super) length: usize,
    /// What the OS clock showed when it reached this machine, where the kernel says.
    pub(super) stamp_ns: Option<i64>,
    /// Datagrams that found no room since the socket was opened, where the kernel says.
    pub(super) overflowed: Option<u32>,
}

/// Bytes of datagrams that may wait to be read.
const RECEIVE_BUFFER: usize = 1 << 20;

/// A UDP socket that never blocks.
#[derive(Debug)]
pub(super) struct Port {
    // First: given up before the socket is closed, and its number with it.
    _closed_in_children: ClosedInChildren,
    socket: UdpSocket,
    reach: Reach,
    /// Room for what the kernel says besides, aligned as the heap aligns.
    control: Vec<u8>,
}

/// One address, one way to write it: IPv4 is IPv4, also where an IPv6 socket sees it, and labels of flows do not matter.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(ip.into(), v6.port()),
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        },
    }
}

impl Port {
    /// Listens there; on `[::]` for IPv4 as well, where the system lets it.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let address = canonical(address);
        let socket = bind(address)?;
        socket.set_nonblocking(true)?;
        let reach = match address {
            SocketAddr::V4(_) => Reach::V4,
            SocketAddr::V6(v6) if v6.ip().is_unspecified() && !only_v6(&socket)? => Reach::Both,
            SocketAddr::V6(_) => Reach::V6,
        };
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            socket::setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
            socket::setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        }
        // Room for a burst while the thread waits for a processor: the usual 200 kB are 28 ms of a flood. Less is no failure.
        let _no_more_than_allowed = socket::setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
        let closed_in_children = ClosedInChildren::new(&socket);
        Ok(Self { _closed_in_children: closed_in_children, socket, reach, control: nix::cmsg_space!(TimeSpec, u32) })
    }

    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr().map(canonical)
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    /// `to` must be canonical.
    pub(super) fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<usize> {
        if !self.reach.covers(&to) {
            return Err(ErrorKind::Unsupported.into());
        }
        let to = match to {
            SocketAddr::V4(v4) if self.reach == Reach::Both => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
            }
            _ => to,
        };
        self.socket.send_to(bytes, to)
    }

    /// The next datagram, cut to the room; `None`: there is none.
    pub(super) fn receive(&mut self, room: &mut [u8]) -> io::Result<Option<Arrival>> {
        let mut parts = [IoSliceMut::new(room)];
        let (descriptor, control) = (self.socket.as_raw_fd(), Some(self.control.as_mut_slice()));
        let message = match socket::recvmsg::<SockaddrStorage>(descriptor, &mut parts, control, MsgFlags::empty()) {
            Ok(message) => message,
            Err(nix::Error::EAGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let from = message.address.as_ref().and_then(socket_address);
        let from = canonical(from.ok_or_else(|| io::Error::from(ErrorKind::InvalidData))?);
        let mut arrival = Arrival { from, length: message.bytes, stamp_ns: None, overflowed: None };
        for besides in message.cmsgs()? {
            match besides {
                #[cfg(any(target_os = "linux", target_os = "android"))]
                ControlMessageOwned::ScmTimestampns(at) => {
                    arrival.stamp_ns =
                        at.tv_sec().checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(at.tv_nsec()));
                }
                #[cfg(any(target_os = "linux", target_os = "android"))]
                ControlMessageOwned::RxqOvfl(count) => arrival.overflowed = Some(count),
                _ => {}
            }
        }
        Ok(Some(arrival))
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Linux lets an administrator choose what `[::]` means; here it means both.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType};

    if address.ip() != Ipv6Addr::UNSPECIFIED {
        return UdpSocket::bind(address);
    }
    let socket = socket::socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    socket::setsockopt(&socket, sockopt::Ipv6V6Only, &false)?;
    socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket.into())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    UdpSocket::bind(address)
}

fn only_v6(socket: &UdpSocket) -> io::Result<bool> {
    Ok(socket::getsockopt(socket, sockopt::Ipv6V6Only)?)
}

fn socket_address(raw: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(&v4) = raw.as_sockaddr_in() {
        return Some(SocketAddr::V4(v4.into()));
    }
    raw.as_sockaddr_in6().map(|&v6| SocketAddr::V6(v6.into()))
}
