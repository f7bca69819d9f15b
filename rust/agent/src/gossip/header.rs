//! Riding on messages that services send anyway: the same packets as text.

use super::admission::Admission;
use super::host::Host;
use super::keyring::Opened;
use super::machine::Machine;
use super::packet::{self, Kind, MAX_SIZE, Packet, Refusal};
use super::peer::Route;

/// Why a header was not taken in. The machine is as before, but for its counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderRefusal {
    /// No packet, or not an authentic one.
    Refused(Refusal),
    /// Seen before.
    Replayed,
    /// This member's own, come back.
    Own,
    /// Asked to reply to a header that was not taken in, that more than a thousand have come after, or whose sender has restarted
    /// meanwhile; or to a stranger's for the second time, or to more strangers than a round allows.
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

impl Machine {
    /// A header for a message to whom this member calls `label`. It asks for nothing; a reply's header completes an exchange.
    pub fn header(&mut self, label: &str, host: &impl Host) -> String {
        let route = Route::Label(label.to_owned());
        self.enter(&route);
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
        let Some(route) = self.sender_of(&packet) else { return Ok(self.take_stranger(packet, received_ns)) };
        match self.admit(&route, &packet) {
            Admission::Replayed => {
                self.counters.replayed += 1;
                Err(HeaderRefusal::Replayed)
            }
            Admission::Unproven => Ok(self.take_stranger(packet, received_ns)),
            Admission::Accepted => {
                let unstamped = Packet { stamp: flocktime_core::Timestamp::MIN, ..packet };
                self.accept(&route, &unstamped, received_ns, signed, host);
                self.waiting.add_accepted(&packet, route);
                Ok(TakenHeader { packet, trusted: signed })
            }
        }
    }

    fn take_stranger(&mut self, packet: Packet, received_ns: u64) -> TakenHeader {
        self.counters.unproven += 1;
        self.waiting.add_stranger(&packet, received_ns);
        TakenHeader { packet, trusted: false }
    }

    /// The header of the answer to a message whose header was taken in. A sender that has yet to prove itself gets a nonce to do
    /// it with.
    ///
    /// # Errors
    ///
    /// [`HeaderRefusal`]; a stranger's header can be replied to once.
    pub fn reply_header(&mut self, text: &str, host: &impl Host) -> Result<String, HeaderRefusal> {
        let (packet, _) = self.open_text(text)?;
        if let Some(received_ns) = self.waiting.take_stranger(&packet) {
            let answer = self.answer_header(&packet, received_ns, host).ok_or(HeaderRefusal::NotReceived)?;
            return Ok(packet::to_text(&answer));
        }
        let route = self.waiting.find_accepted(&packet).ok_or(HeaderRefusal::NotReceived)?;
        let known = self.table.find(&route).and_then(|peer| peer.known_as(&packet));
        known.ok_or(HeaderRefusal::NotReceived)?;
        Ok(packet::to_text(&self.compose(Kind::Reply, &route, host)))
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

    /// Whose header it is, by the nonce that it echoes, which its sender alone was sent with a message. What it says of itself
    /// anybody could say: no peer is found by that, and none is reached by datagrams because of a header.
    fn sender_of(&mut self, packet: &Packet) -> Option<Route> {
        let echoed = packet.echo?.nonce;
        if let Some(route) = self.table.find_sender(echoed) {
            return Some(route);
        }
        let offered_ns = self.waiting.take_offer(echoed, packet, self.round)?;
        let route = Route::Caller { origin: packet.origin, nonce: echoed };
        self.enter(&route);
        self.table.send(&route, echoed, offered_ns);
        Some(route)
    }
}
