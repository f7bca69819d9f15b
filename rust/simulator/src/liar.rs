//! What liars make of what their machines publish.
//!
//! They work on bytes: a packet that the machine has sealed is decoded, altered, and sealed again with the key that they hold. And
//! they know more than any real one could, so that what withstands them withstands others.

use flocktime_agent::gossip::keyring::Keyring;
use flocktime_agent::gossip::packet::{self, MAX_Y, Packet, State};
use flocktime_core::Timestamp;
use flocktime_core::layout::HORIZON;

use crate::fault::Kind;

/// What a liar knows when it speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knowledge {
    /// Since its lie began, seconds.
    pub(crate) lying_s: f64,
    /// Its own L now, nanoseconds since 1970.
    pub(crate) own_ns: i64,
    /// The honest members' median L now.
    pub(crate) flock_ns: i64,
    /// How far from that still counts, nanoseconds.
    pub(crate) gate_ns: f64,
    /// Who it speaks to.
    pub(crate) receiver: u32,
    /// The receiver's L now.
    pub(crate) receiver_ns: i64,
    /// How far ahead the receiver accepts stamps, microseconds.
    pub(crate) receiver_limit_us: u64,
}

/// What of a packet is a lie.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lie {
    /// Added to L, nanoseconds.
    pub(crate) lead_ns: i64,
    /// Added to the published rate.
    pub(crate) rate: f64,
    /// The stamp's physical part instead of the true one, microseconds.
    pub(crate) stamp_us: Option<u64>,
    /// It claims to be synchronised, now and before.
    pub(crate) boasts: bool,
}

/// What this kind of liar says to this receiver.
pub(crate) fn lie(kind: &Kind, known: &Knowledge) -> Lie {
    let ms = |ms: f64| (ms * 1e6) as i64;
    let to_flock = known.flock_ns.saturating_sub(known.own_ns);
    let runaway = |offset_s: f64| {
        let lead_ns = to_flock.saturating_add((offset_s * 1e9) as i64);
        let stamp_us = u64::try_from(known.own_ns.saturating_add(lead_ns) / 1000).unwrap_or(0);
        Lie { lead_ns, stamp_us: Some(stamp_us), boasts: true, ..Lie::default() }
    };
    let lead = |lead_ns| Lie { lead_ns, ..Lie::default() };
    match kind {
        Kind::Constant { offset_ms } => lead(ms(*offset_ms)),
        Kind::Ramp { ppm } => lead((known.lying_s * ppm * 1e3) as i64),
        Kind::TwoFaced { offset_ms } => {
            lead(if known.receiver.is_multiple_of(2) { ms(*offset_ms) } else { -ms(*offset_ms) })
        }
        Kind::Drag { of_gate } => lead(to_flock + (of_gate * known.gate_ns) as i64),
        Kind::Split { of_gate } => {
            let outwards = if known.receiver_ns >= known.flock_ns { *of_gate } else { -of_gate };
            lead(to_flock + (outwards * known.gate_ns) as i64)
        }
        Kind::Flapping { offset_ms, period_s } => {
            let on = known.lying_s.rem_euclid(*period_s) < period_s / 2.0;
            lead(if on { ms(*offset_ms) } else { 0 })
        }
        Kind::Creep { ppm } => {
            let most = 0.95 * known.gate_ns;
            let crept = (known.lying_s * ppm * 1e3).clamp(-most, most);
            Lie { lead_ns: to_flock + crept as i64, rate: ppm * 1e-6, ..Lie::default() }
        }
        Kind::Runaway { offset_s } | Kind::CrashLoop { offset_s, .. } => runaway(*offset_s),
        Kind::Ratchet { of_limit } => {
            let limit = (of_limit * known.receiver_limit_us as f64) as u64;
            let stamp_us = u64::try_from(known.receiver_ns / 1000).unwrap_or(0).saturating_add(limit);
            Lie { stamp_us: Some(stamp_us), ..Lie::default() }
        }
        Kind::OsSet { .. }
        | Kind::Step { .. }
        | Kind::Freeze { .. }
        | Kind::Rate { .. }
        | Kind::Pause
        | Kind::Restart => Lie::default(),
    }
}

impl Lie {
    /// The same stamp, but for what is a lie.
    pub(crate) fn stamp(&self, honest: Timestamp) -> Timestamp {
        let Some(physical_us) = self.stamp_us else { return honest };
        Timestamp::new(physical_us.min(HORIZON), 0, honest.node(), honest.epoch()).unwrap_or(honest)
    }

