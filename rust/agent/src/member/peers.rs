//! What people write to say who the peers are.

use std::net::SocketAddr;

use super::port::canonical;
use crate::gossip::MAX_PEERS;

/// So many names to resolve. Each may stand for many addresses.
pub const MAX_NAMES: usize = 256;
/// The longest name that the domain name system knows.
const MAX_HOST: usize = 253;

/// Why peers were not taken over. The peers are as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerError {
    /// Neither an address nor a name, with a port.
    Invalid {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Too many peers, or too many names among them.
    TooMany {
        /// So many.
        count: usize,
        /// So many may be.
        limit: usize,
    },
    /// The operating system gives no thread to resolve names in.
    Thread {
        /// Its word.
        reason: String,
    },
}

impl std::fmt::Display for PeerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid { name, reason } => write!(f, "peer {name:?}: {reason}"),
            Self::TooMany { count, limit } => write!(f, "{count} peers, and at most {limit} may be"),
            Self::Thread { reason } => write!(f, "no thread to resolve names in: {reason}"),
        }
    }
}

impl std::error::Error for PeerError {}

/// A name and where it leads, still to be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// As it was given.
    pub(super) text: String,
    pub(super) host: String,
    pub(super) port: u16,
}

/// Who the peers are, as it was said.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerList {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) names: Vec<Name>,
}

impl PeerList {
    pub(super) fn of_addresses(addresses: &[SocketAddr]) -> Result<Self, PeerError> {
        check_count(addresses.len(), MAX_PEERS)?;
        let addresses = addresses.iter().map(|&address| usable(address)).collect::<Result<_, _>>()?;
        Ok(Self { addresses, names: Vec::new() })
    }

    pub(super) fn parse(texts: &[String]) -> Result<Self, PeerError> {
        check_count(texts.len(), MAX_PEERS)?;
        let mut list = Self::default();
        for text in texts {
            if let Ok(address) = text.parse() {
                list.addresses.push(usable(address)?);
            } else {
                let name = parse_name(text).map_err(|reason| PeerError::Invalid { name: text.clone(), reason })?;
                list.names.push(name);
            }
        }
        check_count(list.names.len(), MAX_NAMES)?;
        Ok(list)
    }
}

fn check_count(count: usize, limit: usize) -> Result<(), PeerError> {
    if count > limit { Err(PeerError::TooMany { count, limit }) } else { Ok(()) }
}

fn usable(address: SocketAddr) -> Result<SocketAddr, PeerError> {
    let invalid = |reason| Err(PeerError::Invalid { name: address.to_string(), reason });
    if address.port() == 0 {
        return invalid("nobody listens on port 0");
    }
    if address.ip().is_multicast() {
        return invalid("a group is no peer");
    }
    Ok(canonical(address))
}

fn parse_name(text: &str) -> Result<Name, &'static str> {
    let (host, port) = text.rsplit_once(':').ok_or("no port; HOST:PORT is wanted")?;
    let port: u16 = port.parse().map_err(|_| "the port is no number below 65536; HOST:PORT is wanted")?;
    if port == 0 {
        return Err("nobody listens on port 0");
    }
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match bracketed {
        // With a scope: only the operating system knows the names of its interfaces.
        Some(address) if address.contains('%') => address,
        Some(_) => return Err("no IPv6 address in the brackets"),
        None if host.contains(':') => return Err("an IPv6 address needs brackets: [ADDRESS]:PORT"),
        None => host,
    };
    if host.is_empty() {
        return Err("no host; HOST:PORT is wanted");
    }
    if host.len() > MAX_HOST {
        return Err("a name has at most 253 characters");
    }
    if host.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '[' | ']' | '/' | '@')) {
        return Err("a character that no name has");
    }
    Ok(Name { text: text.to_owned(), host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PeerList, PeerError> {
        PeerList::parse(&[text.to_owned()])
    }

    /// Addresses need no resolver, and IPv4 in IPv6's clothes is IPv4.
    #[test]
    fn addresses_are_taken_as_they_are() {
        for (text, address) in [
            ("10.0.0.1:7", "10.0.0.1:7"),
            ("[::1]:7", "[::1]:7"),
            ("[::ffff:10.0.0.1]:7", "10.0.0.1:7"),
            ("[fe80::1%3]:7", "[fe80::1%3]:7"),
        ] {
            let list = parse(text).expect(text);
            assert_eq!((list.addresses, list.names.len()), (vec![address.parse().expect(address)], 0));
        }
    }

    /// What is a name goes to the resolver whole.
    #[test]
    fn names_are_split_at_the_port() {
        for (text, host) in
            [("localhost:7", "localhost"), ("a.b-c_d:7", "a.b-c_d"), ("[fe80::1%eth0]:7", "fe80::1%eth0")]
        {
            let list = parse(text).expect(text);
            assert_eq!(list.names, [Name { text: text.to_owned(), host: host.to_owned(), port: 7 }]);
        }
    }

    /// What is neither is refused by name.
    #[test]
    fn nonsense_is_refused_by_name() {
        let long = format!("{}:7", "x".repeat(254));
        for text in [
            "",
            "host",
            ":7",
            "host:",
            "host:0",
            "host:65536",
            "host:-1",
            "::1:7",
            "[::g]:7",
            "[host]:7",
            "a b:7",
            "a\0b:7",
            "http://a:7",
            "10.0.0.1:0",
            "224.0.0.1:7",
            long.as_str(),
        ] {
            match parse(text) {
                Err(PeerError::Invalid { name, reason }) => assert!(name == text && !reason.is_empty()),
                other => panic!("{text:?} gave {other:?}"),
            }
        }
    }

    /// There is a limit for peers and one for names.
    #[test]
    fn too_many_are_refused_with_their_number() {
        let many: Vec<String> = (0..=MAX_PEERS).map(|_| "10.0.0.1:7".to_owned()).collect();
        assert_eq!(PeerList::parse(&many).err(), Some(PeerError::TooMany { count: MAX_PEERS + 1, limit: MAX_PEERS }));
        let names: Vec<String> = (0..=MAX_NAMES).map(|at| format!("host{at}:7")).collect();
        assert_eq!(PeerList::parse(&names).err(), Some(PeerError::TooMany { count: MAX_NAMES + 1, limit: MAX_NAMES }));
        assert!(PeerList::parse(&names[1..]).is_ok());
    }
}
