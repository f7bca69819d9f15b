//! [`Port`]: the socket, and when and where a datagram came.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
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

/// Which address of this machine a datagram came to, as the socket writes it. Where it listens on all of them, an answer has to
/// leave from that one: who asked takes it from nobody else, and the system would choose by where the answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    ip: IpAddr,
    /// The interface, for an address that means nothing without; else 0.
    link: u32,
}

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Canonical.
    pub(super) from: SocketAddr,
    /// Where it came to; `None`: where the socket listens, or the kernel does not say.
    pub(super) local: Option<Local>,
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
            if address.ip().is_unspecified() {
                match reach {
                    Reach::V4 => socket::setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
                    Reach::V6 | Reach::Both => socket::setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
                }
            }
        }
        // Room for a burst while the thread waits for a processor: the usual 200 kB are 28 ms of a flood. Less is no failure.
        let _no_more_than_allowed = socket::setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
        let closed_in_children = ClosedInChildren::new(&socket);
        let control = nix::cmsg_space!(TimeSpec, u32, libc::in6_pktinfo);
        Ok(Self { _closed_in_children: closed_in_children, socket, reach, control })
    }

    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr().map(canonical)
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    /// `to` must be canonical. `from`: where what this answers came to; `None`: the system chooses.
    pub(super) fn send(&self, to: SocketAddr, from: Option<Local>, bytes: &[u8]) -> io::Result<usize> {
        if !self.reach.covers(&to) {
            return Err(ErrorKind::Unsupported.into());
        }
        let to = match to {
            SocketAddr::V4(v4) if self.reach == Reach::Both => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
            }
            _ => to,
        };
        match from {
            Some(from) => send_from(&self.socket, from, to, bytes),
            None => self.socket.send_to(bytes, to),
        }
    }

    /// Whether nothing will ever come in any more: somebody shut it down, say. A socket that is merely empty is not dead.
    pub(super) fn is_dead(&self) -> bool {
        // Whatever is reported here is an end: nothing else is asked for, and errors are reported unasked.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let ends = PollFlags::from_bits_retain(libc::POLLRDHUP);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let ends = PollFlags::empty();
        poll(&mut [PollFd::new(self.as_fd(), ends)], PollTimeout::ZERO).is_ok_and(|reported| reported > 0)
    }

    /// The next datagram, cut to the room; `None`: there is none. The kernel looks at some checksums only now, and drops what
    /// is wrong: it may have said that there is one.
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
        let mut arrival = Arrival { from, local: None, length: message.bytes, stamp_ns: None, overflowed: None };
        for besides in message.cmsgs()? {
            match besides {
                #[cfg(any(target_os = "linux", target_os = "android"))]
                ControlMessageOwned::ScmTimestampns(at) => {
                    arrival.stamp_ns =
                        at.tv_sec().checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(at.tv_nsec()));
                }
                #[cfg(any(target_os = "linux", target_os = "android"))]
                ControlMessageOwned::RxqOvfl(count) => arrival.overflowed = Some(count),
                #[cfg(any(target_os = "linux", target_os = "android"))]
                ControlMessageOwned::Ipv4PacketInfo(info) => arrival.local = local_v4(info),
                #[cfg(any(target_os = "linux", target_os = "android"))]
                ControlMessageOwned::Ipv6PacketInfo(info) => arrival.local = local_v6(info),
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

/// The address of this machine's, also where the datagram went to many.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn local_v4(info: libc::in_pktinfo) -> Option<Local> {
    let ip = Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes());
    (!ip.is_unspecified()).then_some(Local { ip: ip.into(), link: 0 })
}

/// The address that the datagram went to, unless that is many machines'.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn local_v6(info: libc::in6_pktinfo) -> Option<Local> {
    let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
    let many = ip.is_multicast() || ip.to_ipv4_mapped().is_some_and(|v4| v4.is_multicast() || v4.is_broadcast());
    let link = if ip.is_unicast_link_local() { info.ipi6_ifindex } else { 0 };
    (!many).then_some(Local { ip: ip.into(), link })
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn send_from(socket: &UdpSocket, from: Local, to: SocketAddr, bytes: &[u8]) -> io::Result<usize> {
    use nix::sys::socket::ControlMessage;

    let send = |besides| {
        let (parts, to) = ([IoSlice::new(bytes)], SockaddrStorage::from(to));
        Ok(socket::sendmsg(socket.as_raw_fd(), &parts, &[besides], MsgFlags::empty(), Some(&to))?)
    };
    match from.ip {
        IpAddr::V4(ip) => {
            let (ipi_spec_dst, ipi_addr) = (in_addr(ip), in_addr(Ipv4Addr::UNSPECIFIED));
            send(ControlMessage::Ipv4PacketInfo(&libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst, ipi_addr }))
        }
        IpAddr::V6(ip) => {
            let ipi6_addr = libc::in6_addr { s6_addr: ip.octets() };
            send(ControlMessage::Ipv6PacketInfo(&libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: from.link }))
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn in_addr(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) }
}

/// Nobody asks the kernel here where a datagram came to.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn send_from(socket: &UdpSocket, _from: Local, to: SocketAddr, bytes: &[u8]) -> io::Result<usize> {
    socket.send_to(bytes, to)
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