    /// Rewrites a sealed packet and seals it again.
    ///
    /// # Errors
    ///
    /// What was wrong with the packet, before or after: either is a defect of the simulator.
    pub(crate) fn rewrite(&self, bytes: &[u8], keyring: &Keyring) -> Result<[u8; packet::SIZE], packet::Refusal> {
        let honest = packet::decode(bytes)?;
        let told = Packet {
            tx_l_ns: honest.tx_l_ns.saturating_add(self.lead_ns),
            y: (honest.y + self.rate).clamp(-MAX_Y, MAX_Y),
            stamp: self.stamp(honest.stamp),
            state: if self.boasts { State::Synchronised } else { honest.state },
            synchronised_once: honest.synchronised_once || self.boasts,
            ..honest
        };
        let mut bytes = packet::encode(&told)?;
        keyring.seal(&mut bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flocktime_agent::gossip::keyring::{Key, Opened};
    use flocktime_agent::gossip::packet::Kind as Ask;

    const KNOWN: Knowledge = Knowledge {
        lying_s: 100.0,
        own_ns: 1_000_000_000_000,
        flock_ns: 1_000_000_010_000,
        gate_ns: 50_000.0,
        receiver: 3,
        receiver_ns: 1_000_000_020_000,
        receiver_limit_us: 5_000,
    };

    fn packet() -> Packet {
        Packet {
            kind: Ask::Reply,
            state: State::Joining,
            node: 5,
            incarnation: 6,
            origin: 7,
            sequence: 8,
            nonce: 9,
            tx_h_ns: 10,
            tx_l_ns: KNOWN.own_ns,
            y: 1e-6,
            s: 0.0,
            u: 0.0,
            error_ns: 11,
            anchor: None,
            echo: None,
            synchronised_once: false,
            stamp: Timestamp::new(1_000_000_000, 1, 5, 2).expect("fits"),
        }
    }

    /// Every liar's packet authenticates, and differs from the honest one in nothing but the lie.
    #[test]
    fn lies_authenticate() {
        let keyring = Keyring::new(1, &[Key::new(1, &[7; 32]).expect("long enough")]).expect("one key");
        let mut sealed = packet::encode(&packet()).expect("valid");
        keyring.seal(&mut sealed);
        let kinds = [
            Kind::Constant { offset_ms: 3.0 },
            Kind::Ramp { ppm: 10.0 },
            Kind::TwoFaced { offset_ms: 1.0 },
            Kind::Drag { of_gate: 0.95 },
            Kind::Split { of_gate: 0.95 },
            Kind::Flapping { offset_ms: 1.0, period_s: 300.0 },
            Kind::Creep { ppm: 50.0 },
            Kind::Runaway { offset_s: 788_918_400.0 },
            Kind::CrashLoop { offset_s: 788_918_400.0, every_s: 5.0 },
            Kind::Ratchet { of_limit: 1.0 },
        ];
        for kind in kinds {
            let lie = lie(&kind, &KNOWN);
            assert_ne!(lie, Lie::default(), "{kind:?}");
            let told = lie.rewrite(&sealed, &keyring).expect("a packet");
            let opened = keyring.open(&told).and_then(Opened::decode).expect("authentic");
            assert_eq!(opened.tx_l_ns, packet().tx_l_ns + lie.lead_ns, "{kind:?}");
            let (tx_l_ns, y, stamp) = (packet().tx_l_ns, packet().y, packet().stamp);
            let told = Packet { tx_l_ns, y, stamp, state: State::Joining, synchronised_once: false, ..opened };
            assert_eq!(told, packet(), "{kind:?}");
        }
    }

    /// Dragging, splitting and creeping stay within the gate, seen from the flock's time; the ratchet within the receiver's limit.
    #[test]
    fn lies_stay_inside() {
        for kind in [Kind::Drag { of_gate: 0.95 }, Kind::Split { of_gate: 0.95 }, Kind::Creep { ppm: 50.0 }] {
            let told = KNOWN.own_ns + lie(&kind, &KNOWN).lead_ns;
            let off = (told - KNOWN.flock_ns) as f64;
            assert!(off.abs() <= KNOWN.gate_ns && off.abs() > 0.9 * KNOWN.gate_ns.min(5_000.0), "{kind:?}: {off} ns");
        }
        let ratchet = lie(&Kind::Ratchet { of_limit: 1.0 }, &KNOWN);
        assert_eq!(ratchet.stamp_us, Some(KNOWN.receiver_ns as u64 / 1000 + 5_000));
    }
}
