//! Riding on messages that services send anyway: the same packets as text.

use std::collections::VecDeque;

use super::host::Host;
use super::keyring::Opened;
use super::machine::{Admission, Machine};
use super::packet::{self, Kind, MAX_SIZE, Packet, Refusal};
use super::peer::Route;

/// So many headers of senders who have yet to prove themselves wait for their reply; then the oldest is forgotten.
const WAITING: usize = 1024;

/// Why a header was not taken in. The machine is as before, but for its counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderRefusal {
    /// No packet, or not an authentic one.
    Refused(Refusal),
    /// Seen before.
    Replayed,
    /// This member's own, come back.
    Own,
    /// Asked to reply to a header that was not taken in, or too long ago.
    NotReceived,
}

/// What a header has brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TakenHeader {
    /// The packet in it. Its timestamp is the caller's to merge: the message is there, whatever its sender's standing.
    pub packet: Packet,
    /// Its sender has proven to be there now, and the cluster's key vouches for it.
    pub trusted: bool,
}

/// Strangers' headers that may still be replied to: nonce and when they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(VecDeque<(u64, u64)>);

impl Waiting {
    fn add(&mut self, nonce: u64, received_ns: u64) {
        if self.0.len() == WAITING {
            self.0.pop_front();
        }
        self.0.push_back((nonce, received_ns));
    }

    fn take(&mut self, nonce: u64) -> Option<u64> {
        let place = self.0.iter().position(|&(waiting, _)| waiting == nonce)?;
        self.0.remove(place).map(|(_, received_ns)| received_ns)
    }
}

impl Machine {
    /// A header for a message to whom this member calls `label`. It asks for nothing; a reply's header completes an exchange.
    pub fn header(&mut self, label: &str, host: &impl Host) -> String {
        let route = Route::Label(label.to_owned());
        let (_, evicted) = self.table.enter(&route, self.round, |route| self.partners.keeps(route));
        self.counters.evicted += u64::from(evicted);
        packet::to_text(&self.compose(Kind::Note, &route, host))
    }

    /// Takes a header in that came with a message at this H.
    ///
    /// # Errors
    ///
    /// [`HeaderRefusal`], with the reason.
    pub fn take_header(
        &mut self,
        text: &str,
        received_ns: u64,
        host: &impl Host,
    ) -> Result<TakenHeader, HeaderRefusal> {
        self.counters.received += 1;
        let opened = self.open_text(text);
        let (packet, signed) = opened.inspect_err(|&refusal| match refusal {
            HeaderRefusal::Refused(refusal) => self.counters.refused(refusal),
            _ => self.counters.own += 1,
        })?;
        let route = self.route_of(&packet);
        match self.admit(&route, &packet) {
            Admission::Replayed => {
                self.counters.replayed += 1;
                Err(HeaderRefusal::Replayed)
            }
            Admission::Unproven => {
                self.counters.unproven += 1;
                self.waiting.add(packet.nonce, received_ns);
                Ok(TakenHeader { packet, trusted: false })
            }
            Admission::Accepted => {
                let unstamped = Packet { stamp: flocktime_core::Timestamp::MIN, ..packet };
                self.accept(&route, &unstamped, received_ns, signed, host);
                Ok(TakenHeader { packet, trusted: signed })
            }
        }
    }

    /// The header of the answer to a message whose header was taken in. A sender that has yet to prove itself gets a nonce to do
    /// it with.
    ///
    /// # Errors
    ///
    /// [`HeaderRefusal`]; a stranger's header can be replied to once.
    pub fn reply_header(&mut self, text: &str, host: &impl Host) -> Result<String, HeaderRefusal> {
        let (packet, _) = self.open_text(text)?;
        let route = self.route_of(&packet);
        let Some(received_ns) = self.waiting.take(packet.nonce) else {
            let known = self.table.find(&route).and_then(|peer| peer.known_as(&packet));
            known.ok_or(HeaderRefusal::NotReceived)?;
            return Ok(packet::to_text(&self.compose(Kind::Reply, &route, host)));
        };
        let mut answer = Err(HeaderRefusal::NotReceived);
        self.answer_stranger(&route, &packet, received_ns, host, |bytes| answer = Ok(packet::to_text(bytes)));
        answer
    }

    fn open_text(&self, text: &str) -> Result<(Packet, bool), HeaderRefusal> {
        let mut room = [0; MAX_SIZE];
        let bytes = packet::from_text(text, &mut room).map_err(HeaderRefusal::Refused)?;
        let opened = self.settings.keyring.open(bytes).map_err(HeaderRefusal::Refused)?;
        let packet = Opened::decode(opened).map_err(HeaderRefusal::Refused)?;
        if self.is_own(&packet) {
            return Err(HeaderRefusal::Own);
        }
        Ok((packet, opened.key_id() != 0))
    }

    fn route_of(&self, packet: &Packet) -> Route {
        self.table.find_sender(packet).unwrap_or(Route::Origin(packet.origin))
    }
}
